//! Families of the metric history.

use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec};

use super::register::{FLUSH, Register};

/// Why an observation is not in the history, as label values.
const REASONS: [&str; 2] = ["invalid", "overtaken"];

/// How the history of metrics is written to the state store.
pub(crate) struct Keeping {
    pub(crate) written: IntCounter,
    pub(crate) failures: IntCounter,
    pub(crate) lost: IntCounterVec,
    pub(crate) pruned: IntCounter,
    pub(crate) last_write: Gauge,
    pub(crate) duration: Histogram,
}

impl Keeping {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let keeping = Keeping {
            written: add.counter(
                "history_written_points_total",
                "Points of the metric history that were written to the state store.",
            ),
            failures: add.counter(
                "history_write_failures_total",
                "Attempts to write the metric history that failed; its points wait for the next one.",
            ),
            lost: add.counters(
                "history_lost_observations_total",
                "Observations that the metric history does not have: not those of such a metric (invalid), or another process has the data path (overtaken).",
                &["reason"],
            ),
            pruned: add.counter(
                "history_pruned_points_total",
                "Points of the metric history that were older than is kept.",
            ),
            last_write: add.gauge(
                "history_last_write_timestamp_seconds",
                "When the metric history was last written, in seconds since 1970; 0 before the first time.",
            ),
            duration: add.histogram(
                "history_write_duration_seconds",
                "How long it took to write the metric history.",
                FLUSH,
            ),
        };
        for reason in REASONS {
            keeping.lost.with_label_values(&[reason]);
        }
        keeping
    }
}
