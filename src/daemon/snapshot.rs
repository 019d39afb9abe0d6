//! How the daemon is right now, as plain values: filled in one place, read by `/health`, the queues and
//! `health.json`. Nothing here asks anybody anything.

use std::collections::BTreeMap;

use serde::Serialize;

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

/// A process that works.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WorkerView {
    /// Its name, one of each process that ever ran; the same wherever it is told of.
    pub id: String,
    /// Its process, on its own host.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Of this process `starting`, `running`, `stopping` or `stuck`; of others `healthy`, `stale` or `dead`.
    pub state: &'static str,
    /// How long ago it was heard of.
    pub last_seen_s: f64,
    /// How long ago its scheduler went round.
    pub loop_lag_s: f64,
    /// Its runs.
    pub in_progress: u64,
    /// Its memory.
    pub rss_bytes: Option<u64>,
}

/// The state store as it last answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoreView {
    /// `sqlite` or `postgres`.
    pub kind: &'static str,
    /// The version of its engine.
    pub version: String,
    /// How long its last answer took.
    pub latency_ms: Option<f64>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// What waits in its write-ahead log.
    pub wal_bytes: Option<u64>,
    /// Connections held open.
    pub connections: u32,
    /// Why it cannot be used; none where it can.
    pub error: Option<String>,
}

/// The disk as it was last measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DiskView {
    /// Free for us.
    pub free_bytes: u64,
    /// Its size.
    pub size_bytes: u64,
    /// Why rows are not accepted or not published; none where all is well.
    pub error: Option<String>,
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
