//! The metrics there are: the program's own, those that other parts of it bring, and those of other programs.

use std::collections::BTreeSet;

use dccd::telemetry::Metrics;

/// Metrics of parts of the program that are not merged yet; empty at the end.
pub(crate) const COMES_WITH: &[(&str, &str)] = &[
    ("dccd_tasks", "the tracker"),
    ("dccd_tasks_due", "the tracker"),
    ("dccd_task_oldest_due_timestamp_seconds", "the tracker"),
    ("dccd_tasks_planned_total", "the tracker"),
    ("dccd_task_claims_total", "the tracker"),
    ("dccd_task_attempts_total", "the tracker"),
    ("dccd_task_exhaustions_total", "the tracker"),
    ("dccd_task_leases_lost_total", "the tracker"),
    ("dccd_tasks_pruned_total", "the tracker"),
    ("dccd_task_counts_corrected_total", "the tracker"),
    ("dccd_tracker_failures_total", "the tracker"),
    ("dccd_worker_heartbeat_timestamp_seconds", "the tracker"),
    ("dccd_worker_loop_lag_seconds", "the tracker"),
    ("dccd_worker_held_tasks", "the tracker"),
    ("dccd_workers", "the tracker"),
    ("dccd_sync_runs_total", "remotes"),
    ("dccd_sync_failures_total", "remotes"),
    ("dccd_sync_duration_seconds", "remotes"),
    ("dccd_sync_consecutive_errors", "remotes"),
    ("dccd_sync_interval_seconds", "remotes"),
    ("dccd_sync_last_success_timestamp_seconds", "remotes"),
    ("dccd_sync_pending_bytes", "remotes"),
    ("dccd_sync_pending_files", "remotes"),
    ("dccd_sync_copied_bytes_total", "remotes"),
    ("dccd_sync_copied_files_total", "remotes"),
    ("dccd_restore_files_total", "remotes"),
    ("dccd_restore_failures_total", "remotes"),
    ("dccd_purge_files_total", "remotes"),
    ("dccd_purge_bytes_total", "remotes"),
    ("dccd_remote_only_files", "remotes"),
    ("dccd_remote_only_bytes", "remotes"),
    ("dccd_server_connections", "the HTTP server"),
    ("dccd_server_requests_refused_total", "the HTTP server"),
    ("dccd_server_scrapes_refused_total", "the HTTP server"),
    ("dccd_server_scrape_duration_seconds", "the HTTP server"),
    ("dccd_server_certificate_expiry_timestamp_seconds", "the HTTP server"),
    ("dccd_web_config_last_reload_successful", "the HTTP server"),
    ("dccd_web_config_last_reload_success_timestamp_seconds", "the HTTP server"),
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

/// Every family of the program that a scrape can hold.
pub(crate) fn families() -> BTreeSet<String> {
    Metrics::new().families().into_iter().map(|family| family.name).collect()
}
