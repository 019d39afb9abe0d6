//! The daemon's present state as plain values: filled in one place, read by `/health`, the queues and
//! `health.json`. Pure.

use std::collections::BTreeMap;

pub use crate::api::{
    AlertView, DiskView, Freshness, OutOfStep, RemoteView, StoreView, StreamView, WorkerView,
};
use crate::model::Micros;

/// The daemon at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Micros,
    /// The configured name of this installation.
    pub environment: String,
    /// Every worker known to the store, this process first.
    pub workers: Vec<WorkerView>,
    /// The state store.
    pub store: StoreView,
    /// The disk of the data path.
    pub disk: DiskView,
    /// Exchanges in use.
    pub exchanges: Vec<ExchangeView>,
    /// The queue of each exchange.
    pub queues: Vec<QueueView>,
    /// The live series.
    pub streams: Vec<StreamView>,
    /// The remotes.
    pub remotes: Vec<RemoteView>,
    /// How many series are fresh.
    pub freshness: Freshness,
    /// Alerts that would fire.
    pub alerts: Vec<AlertView>,
    /// When each current problem began.
    pub since: BTreeMap<String, Micros>,
}

/// An exchange in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExchangeView {
    /// As in the configuration.
    pub name: &'static str,
    /// Whether it answered the last request.
    pub is_up: bool,
    /// Whether it was asked and did not answer.
    pub is_down: bool,
    /// When its rate limit ends, if we exceeded it.
    pub limited_until: Option<Micros>,
    /// When its ban of this address ends, if there is one.
    pub banned_until: Option<Micros>,
    /// Request weight allowed within [`ExchangeView::per_secs`].
    pub limit: u32,
    /// The length of the rate limit's window.
    pub per_secs: f64,
}

/// The jobs of one exchange, counted by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueView {
    /// The exchange.
    pub name: String,
    /// Due and waiting for a slot.
    pub depth: u64,
    /// Due later.
    pub scheduled: u64,
    /// Running.
    pub in_progress: u64,
    /// Jobs whose last run failed.
    pub failed: u64,
    /// Given up until they are retried.
    pub exhausted: u64,
    /// Paused.
    pub paused: u64,
    /// When the job that has waited longest became due.
    pub oldest_due: Option<Micros>,
}

/// Sums over all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSums {
    /// Due and waiting for a slot.
    pub depth: u64,
    /// Running.
    pub in_progress: u64,
    /// Jobs whose last run failed.
    pub failed: u64,
}

impl Snapshot {
    /// The totals over all queues.
    #[must_use]
    pub fn sums(&self) -> QueueSums {
        self.queues.iter().fold(QueueSums::default(), |sums, queue| QueueSums {
            depth: sums.depth + queue.depth,
            in_progress: sums.in_progress + queue.in_progress,
            failed: sums.failed + queue.failed,
        })
    }
}
