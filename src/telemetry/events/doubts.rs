//! Answers that were asked for a second time before they were believed.

use crate::model::{Series, Window};
use crate::telemetry::{Event, Telemetry};

/// Two answers skip the same numbers where trades are numbered without a hole: no trade had them.
pub struct IdHoleBelieved<'a> {
    /// The series of the trades.
    pub series: &'a Series,
    /// The number before the hole.
    pub before: u64,
    /// How many numbers are skipped.
    pub ids: u64,
}

impl Event for IdHoleBelieved<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        telemetry.metrics().doubts.id_holes.with_label_values(&labels).inc();
        tracing::warn!(
            series = %self.series,
            before = self.before,
            ids = self.ids,
            "two answers skip the same trade ids; they are taken for unused, compare with the exchange where this matters"
        );
    }
}

/// Windows came empty and are asked for once more.
pub struct EmptyWindowsDoubted<'a> {
    /// The series.
    pub series: &'a Series,
    /// How many.
    pub windows: u64,
}

impl Event for EmptyWindowsDoubted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        telemetry.metrics().doubts.empty_windows.with_label_values(&labels).inc_by(self.windows);
        tracing::debug!(series = %self.series, windows = self.windows, "windows came empty and are asked for once more");
    }
}

/// Another contract took the name of a dated pair.
pub struct ContractRolledOver<'a> {
    /// The series that is asked for.
    pub series: &'a Series,
    /// The contract that had the name.
    pub before: &'a str,
    /// The one that has it now.
    pub now: &'a str,
    /// When the one before had it.
    pub tenure: Option<Window>,
}

impl Event for ContractRolledOver<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        telemetry.metrics().doubts.rollovers.with_label_values(&labels).inc();
        let until = self.tenure.map(|tenure| tenure.until.to_string()).unwrap_or_default();
        tracing::info!(
            series = %self.series,
            before = self.before,
            now = self.now,
            until,
            "another contract has the name of the pair; what is missing of the one before is asked for for another day"
        );
    }
}
