//! How many of the series that are collected by themselves have rows as new as they should be.

use std::collections::HashMap;

use prometheus::proto::MetricFamily;

use super::samples::{Samples, of_label};
use crate::api::Freshness;
use crate::model::Micros;
use crate::telemetry::series_of;

/// How many intervals the newest row may be old, and how much more.
pub(super) const INTERVALS: f64 = 3.0;
pub(super) const MORE_SECS: f64 = 300.0;
/// A market may go without a trade for a while.
pub(super) const MORE_OF_TRADES_SECS: f64 = 3_600.0;

/// The families by which series are told to be fresh, stale or with gaps.
pub(super) const FAMILIES: [&str; 5] = [
    "dccd_job_paused",
    "dccd_series_expected_interval_seconds",
    "dccd_series_gap_seconds",
    "dccd_series_newest_row_timestamp_seconds",
    "process_start_time_seconds",
];

/// Series that are fresh, and that have gaps.
pub(in crate::daemon) fn freshness(families: &[MetricFamily], at: Micros) -> Freshness {
    let samples = Samples::of(families, at);
    let limits = stale_after(&samples);
    let newest = samples.by_series("dccd_series_newest_row_timestamp_seconds");
    let is_fresh = |(series, limit): &(&String, &f64)| {
        let newest = newest.get(*series).copied().unwrap_or(0.0);
        newest > 0.0 && samples.now() - newest <= **limit
    };
    let gaps: Vec<f64> =
        samples.rows("dccd_series_gap_seconds").map(|(_, secs)| secs).filter(|secs| *secs > 0.0).collect();
    Freshness {
        expected: limits.len() as u64,
        fresh: limits.iter().filter(is_fresh).count() as u64,
        with_gaps: gaps.len() as u64,
        gap_seconds: gaps.iter().sum(),
    }
}

/// From which age in seconds on each series is stale, of those that are collected by themselves and not paused.
pub(super) fn stale_after(samples: &Samples<'_>) -> HashMap<String, f64> {
    let paused = samples.by_series("dccd_job_paused");
    let is_paused = |series: &String| paused.get(series).is_some_and(|paused| *paused == 1.0);
    let expected = samples.rows("dccd_series_expected_interval_seconds").filter(|(_, secs)| *secs > 0.0);
    let limits = expected.map(|(row, secs)| {
        let more = if of_label(row, "kind") == "trades" { MORE_OF_TRADES_SECS } else { MORE_SECS };
        (series_of(row), INTERVALS * secs + more)
    });
    limits.filter(|(series, _)| !is_paused(series)).collect()
}
