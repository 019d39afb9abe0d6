//! The metrics whose history is kept by itself, and the keys they are kept under.

use crate::telemetry::rollup::Kind;

/// How the value of a family becomes an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The growth of a counter.
    Growth,
    /// The level of a gauge.
    Level,
    /// The seconds since an instant; 0 where there is none.
    Age,
    /// The seconds until an instant; 0 where it has passed.
    Left,
}

/// One family that is kept.
pub(super) struct Kept {
    pub(super) family: &'static str,
    /// Only rows with this value of a label.
    pub(super) only: Option<(&'static str, &'static str)>,
    /// The key, with the names of labels in braces; `{series}` is made of those of a series.
    pub(super) key: &'static str,
    pub(super) unit: &'static str,
    pub(super) reading: Reading,
}

impl Kept {
    pub(super) fn kind(&self) -> Kind {
        if self.reading == Reading::Growth { Kind::Counter } else { Kind::Gauge }
    }

    /// The labels that it needs.
    #[cfg(test)]
    pub(super) fn labels(&self) -> impl Iterator<Item = &'static str> {
        let named = self.key.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let series = ["exchange", "pair", "kind", "span"].as_slice();
        let named = named.flat_map(move |name| match name {
            "series" => series.to_vec(),
            name => vec![name],
        });
        named.chain(self.only.map(|(label, _)| label))
    }
}

const fn growth(family: &'static str, key: &'static str, unit: &'static str) -> Kept {
    Kept { family, only: None, key, unit, reading: Reading::Growth }
}

const fn level(family: &'static str, key: &'static str, unit: &'static str) -> Kept {
    Kept { family, only: None, key, unit, reading: Reading::Level }
}

const fn until(family: &'static str, key: &'static str) -> Kept {
    Kept { family, only: None, key, unit: "seconds", reading: Reading::Left }
}

pub(super) const KEPT: &[Kept] = &[
    growth("dccd_job_runs_total", "job:{series}:runs", "runs"),
    growth("dccd_rows_written_total", "job:{series}:rows", "rows"),
    growth("dccd_rows_written_total", "rows:written", "rows"),
    growth("dccd_http_requests_total", "exchange:{exchange}:requests", "requests"),
    growth("dccd_http_request_failures_total", "exchange:{exchange}:failures", "requests"),
    growth("dccd_http_retries_total", "exchange:{exchange}:retries", "requests"),
    growth("dccd_http_response_bytes_total", "exchange:{exchange}:received", "bytes"),
    growth("dccd_ratelimit_throttled_total", "exchange:{exchange}:throttled", "requests"),
    level("dccd_ratelimit_tokens", "exchange:{exchange}:limit_left", "weight"),
    level("dccd_ratelimit_capacity_tokens", "exchange:{exchange}:limit", "weight"),
    until("dccd_exchange_limited_until_timestamp_seconds", "exchange:{exchange}:limited_for"),
    until("dccd_exchange_banned_until_timestamp_seconds", "exchange:{exchange}:banned_for"),
    growth("dccd_task_attempts_total", "queue:{exchange}:{outcome}", "attempts"),
    growth("dccd_task_exhaustions_total", "queue:{exchange}:exhausted", "tasks"),
    level("dccd_tasks_due", "queue:{exchange}:depth", "tasks"),
    Kept {
        only: Some(("status", "in_progress")),
        ..level("dccd_tasks", "queue:{exchange}:in_progress", "tasks")
    },
    Kept {
        reading: Reading::Age,
        ..until("dccd_task_oldest_due_timestamp_seconds", "queue:{exchange}:oldest_age")
    },
    growth("dccd_journal_accepted_frames_total", "journal:accepted", "frames"),
    growth("dccd_journal_durable_frames_total", "journal:durable", "frames"),
    level("dccd_journal_size_bytes", "journal:size", "bytes"),
    level("dccd_journal_unsynced_bytes", "journal:unsynced", "bytes"),
    growth("dccd_storage_written_bytes_total", "publish:{kind}:written", "bytes"),
    growth("dccd_storage_publish_failures_total", "publish:{kind}:failures", "series"),
    level("dccd_storage_buffered_rows", "publish:{kind}:waiting", "rows"),
    level("dccd_storage_free_bytes", "disk:free", "bytes"),
    growth("dccd_websocket_messages_total", "stream:{exchange}:messages", "messages"),
    growth("dccd_websocket_connects_total", "stream:{exchange}:connects", "connections"),
    growth("dccd_websocket_rows_total", "stream:{exchange}:{kind}:rows", "rows"),
    growth("dccd_websocket_holes_total", "stream:{exchange}:{kind}:holes", "holes"),
    level("dccd_worker_loop_lag_seconds", "worker:loop_lag", "seconds"),
    level("dccd_worker_held_tasks", "worker:held", "tasks"),
    level("process_resident_memory_bytes", "worker:memory", "bytes"),
];
