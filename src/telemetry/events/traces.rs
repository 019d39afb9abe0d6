//! Events of spans sent to a collector.

use std::error::Error;

use super::Chain;
use crate::telemetry::{Event, Telemetry};

/// A span ended while the queue was full. It is counted but not logged: the cause of the full queue is.
pub(crate) struct SpanRefused;

impl Event for SpanRefused {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().traces.spans_dropped.inc();
    }
}

/// Spans could not be sent and were dropped.
pub struct SpansLost<'a> {
    /// The number of spans.
    pub spans: u64,
    /// The error, without the contents of the request.
    pub error: &'a str,
}

impl Event for SpansLost<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let traces = &telemetry.metrics().traces;
        // In this order, so that a reader that sees the failure also sees its spans.
        traces.spans_dropped.inc_by(self.spans);
        traces.export_failures.inc();
        let Self { spans, error } = self;
        tracing::warn!(spans, error, "traces not sent; check telemetry.otlp_endpoint and the collector");
    }
}

/// Traces are configured but cannot be sent at all; everything else continues.
pub struct TracesOff<'a> {
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for TracesOff<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().traces.export_failures.inc();
        tracing::error!("{}", Chain(self.error));
    }
}
