//! The metrics of this process by their names and labels.

use std::collections::HashMap;

use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::model::Micros;
use crate::telemetry::series_of;

/// Every family that is looked at here. Gathering all of them would cost far more.
const LOOKED_AT: [&str; 33] = [
    "dccd_bucket_series_waiting",
    "dccd_clock_offset_seconds",
    "dccd_config_last_reload_successful",
    "dccd_config_max_consecutive_errors",
    "dccd_exchange_banned_until_timestamp_seconds",
    "dccd_exchange_failing",
    "dccd_exchanges_all_failing",
    "dccd_job_failing",
    "dccd_job_paused",
    "dccd_journal_refusing",
    "dccd_queue_capacity_items",
    "dccd_queue_items",
    "dccd_scheduler_last_tick_timestamp_seconds",
    "dccd_series_expected_interval_seconds",
    "dccd_series_gap_seconds",
    "dccd_series_newest_row_timestamp_seconds",
    "dccd_server_certificate_expiry_timestamp_seconds",
    "dccd_storage_free_bytes",
    "dccd_storage_publish_refused",
    "dccd_storage_size_bytes",
    "dccd_storage_wanted_free_bytes",
    "dccd_sync_consecutive_errors",
    "dccd_task_oldest_due_timestamp_seconds",
    "dccd_tasks",
    "dccd_test_alert_active",
    "dccd_unowned_series",
    "dccd_web_config_last_reload_successful",
    "dccd_websocket_state",
    "dccd_worker_heartbeat_timestamp_seconds",
    "dccd_workers",
    "process_max_fds",
    "process_open_fds",
    "process_start_time_seconds",
];

/// Whether a family is looked at.
pub(in crate::daemon) fn is_looked_at(family: &str) -> bool {
    LOOKED_AT.binary_search(&family).is_ok()
}

/// The metrics of this process at an instant.
pub(super) struct Samples<'f> {
    families: HashMap<&'f str, &'f MetricFamily>,
    now: f64,
}

impl<'f> Samples<'f> {
    pub(super) fn of(families: &'f [MetricFamily], at: Micros) -> Self {
        let families = families.iter().map(|family| (family.name(), family)).collect();
        Samples { families, now: at.as_secs_f64() }
    }

    /// The samples of a family.
    pub(super) fn rows(&self, family: &str) -> impl Iterator<Item = (&'f Metric, f64)> {
        debug_assert!(is_looked_at(family), "{family} is not gathered");
        let family = self.families.get(family).copied();
        family.into_iter().flat_map(|family| {
            let kind = family.get_field_type();
            family.get_metric().iter().map(move |row| (row, value(row, kind)))
        })
    }

    /// The samples of a family by the series they are of.
    pub(super) fn by_series(&self, family: &str) -> HashMap<String, f64> {
        self.rows(family).map(|(row, value)| (series_of(row), value)).collect()
    }

    pub(super) fn now(&self) -> f64 {
        self.now
    }
}

pub(super) fn of_label<'m>(row: &'m Metric, name: &str) -> &'m str {
    row.get_label().iter().find(|label| label.name() == name).map_or("", |label| label.value())
}

fn value(row: &Metric, kind: MetricType) -> f64 {
    if kind == MetricType::COUNTER { row.get_counter().get_value() } else { row.get_gauge().get_value() }
}
