//! The families that are not counted for each series: runs, requests, storage and the process itself.

use prometheus::{Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::register::{FLUSH, HTTP, LAG, RUN, Register, SIZE, WAIT};

/// Who runs, with which configuration.
pub(crate) struct Program {
    pub(crate) build_info: GaugeVec,
    pub(crate) config_info: GaugeVec,
    pub(crate) max_consecutive_errors: IntGauge,
    pub(crate) scheduler_last_tick: Gauge,
    pub(crate) series_dropped: IntCounterVec,
    pub(crate) status_file_failures: IntCounter,
    pub(crate) log_messages: IntCounterVec,
    pub(crate) queue_dropped: IntCounterVec,
}

impl Program {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Program {
            build_info: add.gauges(
                "build_info",
                "What was built, from what, with what, for what; always 1.",
                &["version", "revision", "rustc", "target"],
            ),
            config_info: add.gauges(
                "config_info",
                "Hash of the configuration in force; always 1.",
                &["hash"],
            ),
            max_consecutive_errors: add.count_gauge(
                "config_max_consecutive_errors",
                "Configured number of failed runs in a row that raises an alert.",
            ),
            scheduler_last_tick: add.gauge(
                "scheduler_last_tick_timestamp_seconds",
                "When the scheduler last went round, in seconds since 1970.",
            ),
            series_dropped: add.counters(
                "metrics_series_dropped_total",
                "Declarations and updates refused because a series had no place under the limit.",
                &["family"],
            ),
            status_file_failures: add
                .counter("status_file_write_failures_total", "Attempts to write metrics.json that failed."),
            log_messages: add.counters("log_messages_total", "Lines logged.", &["level"]),
            queue_dropped: add.counters(
                "queue_dropped_total",
                "Entries a full or broken queue had to drop.",
                &["queue"],
            ),
        }
    }
}

/// Runs of jobs, where one label set serves many series.
pub(crate) struct Runs {
    pub(crate) duration: HistogramVec,
    pub(crate) delay: HistogramVec,
    pub(crate) jobs: GaugeVec,
    pub(crate) discarded: IntCounterVec,
}

impl Runs {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Runs {
            duration: add.histograms(
                "job_run_duration_seconds",
                "How long runs took, failed ones included.",
                &["exchange", "kind"],
                RUN,
            ),
            delay: add.histograms(
                "job_schedule_delay_seconds",
                "How long after it was due a run began.",
                &["kind"],
                LAG,
            ),
            jobs: add.gauges("jobs", "Jobs by what they are doing; sums to all jobs.", &["status"]),
            discarded: add.counters(
                "rows_discarded_total",
                "Rows received and not kept, by reason.",
                &["exchange", "kind", "reason"],
            ),
        }
    }
}

/// Requests to exchanges and the limits they are sent under.
pub(crate) struct Requests {
    pub(crate) sent: IntCounterVec,
    pub(crate) failures: IntCounterVec,
    pub(crate) duration: HistogramVec,
    pub(crate) response_bytes: IntCounterVec,
    pub(crate) retries: IntCounterVec,
    pub(crate) wait: HistogramVec,
    pub(crate) throttled: IntCounterVec,
    pub(crate) tokens: GaugeVec,
    pub(crate) capacity: GaugeVec,
    pub(crate) banned_until: GaugeVec,
    pub(crate) clock_offset: GaugeVec,
    pub(crate) up: GaugeVec,
}

impl Requests {
    pub(super) fn new(add: &Register<'_>) -> Self {
        let endpoint = ["exchange", "endpoint"];
        Requests {
            sent: add.counters(
                "http_requests_total",
                "Requests sent, by status; code none where no answer came.",
                &["exchange", "endpoint", "code"],
            ),
            failures: add.counters(
                "http_request_failures_total",
                "Requests that brought nothing of use, by reason.",
                &["exchange", "endpoint", "reason"],
            ),
            duration: add.histograms(
                "http_request_duration_seconds",
                "How long requests took, body included.",
                &endpoint,
                HTTP,
            ),
            response_bytes: add.counters(
                "http_response_bytes_total",
                "Bytes of answers, decoded.",
                &endpoint,
            ),
            retries: add.counters("http_retries_total", "Requests sent again after a failure.", &endpoint),
            wait: add.histograms(
                "ratelimit_wait_seconds",
                "How long requests waited for our own rate limit.",
                &["exchange"],
                WAIT,
            ),
            throttled: add.counters(
                "ratelimit_throttled_total",
                "Requests that had to wait for our own rate limit.",
                &["exchange"],
            ),
            tokens: add.gauges("ratelimit_tokens", "Request weight left to spend now.", &["exchange"]),
            capacity: add.gauges(
                "ratelimit_capacity_tokens",
                "Request weight that can be saved up.",
                &["exchange"],
            ),
            banned_until: add.gauges(
                "exchange_banned_until_timestamp_seconds",
                "Until when the exchange refuses us, in seconds since 1970; 0 where it never did.",
                &["exchange"],
            ),
            clock_offset: add.gauges(
                "clock_offset_seconds",
                "The exchange's clock minus ours, as last measured.",
                &["exchange"],
            ),
            up: add.gauges(
                "exchange_up",
                "1 if the exchange answered when it was last asked; 0 before that too.",
                &["exchange"],
            ),
        }
    }
}

/// Files and the disk they are on.
pub(crate) struct Storage {
    pub(crate) publish_duration: HistogramVec,
    pub(crate) publish_failures: IntCounterVec,
    pub(crate) written_bytes: IntCounterVec,
    pub(crate) copied_bytes: IntCounterVec,
    pub(crate) file_size: HistogramVec,
    pub(crate) buffered_rows: GaugeVec,
    pub(crate) quarantined: IntCounter,
    pub(crate) missing: IntCounter,
    pub(crate) free_bytes: Gauge,
    pub(crate) size_bytes: Gauge,
}

impl Storage {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Storage {
            publish_duration: add.histograms(
                "storage_publish_duration_seconds",
                "How long it took to publish a file, fsync included.",
                &["kind"],
                FLUSH,
            ),
            publish_failures: add.counters(
                "storage_publish_failures_total",
                "Series whose files could not be read or published, by reason; their windows stay gaps.",
                &["kind", "reason"],
            ),
            written_bytes: add.counters(
                "storage_written_bytes_total",
                "Bytes encoded and written to published files.",
                &["kind"],
            ),
            copied_bytes: add.counters(
                "storage_copied_bytes_total",
                "Bytes copied unchanged from the file that was replaced.",
                &["kind"],
            ),
            file_size: add.histograms("storage_file_size_bytes", "Size of published files.", &["kind"], SIZE),
            buffered_rows: add.gauges(
                "storage_buffered_rows",
                "Rows accepted and not yet in a published file.",
                &["kind"],
            ),
            quarantined: add.counter("storage_quarantined_files_total", "Damaged files set aside."),
            missing: add.counter("storage_missing_files_total", "Published files that were found gone."),
            free_bytes: add.gauge("storage_free_bytes", "Bytes free for us on the disk of the data path."),
            size_bytes: add.gauge("storage_size_bytes", "Size of the disk of the data path in bytes."),
        }
    }
}
