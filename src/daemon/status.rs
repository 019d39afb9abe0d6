//! What the HTTP pages say of the daemon right now: readiness, the scheduler's last round and its jobs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::now;
use crate::daemon::{QueueView, Snapshot, Trouble};
use crate::model::{Micros, Series};

/// The reason a new [`Status`] is not ready; the one who starts the daemon clears it last.
pub const STARTING: &str = "starting";
/// The reason a daemon that is told to stop is not ready.
pub const STOPPING: &str = "stopping";
/// The reason a daemon is not ready whose scheduler stands still.
pub const STUCK: &str = "stuck";

/// One line of the table of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Whose.
    pub series: Series,
    /// When its last run ended.
    pub last_run_at: Option<Micros>,
    /// When its last successful run ended.
    pub last_success_at: Option<Micros>,
    /// New rows stored by its runs.
    pub rows: u64,
    /// Failed runs in a row.
    pub consecutive_errors: u32,
    /// The fault of the last run, if it failed.
    pub last_error: Option<String>,
    /// Time of its newest stored row.
    pub newest_row: Option<Micros>,
    /// When it runs next, where that is known.
    pub next_run_at: Option<Micros>,
    /// A run of it is under way.
    pub is_running: bool,
    /// Somebody does not want it to run by itself.
    pub is_paused: bool,
}

/// The present state of the daemon; set by it, read by the HTTP pages.
pub struct Status(Mutex<Present>);

struct Present {
    unready: BTreeMap<&'static str, (String, Micros)>,
    last_tick: Instant,
    jobs: Arc<[JobRow]>,
    queues: Vec<QueueView>,
    snapshot: Arc<Snapshot>,
}

impl Default for Status {
    fn default() -> Self {
        Status::new()
    }
}

impl Status {
    /// Not ready because of [`STARTING`]; the scheduler counts as having ticked now.
    #[must_use]
    pub fn new() -> Self {
        let unready = BTreeMap::from([(STARTING, ("the daemon is starting".to_owned(), now()))]);
        Status(Mutex::new(Present {
            unready,
            last_tick: Instant::now(),
            jobs: Arc::new([]),
            queues: Vec::new(),
            snapshot: Arc::default(),
        }))
    }

    /// Not ready while `name` is set, because of `reason`.
    pub fn set_unready(&self, name: &'static str, reason: impl Into<String>) {
        let mut present = self.present();
        let since = present.unready.get(name).map_or_else(now, |(_, since)| *since);
        present.unready.insert(name, (reason.into(), since));
    }

    /// `name` is no longer a reason not to be ready.
    pub fn clear_unready(&self, name: &'static str) {
        self.present().unready.remove(name);
    }

    /// Why the daemon is not ready, as `name: reason`; ready where there is none.
    #[must_use]
    pub fn unready(&self) -> Vec<String> {
        self.troubles().iter().map(ToString::to_string).collect()
    }

    /// The same, each with the time since when.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let trouble = |(name, (why, since)): (&&str, &(String, Micros))| Trouble {
            about: (*name).to_owned(),
            why: why.clone(),
            since: *since,
        };
        self.present().unready.iter().map(trouble).collect()
    }

    /// The scheduler went round.
    pub fn tick(&self) {
        self.present().last_tick = Instant::now();
    }

    /// How long ago the scheduler went round.
    #[must_use]
    pub fn since_tick(&self) -> Duration {
        self.present().last_tick.elapsed()
    }

    /// Replaces the table of jobs.
    pub fn set_jobs(&self, jobs: Vec<JobRow>) {
        self.present().jobs = jobs.into();
    }

    /// The table of jobs as it was last set.
    #[must_use]
    pub fn jobs(&self) -> Arc<[JobRow]> {
        Arc::clone(&self.present().jobs)
    }

    /// The daemon's state in one word: `starting`, `running` or `stopping`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        let present = self.present();
        let has = |name| present.unready.contains_key(name);
        if has(STOPPING) {
            STOPPING
        } else if has(STARTING) {
            STARTING
        } else {
            "running"
        }
    }

    /// Replaces the counts of each queue.
    pub fn set_queues(&self, queues: Vec<QueueView>) {
        self.present().queues = queues;
    }

    /// The counts of each queue as they were last set.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueView> {
        self.present().queues.clone()
    }

    /// Replaces the snapshot that pages are answered from.
    pub fn set_snapshot(&self, snapshot: Snapshot) {
        self.present().snapshot = Arc::new(snapshot);
    }

    /// The snapshot as it was last set; an empty one before the first.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.present().snapshot)
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_scheduler_is_late_by_the_time_since_its_last_round() {
        let status = Status::new();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(status.since_tick(), Duration::from_secs(90));

        status.tick();

        assert_eq!(status.since_tick(), Duration::ZERO);
    }

    #[test]
    fn it_is_ready_when_every_reason_against_it_is_gone() {
        let status = Status::new();
        status.set_unready("store", "no space left");
        status.clear_unready(STARTING);
        assert_eq!(status.unready(), ["store: no space left"]);

        status.clear_unready("store");

        assert!(status.unready().is_empty());
    }
}
