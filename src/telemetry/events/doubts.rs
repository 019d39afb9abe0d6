//! Events of answers that were requested twice before they were believed.

use crate::model::{Series, Window};
use crate::telemetry::{Event, Telemetry};

/// Two answers skip the same ids on an exchange without gaps in its ids: no trade had them.
pub struct IdHoleBelieved<'a> {
    /// The series of the trades.
    pub series: &'a Series,
    /// The id before the hole.
    pub before: u64,
    /// The number of ids skipped.
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

/// Windows came back empty and are requested again.
pub struct EmptyWindowsDoubted<'a> {
    /// The series.
    pub series: &'a Series,
    /// The number of windows.
    pub windows: u64,
}

impl Event for EmptyWindowsDoubted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let labels = [self.series.exchange(), self.series.kind().name()];
        telemetry.metrics().doubts.empty_windows.with_label_values(&labels).inc_by(self.windows);
        tracing::debug!(series = %self.series, windows = self.windows, "windows came empty and are asked for once more");
    }
}

/// A dated pair now names another contract.
pub struct ContractRolledOver<'a> {
    /// The series of the pair.
    pub series: &'a Series,
    /// The contract it named before.
    pub before: &'a str,
    /// The contract it names now.
    pub now: &'a str,
    /// When it named the previous contract.
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
