//! Families of answers that were requested twice before they were believed, and of contract rollovers.

use prometheus::IntCounterVec;

use super::forget::forget;
use super::register::Register;

const LABELS: [&str; 2] = ["exchange", "kind"];

/// Families of answers requested twice.
pub(crate) struct Doubts {
    pub(crate) id_holes: IntCounterVec,
    pub(crate) empty_windows: IntCounterVec,
    pub(crate) rollovers: IntCounterVec,
}

impl Doubts {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Doubts {
            id_holes: add.counters(
                "trade_id_holes_total",
                "Holes in contiguous trade ids that a second answer had too, so that no trade is missing there.",
                &LABELS,
            ),
            empty_windows: add.counters(
                "empty_windows_doubted_total",
                "Windows that came empty and were asked for once more, together with a row known beside them.",
                &LABELS,
            ),
            rollovers: add.counters(
                "contract_rollovers_total",
                "Times another contract took the name of a dated pair, and the rest of the one before was asked for.",
                &LABELS,
            ),
        }
    }

    /// Creates the label sets of an exchange and a kind, each at 0.
    pub(super) fn declare(&self, exchange: &str, kind: &str) {
        self.families().iter().for_each(|family| {
            family.with_label_values(&[exchange, kind]);
        });
    }

    /// Drops them.
    pub(super) fn forget(&self, exchange: &str, kind: &str) {
        self.families().iter().for_each(|family| forget(family, &[("exchange", exchange), ("kind", kind)]));
    }

    fn families(&self) -> [&IntCounterVec; 3] {
        [&self.id_holes, &self.empty_windows, &self.rollovers]
    }
}
