//! The metrics there are: the program's own, those that other parts of it bring, and those of other programs.

use std::collections::BTreeSet;

use dccd::telemetry::Metrics;

/// Metrics of one-shot runs, which are in a textfile instead of the daemon's exposition.
pub(crate) const OF_COLLECT: [&str; 6] = [
    "dccd_collect_last_run_timestamp_seconds",
    "dccd_collect_last_success_timestamp_seconds",
    "dccd_collect_duration_seconds",
    "dccd_collect_rows",
    "dccd_collect_exit_code",
    "node_textfile_scrape_error",
];

/// Metrics of Prometheus and Alertmanager.
pub(crate) const OF_OTHERS: [&str; 6] = [
    "up",
    "ALERTS",
    "alertmanager_notifications_total",
    "alertmanager_notifications_failed_total",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_rule_evaluation_failures_total",
];

/// Every family of the program that a scrape can hold.
pub(crate) fn families() -> BTreeSet<String> {
    Metrics::new().families().into_iter().map(|family| family.name).collect()
}
