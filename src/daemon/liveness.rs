//! `.dccd/health.json`: a heartbeat that a health check reads without opening a socket or the database.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::daemon::{Condition, Snapshot, Trouble, troubles};
use crate::disk::atomic;

/// How often the daemon writes the file, in seconds.
pub const WRITTEN_EVERY_SECS: u64 = 5;
/// A file older than this many seconds is stale.
pub const FRESH_SECS: f64 = 15.0;
/// A scheduler that has not ticked for this many seconds is stuck.
pub const STUCK_SECS: f64 = 30.0;

/// The most bytes read from the file.
const MOST_BYTES: u64 = 64 * 1024;

/// The contents of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Liveness {
    /// The worker's name in the tracker.
    pub worker_id: String,
    /// `starting`, `running`, `stopping` or `stuck`.
    pub worker: String,
    /// Process id.
    pub pid: u32,
    /// Version of the program.
    pub version: String,
    /// The configured name of this installation.
    pub environment: String,
    /// When this was written, in seconds since 1970.
    pub written_at: f64,
    /// Seconds since the scheduler's last tick, at `written_at`.
    pub tick_age_secs: f64,
    /// `healthy`, `degraded` or `unhealthy`.
    #[serde(default)]
    pub status: String,
    /// The problems, as `about: why`.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Why the state store cannot be used, if it cannot.
    pub store_error: Option<String>,
    /// Jobs that are due and wait for a free slot.
    pub queue_depth: u64,
    /// Runs under way.
    pub processing: u64,
    /// Jobs whose last run failed.
    pub failed: u64,
}

impl Liveness {
    /// Builds the contents from a snapshot, whose first worker is this process, and the reasons for not being
    /// ready.
    #[must_use]
    pub fn of(snapshot: &Snapshot, unready: &[Trouble]) -> Self {
        let own = snapshot.workers.first().cloned().unwrap_or_default();
        let sums = snapshot.sums();
        Liveness {
            worker_id: own.id,
            worker: own.state.to_owned(),
            pid: own.pid,
            version: own.version,
            environment: snapshot.environment.clone(),
            written_at: snapshot.at.as_secs_f64(),
            tick_age_secs: own.loop_lag_s,
            status: Condition::of(snapshot, unready).name().to_owned(),
            reasons: unready.iter().chain(&troubles(snapshot)).map(ToString::to_string).collect(),
            store_error: snapshot.store.error.clone(),
            queue_depth: sums.depth,
            processing: sums.in_progress,
            failed: sums.failed,
        }
    }

    /// Reads the file from the data path's own folder. `None` if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read or parsed.
    pub fn read(own: &Path) -> io::Result<Option<Self>> {
        use std::io::Read as _;
        let file = match std::fs::File::open(own.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(Some(serde_json::from_slice(&bytes)?))
    }

    /// Replaces the file; blocks on the disk. It is not synced: after a power cut its contents would be out of
    /// date anyway, and a sync every few seconds would wear the disk and delay other writers.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn write(&self, own: &Path) -> io::Result<()> {
        atomic::show(&own.join(NAME), &serde_json::to_vec(self)?)
    }

    /// Removes the file when this process ends.
    ///
    /// # Errors
    /// Any I/O error but that the file does not exist.
    pub fn remove(own: &Path) -> io::Result<()> {
        if Liveness::read(own).is_ok_and(|found| found.is_some_and(|found| found.pid != std::process::id())) {
            return Ok(());
        }
        match std::fs::remove_file(own.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

const NAME: &str = "health.json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::{QueueView, WorkerView};
    use crate::model::Micros;

    #[test]
    fn what_is_written_of_a_snapshot_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let queue = QueueView { depth: 2, in_progress: 3, failed: 1, ..QueueView::default() };
        let own = WorkerView {
            id: "host-7".to_owned(),
            pid: std::process::id(),
            state: "running",
            ..WorkerView::default()
        };
        let snapshot = Snapshot {
            at: Micros::from_secs(1_700_000_000),
            environment: "production".to_owned(),
            workers: vec![own],
            queues: vec![queue.clone(), queue],
            ..Snapshot::default()
        };
        assert_eq!(Liveness::read(folder.path()).unwrap(), None);

        Liveness::of(&snapshot, &[]).write(folder.path()).unwrap();

        let read = Liveness::read(folder.path()).unwrap().unwrap();
        assert_eq!(read, Liveness::of(&snapshot, &[]));
        assert_eq!((read.status.as_str(), read.reasons.len()), ("degraded", 2));
        assert_eq!((read.queue_depth, read.processing, read.failed), (4, 6, 2));
        assert_eq!((read.worker.as_str(), read.written_at), ("running", 1_700_000_000.0));
        Liveness::remove(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
