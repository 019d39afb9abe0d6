//! How the daemon is right now, as plain values: filled in one place, read by `/health`, the queues and
//! `health.json`. Nothing here asks anybody anything.

use std::collections::BTreeMap;

pub use crate::api::{DiskView, StoreView, WorkerView};
use crate::model::Micros;

/// The daemon at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Micros,
    /// What this installation is called.
    pub environment: String,
    /// Every worker that the store knows, this process first.
    pub workers: Vec<WorkerView>,
    /// The state store.
    pub store: StoreView,
    /// The disk of the data path.
    pub disk: DiskView,
    /// The exchanges that are in use.
    pub exchanges: Vec<ExchangeView>,
    /// The work of each exchange.
    pub queues: Vec<QueueView>,
    /// Since when each thing is wrong that is wrong.
    pub since: BTreeMap<String, Micros>,
}

/// An exchange that is in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExchangeView {
    /// Its name.
    pub name: &'static str,
    /// Whether its last request was answered.
    pub is_up: bool,
    /// Until when it wants no request because we sent too many.
    pub limited_until: Option<Micros>,
    /// Until when it has banned us, where it has.
    pub banned_until: Option<Micros>,
    /// Request weight it takes in [`ExchangeView::per_secs`].
    pub limit: u32,
    /// The length of its window.
    pub per_secs: f64,
}

/// The jobs of one exchange by what they are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueView {
    /// The exchange.
    pub name: String,
    /// Due, and waiting for a place.
    pub depth: u64,
    /// Due later.
    pub scheduled: u64,
    /// Running.
    pub in_progress: u64,
    /// Those whose last run failed.
    pub failed: u64,
    /// Given up until someone acts.
    pub exhausted: u64,
    /// Paused by someone.
    pub paused: u64,
    /// Since when the one has been due that has waited longest.
    pub oldest_due: Option<Micros>,
}

/// Sums over all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSums {
    /// Due, and waiting for a place.
    pub depth: u64,
    /// Running.
    pub in_progress: u64,
    /// Those whose last run failed.
    pub failed: u64,
}

impl Snapshot {
    /// The queues together.
    #[must_use]
    pub fn sums(&self) -> QueueSums {
        self.queues.iter().fold(QueueSums::default(), |sums, queue| QueueSums {
            depth: sums.depth + queue.depth,
            in_progress: sums.in_progress + queue.in_progress,
            failed: sums.failed + queue.failed,
        })
    }
}
