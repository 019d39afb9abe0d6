//! Families that are not counted per series: runs, requests, storage and the process itself.

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};

use super::register::{FLUSH, HTTP, LAG, RUN, Register, SIZE, SYNC, WAIT};
use super::traced::TracedHistograms;

/// The program and its configuration.
pub(crate) struct Program {
    pub(crate) build_info: GaugeVec,
    pub(crate) config_info: GaugeVec,
    pub(crate) max_consecutive_errors: IntGauge,
    pub(crate) scheduler_last_tick: Gauge,
    pub(crate) series_dropped: IntCounterVec,
    pub(crate) status_file_failures: IntCounter,
    pub(crate) log_messages: IntCounterVec,
    pub(crate) queue_dropped: IntCounterVec,
    pub(crate) queue_items: IntGaugeVec,
    pub(crate) queue_capacity: IntGaugeVec,
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
            queue_items: add.count_gauges("queue_items", "Entries waiting in a queue.", &["queue"]),
            queue_capacity: add.count_gauges(
                "queue_capacity_items",
                "Entries a queue holds before it drops any.",
                &["queue"],
            ),
        }
    }
}

/// Runs of jobs, where series share label sets.
pub(crate) struct Runs {
    pub(crate) duration: TracedHistograms,
    pub(crate) delay: HistogramVec,
    pub(crate) jobs: GaugeVec,
    pub(crate) discarded: IntCounterVec,
    pub(crate) repairs: IntCounterVec,
}

impl Runs {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Runs {
            duration: add.traced_histograms(
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
            repairs: add.counters(
                "holes_repaired_total",
                "Holes between held rows that were asked for again, by outcome: filled, failed.",
                &["exchange", "kind", "outcome"],
            ),
        }
    }
}

/// Requests to exchanges and the limits they are sent under.
pub(crate) struct Requests {
    pub(crate) sent: IntCounterVec,
    pub(crate) failures: IntCounterVec,
    pub(crate) duration: TracedHistograms,
    pub(crate) response_bytes: IntCounterVec,
    pub(crate) retries: IntCounterVec,
    pub(crate) wait: HistogramVec,
    pub(crate) throttled: IntCounterVec,
    pub(crate) tokens: GaugeVec,
    pub(crate) capacity: GaugeVec,
    pub(crate) limited_until: GaugeVec,
    pub(crate) banned_until: GaugeVec,
    pub(crate) clock_offset: GaugeVec,
    pub(crate) up: GaugeVec,
    pub(crate) failing: GaugeVec,
    pub(crate) all_failing: IntGauge,
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
            duration: add.traced_histograms(
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
            limited_until: add.gauges(
                "exchange_limited_until_timestamp_seconds",
                "Until when the exchange wants no request because we sent too many, in seconds since 1970; 0 where it never did.",
                &["exchange"],
            ),
            banned_until: add.gauges(
                "exchange_banned_until_timestamp_seconds",
                "Until when the exchange has banned us, in seconds since 1970; 0 where it never did.",
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
            failing: add.gauges(
                "exchange_failing",
                "1 while most series of the exchange fail and one of them has reached the alert threshold.",
                &["exchange"],
            ),
            all_failing: add.count_gauge(
                "exchanges_all_failing",
                "1 while every exchange fails for most of its series and one series has reached the alert threshold.",
            ),
        }
    }
}

/// Files and their disk.
pub(crate) struct Storage {
    pub(crate) publish_duration: TracedHistograms,
    pub(crate) publish_failures: IntCounterVec,
    pub(crate) written_bytes: IntCounterVec,
    pub(crate) copied_bytes: IntCounterVec,
    pub(crate) file_size: HistogramVec,
    pub(crate) folds: IntCounterVec,
    pub(crate) buffered_rows: GaugeVec,
    pub(crate) unpublishable: Gauge,
    pub(crate) quarantined: IntCounter,
    pub(crate) missing: IntCounter,
    pub(crate) adopted: IntCounter,
    pub(crate) free_bytes: Gauge,
    pub(crate) size_bytes: Gauge,
}

impl Storage {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Storage {
            publish_duration: add.traced_histograms(
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
            folds: add.counters(
                "storage_folds_total",
                "Files of large periods that were written anew, with rows of the open file beside them or late ones.",
                &["kind"],
            ),
            buffered_rows: add.gauges(
                "storage_buffered_rows",
                "Rows accepted and not yet in a published file.",
                &["kind"],
            ),
            unpublishable: add.gauge(
                "storage_publish_refused",
                "1 while files cannot be published; their rows stay in the journal.",
            ),
            quarantined: add.counter("storage_quarantined_files_total", "Damaged files set aside."),
            missing: add.counter("storage_missing_files_total", "Published files that were found gone."),
            adopted: add.counter(
                "storage_adopted_files_total",
                "Whole files taken into a ledger that did not know them.",
            ),
            free_bytes: add.gauge("storage_free_bytes", "Bytes free for us on the disk of the data path."),
            size_bytes: add.gauge("storage_size_bytes", "Size of the disk of the data path in bytes."),
        }
    }
}

/// The journal, which holds accepted rows until their files are published.
pub(crate) struct Journal {
    pub(crate) accepted: IntCounter,
    pub(crate) durable: IntCounter,
    pub(crate) unsynced_bytes: Gauge,
    pub(crate) last_sync: Gauge,
    pub(crate) sync_duration: Histogram,
    pub(crate) rewrites: IntCounter,
    pub(crate) segments: Gauge,
    pub(crate) size_bytes: Gauge,
    pub(crate) refusing: Gauge,
    pub(crate) replayed_frames: IntCounter,
    pub(crate) replayed_rows: IntCounter,
    pub(crate) torn: IntCounter,
}

impl Journal {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Journal {
            accepted: add.counter(
                "journal_accepted_frames_total",
                "Frames accepted into the journal: they survive the end of the process.",
            ),
            durable: add.counter(
                "journal_durable_frames_total",
                "Frames of the journal that survive a power cut too.",
            ),
            unsynced_bytes: add.gauge(
                "journal_unsynced_bytes",
                "Bytes accepted into the journal that do not survive a power cut yet.",
            ),
            last_sync: add.gauge(
                "journal_last_sync_timestamp_seconds",
                "When the journal was last durable up to its last frame, in seconds since 1970.",
            ),
            sync_duration: add.histogram(
                "journal_sync_duration_seconds",
                "How long it took to make the journal durable.",
                SYNC,
            ),
            rewrites: add.counter(
                "journal_rewrites_total",
                "Failed syncs that were made good by writing the frames to a fresh segment.",
            ),
            segments: add.gauge("journal_segments", "Segments of the journal on disk."),
            size_bytes: add.gauge("journal_size_bytes", "Bytes in the segments of the journal."),
            refusing: add.gauge(
                "journal_refusing",
                "1 while rows are not accepted because the journal cannot be written.",
            ),
            replayed_frames: add.counter(
                "journal_replayed_frames_total",
                "Frames read back from an earlier process's journal.",
            ),
            replayed_rows: add
                .counter("journal_replayed_rows_total", "Rows of such frames that no file held yet."),
            torn: add.counter(
                "journal_torn_stretches_total",
                "Stretches of the journal that were no frames and were set aside.",
            ),
        }
    }
}
