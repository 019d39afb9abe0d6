//! Families of traces and of throttled log lines.

use prometheus::IntCounter;

use super::register::Register;

/// Lost spans, and log lines left out.
pub(crate) struct Traces {
    pub(crate) spans_dropped: IntCounter,
    pub(crate) export_failures: IntCounter,
    pub(crate) lines_left_out: IntCounter,
}

impl Traces {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Traces {
            spans_dropped: add.counter(
                "trace_spans_dropped_total",
                "Spans that never reached the collector: the queue was full, or sending failed.",
            ),
            export_failures: add
                .counter("trace_export_failures_total", "Batches of spans the collector did not take."),
            lines_left_out: add.counter(
                "log_lines_left_out_total",
                "Log lines left out because there were too many of their kind within a minute.",
            ),
        }
    }
}
