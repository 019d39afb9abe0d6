//! Families of series shared by several processes: ownership, and writes refused by the bucket.

use prometheus::{IntCounter, IntCounterVec, IntGauge};

use super::register::Register;

/// How ownerships of this process begin and end, as label values.
const CHANGES: [&str; 3] = ["taken", "given_up", "lost"];
/// Label values for the state of the bucket that a new owner found.
const TAKEOVERS: [&str; 3] = ["continued", "inherited", "failed"];
/// Why the bucket refused a write, as label values.
const REFUSALS: [&str; 2] = ["fence", "changed"];

/// Ownership of series, and the bucket of a fleet.
pub(crate) struct Fleet {
    pub(crate) owned: IntGauge,
    pub(crate) unowned: IntGauge,
    pub(crate) changes: IntCounterVec,
    pub(crate) takeovers: IntCounterVec,
    pub(crate) refused: IntCounterVec,
    pub(crate) late_rows: IntCounter,
    pub(crate) waiting: IntGauge,
}

impl Fleet {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let fleet = Fleet {
            owned: add.count_gauge("owned_series", "Series that this process writes."),
            unowned: add.count_gauge(
                "unowned_series",
                "Configured series without a worker that writes them, as this process sees it.",
            ),
            changes: add.counters(
                "ownership_changes_total",
                "Series that this process began or ceased to own: taken, given_up, lost.",
                &["change"],
            ),
            takeovers: add.counters(
                "takeovers_total",
                "Series this process took over from the fleet's bucket: continued where it was their last owner \
                 itself, inherited from another, or failed.",
                &["outcome"],
            ),
            refused: add.counters(
                "bucket_writes_refused_total",
                "Writes the fleet's bucket did not take: another owns the series (fence), or another's write came \
                 before (changed) and is merged.",
                &["reason"],
            ),
            late_rows: add.counter(
                "late_rows_total",
                "Rows merged from an earlier ownership of a series that were missing elsewhere.",
            ),
            waiting: add.count_gauge(
                "bucket_series_waiting",
                "Series of this process whose last publish is not in the fleet's bucket yet.",
            ),
        };
        let closed = [
            (&fleet.changes, &CHANGES[..]),
            (&fleet.takeovers, &TAKEOVERS[..]),
            (&fleet.refused, &REFUSALS[..]),
        ];
        for (family, words) in closed {
            for word in words {
                family.with_label_values(&[word]);
            }
        }
        fleet
    }
}
