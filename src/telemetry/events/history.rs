//! Events of the metric history.

use std::error::Error;
use std::time::Duration;

use super::Chain;
use crate::clock::now;
use crate::model::{Micros, Series};
use crate::telemetry::history::job_key;
use crate::telemetry::rollup::{Kind, RollupError};
use crate::telemetry::{Event, Telemetry};

/// Points were written to the state store.
pub struct HistoryWritten {
    /// The number of points.
    pub points: usize,
    /// The number of points that wait now.
    pub waiting: usize,
    /// When they were written.
    pub at: Micros,
    /// How long it took.
    pub took: Duration,
}

impl Event for HistoryWritten {
    fn emit(self, telemetry: &Telemetry) {
        let keeping = &telemetry.metrics().keeping;
        keeping.written.inc_by(self.points as u64);
        keeping.last_write.set(self.at.as_secs_f64());
        keeping.duration.observe(self.took.as_secs_f64());
        telemetry.metrics().show_waiting_points(self.waiting);
        tracing::debug!(points = self.points, took = ?self.took, "metric history written");
    }
}

/// The state store did not take the history; its points wait.
pub struct HistoryNotWritten<'a> {
    /// The error.
    pub error: &'a dyn Error,
    /// The number of points that wait.
    pub waiting: usize,
}

impl Event for HistoryNotWritten<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().keeping.failures.inc();
        telemetry.metrics().show_waiting_points(self.waiting);
        tracing::warn!(
            waiting = self.waiting,
            error = %Chain(self.error),
            "metric history not written; its points wait for the state store"
        );
    }
}

/// Another process writes the history of this data path, so this one's points are dropped.
pub struct HistoryOvertaken {
    /// The number of points.
    pub points: usize,
}

impl Event for HistoryOvertaken {
    fn emit(self, telemetry: &Telemetry) {
        let lost = telemetry.metrics().keeping.lost.with_label_values(&["overtaken"]);
        lost.inc_by(self.points as u64);
        telemetry.metrics().show_waiting_points(0);
        tracing::error!(
            points = self.points,
            "another process has taken over the metric history of this data path"
        );
    }
}

/// Points that are older than is kept were deleted.
pub struct HistoryPruned {
    /// The number of points.
    pub points: u64,
}

impl Event for HistoryPruned {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().keeping.pruned.inc_by(self.points);
        tracing::debug!(points = self.points, "metric history pruned");
    }
}

/// An observation could not be recorded.
pub struct ObservationLost<'a> {
    /// The reason.
    pub error: &'a RollupError,
}

impl Event for ObservationLost<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let lost = match self.error {
            RollupError::Full { .. } => telemetry.metrics().dropped_points(),
            _ => telemetry.metrics().keeping.lost.with_label_values(&["invalid"]),
        };
        lost.inc();
        tracing::debug!(error = %self.error, "not in the metric history");
    }
}

impl Telemetry {
    /// Records how long something took, for the metric history.
    pub(crate) fn record_duration(&self, key: &str, took: Duration) {
        self.record(key, (Kind::Histogram, "seconds"), took.as_secs_f64());
    }

    /// Records a failed run of a job, for the metric history.
    pub(crate) fn record_failure(&self, series: &Series) {
        self.record(&job_key(series, "failures"), (Kind::Counter, "runs"), 1.0);
    }

    /// Records how long a run of a job took, for the metric history.
    pub(crate) fn record_latency(&self, series: &Series, took: Duration) {
        self.record_duration(&job_key(series, "latency"), took);
    }

    fn record(&self, key: &str, metric: (Kind, &str), value: f64) {
        if let Err(error) = self.history().record(key, metric, value, now()) {
            self.emit(ObservationLost { error: &error });
        }
    }
}
