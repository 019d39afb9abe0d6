//! The metrics there are: the program's own, those that other parts of it bring, and those of other programs.

use std::collections::BTreeSet;
use std::time::Duration;

use dccd::telemetry::Telemetry;

/// Metrics of parts of the program that are not merged yet; empty at the end.
pub(crate) const COMES_WITH: &[(&str, &str)] = &[
    ("dccd_tasks", "the tracker"),
    ("dccd_queue_oldest_waiting_timestamp_seconds", "the tracker"),
    ("dccd_queue_depth_tasks", "the tracker"),
    ("dccd_leases_lost_total", "the tracker"),
    ("dccd_worker_heartbeat_timestamp_seconds", "the tracker"),
    ("dccd_task_claims_total", "the tracker"),
    ("dccd_task_completions_total", "the tracker"),
    ("dccd_job_lease_timestamp_seconds", "the tracker"),
    ("dccd_sync_runs_total", "remotes"),
    ("dccd_sync_failures_total", "remotes"),
    ("dccd_sync_duration_seconds", "remotes"),
    ("dccd_sync_consecutive_errors", "remotes"),
    ("dccd_sync_interval_seconds", "remotes"),
    ("dccd_sync_last_success_timestamp_seconds", "remotes"),
    ("dccd_sync_pending_bytes", "remotes"),
    ("dccd_sync_pending_files", "remotes"),
];

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

/// Every family of a daemon with one series of each kind.
pub(crate) fn families() -> BTreeSet<String> {
    let telemetry = Telemetry::new();
    telemetry.metrics().show_config("abc", 3);
    telemetry.metrics().declare_exchange("binance", &["ohlc"]);
    for text in ["binance/BTC-USDT/ohlc/1h", "binance/BTC-USDT/trades", "binance/BTC-USDT/orderbook"] {
        telemetry.declare_series(&text.parse().unwrap(), "job", Duration::from_secs(60));
    }
    telemetry.metrics().gather().iter().map(|family| family.name().to_owned()).collect()
}
