//! Events of the scheduler, the disk and the program's own files.

use std::error::Error;

use super::Chain;
use crate::model::Micros;
use crate::telemetry::{Event, JobCounts, Telemetry};

/// The scheduler ticked.
pub struct SchedulerTicked {
    /// The time of the tick.
    pub at: Micros,
}

impl Event for SchedulerTicked {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().program.scheduler_last_tick.set(self.at.as_secs_f64());
    }
}

/// The jobs were counted by state.
pub struct JobsCounted(pub JobCounts);

impl Event for JobsCounted {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().show_jobs(self.0);
    }
}

/// The disk of the data path was measured.
pub struct DiskMeasured {
    /// Bytes available to this process.
    pub free_bytes: u64,
    /// Its size.
    pub size_bytes: u64,
}

impl Event for DiskMeasured {
    fn emit(self, telemetry: &Telemetry) {
        let storage = &telemetry.metrics().storage;
        storage.free_bytes.set(self.free_bytes as f64);
        storage.size_bytes.set(self.size_bytes as f64);
    }
}

/// `metrics.json` could not be written; `dccd status` shows the previous state.
pub struct StatusFileFailed<'a> {
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for StatusFileFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().program.status_file_failures.inc();
        tracing::warn!(error = %Chain(self.error), "metrics.json not written; it is tried again");
    }
}

impl Telemetry {
    /// Writes `metrics.json` if health has changed; blocks on the disk. A failure is counted, and retried at
    /// the next call.
    pub fn save_health(&self) {
        if let Err(error) = self.health().save() {
            self.emit(StatusFileFailed { error: &error });
        }
    }
}
