//! Events of series shared by several processes: ownership, takeovers, and writes refused by the bucket.

use std::error::Error;

use super::Chain;
use crate::telemetry::{Event, Telemetry};

/// Ownerships were renewed and counted.
pub struct OwnershipSeen {
    /// Series owned by this process.
    pub owned: usize,
    /// Configured series without an owner.
    pub unowned: usize,
}

impl Event for OwnershipSeen {
    fn emit(self, telemetry: &Telemetry) {
        let fleet = &telemetry.metrics().fleet;
        fleet.owned.set(i64::try_from(self.owned).unwrap_or(i64::MAX));
        fleet.unowned.set(i64::try_from(self.unowned).unwrap_or(i64::MAX));
    }
}

/// A change in the ownership of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnershipChange {
    /// This process owns it now.
    Taken,
    /// This process gave it up, and another may own it.
    GivenUp,
    /// Another process owns it, or it was not renewed in time.
    Lost,
}

/// This process began or ceased to own a series.
pub struct OwnershipChanged<'a> {
    /// The series.
    pub series: &'a str,
    /// The change.
    pub change: OwnershipChange,
}

impl Event for OwnershipChanged<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let (word, series) = (self.change.name(), self.series);
        telemetry.metrics().fleet.changes.with_label_values(&[word]).inc();
        match self.change {
            OwnershipChange::Lost => {
                tracing::warn!(series, "this series is another's now; what runs for it here ends");
            }
            OwnershipChange::Taken => tracing::info!(series, "this process writes the series from now on"),
            OwnershipChange::GivenUp => tracing::info!(series, "the series was given up for others"),
        }
    }
}

impl OwnershipChange {
    fn name(self) -> &'static str {
        match self {
            OwnershipChange::Taken => "taken",
            OwnershipChange::GivenUp => "given_up",
            OwnershipChange::Lost => "lost",
        }
    }
}

/// A new owner has fetched the files that it starts from.
pub struct SeriesTakenOver<'a> {
    /// The series.
    pub series: &'a str,
    /// The fence of the ownership.
    pub fence: u64,
    /// Whether another process wrote it before.
    pub is_inherited: bool,
}

impl Event for SeriesTakenOver<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let outcome = if self.is_inherited { "inherited" } else { "continued" };
        telemetry.metrics().fleet.takeovers.with_label_values(&[outcome]).inc();
        tracing::info!(series = self.series, fence = self.fence, outcome, "series taken over");
    }
}

/// A series could not be taken over; it is not run until that succeeds.
pub struct TakeoverFailed<'a> {
    /// The series.
    pub series: &'a str,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for TakeoverFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().fleet.takeovers.with_label_values(&["failed"]).inc();
        tracing::warn!(series = self.series, error = %Chain(self.error), "series not taken over; it is tried again");
    }
}

/// Rows of an earlier ownership were merged.
pub struct LateRowsMerged<'a> {
    /// The series.
    pub series: &'a str,
    /// Rows that no later owner had.
    pub rows: u64,
    /// The number of files they were in.
    pub files: u64,
}

impl Event for LateRowsMerged<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().fleet.late_rows.inc_by(self.rows);
        let (series, rows, files) = (self.series, self.rows, self.files);
        tracing::info!(series, rows, files, "files of an earlier ownership merged");
    }
}

/// Writes in the bucket lost to earlier writes of other processes.
pub struct WritesOvertaken<'a> {
    /// The series.
    pub series: &'a str,
    /// The number of writes.
    pub writes: u64,
}

impl Event for WritesOvertaken<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().fleet.refused.with_label_values(&["changed"]).inc_by(self.writes);
        tracing::debug!(series = self.series, writes = self.writes, "writes overtaken in the bucket");
    }
}

/// The bucket refused a write because another process owns the series.
pub struct WriteFenced<'a> {
    /// The series.
    pub series: &'a str,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for WriteFenced<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().fleet.refused.with_label_values(&["fence"]).inc();
        tracing::warn!(series = self.series, error = %Chain(self.error), "nothing was written to the bucket");
    }
}

/// Series not completely uploaded to the bucket.
pub struct BucketWaiting {
    /// The number of series.
    pub series: usize,
}

impl Event for BucketWaiting {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().fleet.waiting.set(i64::try_from(self.series).unwrap_or(i64::MAX));
    }
}
