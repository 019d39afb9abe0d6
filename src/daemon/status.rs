//! The daemon's present state for the HTTP pages: readiness, the scheduler's last tick, and its jobs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::now;
use crate::daemon::{QueueView, Snapshot, Trouble};
use crate::model::{Micros, Series};

/// Why a new [`Status`] is not ready; cleared last during startup.
pub const STARTING: &str = "starting";
/// Why a stopping daemon is not ready.
pub const STOPPING: &str = "stopping";
/// Why a daemon whose scheduler is stuck is not ready.
pub const STUCK: &str = "stuck";

/// A row of the job table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// The series that the job collects.
    pub series: Series,
    /// When the last run ended.
    pub last_run_at: Option<Micros>,
    /// When the last successful run ended.
    pub last_success_at: Option<Micros>,
    /// New rows stored by its runs.
    pub rows: u64,
    /// Consecutive failed runs.
    pub consecutive_errors: u32,
    /// The error of the last run, if it failed.
    pub last_error: Option<String>,
    /// Time of its newest stored row.
    pub newest_row: Option<Micros>,
    /// When it runs next, if known.
    pub next_run_at: Option<Micros>,
    /// Whether it is running.
    pub is_running: bool,
    /// Whether it is paused.
    pub is_paused: bool,
}

/// Set by the daemon, read by the HTTP pages.
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
    /// Unready because of [`STARTING`], with a tick just now.
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

    /// Makes the daemon unready because of `reason` until `name` is cleared.
    pub fn set_unready(&self, name: &'static str, reason: impl Into<String>) {
        let mut present = self.present();
        let since = present.unready.get(name).map_or_else(now, |(_, since)| *since);
        present.unready.insert(name, (reason.into(), since));
    }

    /// Removes `name` from the reasons for not being ready.
    pub fn clear_unready(&self, name: &'static str) {
        self.present().unready.remove(name);
    }

    /// The reasons for not being ready, as `name: reason`. Empty if the daemon is ready.
    #[must_use]
    pub(crate) fn unready(&self) -> Vec<String> {
        self.troubles().iter().map(ToString::to_string).collect()
    }

    /// The same, each with the time it began.
    #[must_use]
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let trouble = |(name, (why, since)): (&&str, &(String, Micros))| Trouble {
            about: (*name).to_owned(),
            why: why.clone(),
            since: *since,
        };
        self.present().unready.iter().map(trouble).collect()
    }

    /// Records a tick of the scheduler.
    pub fn tick(&self) {
        self.present().last_tick = Instant::now();
    }

    /// The time since the scheduler's last tick.
    #[must_use]
    pub(crate) fn since_tick(&self) -> Duration {
        self.present().last_tick.elapsed()
    }

    /// Replaces the job table.
    pub fn set_jobs(&self, jobs: Vec<JobRow>) {
        self.present().jobs = jobs.into();
    }

    /// The job table as last set.
    #[must_use]
    pub fn jobs(&self) -> Arc<[JobRow]> {
        Arc::clone(&self.present().jobs)
    }

    /// `starting`, `running` or `stopping`.
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

    /// Replaces the counts of the queues.
    pub(crate) fn set_queues(&self, queues: Vec<QueueView>) {
        self.present().queues = queues;
    }

    /// The counts of the queues as last set.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueView> {
        self.present().queues.clone()
    }

    /// Replaces the snapshot that pages are answered from.
    pub fn set_snapshot(&self, snapshot: Snapshot) {
        self.present().snapshot = Arc::new(snapshot);
    }

    /// The snapshot as last set; empty before the first.
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
