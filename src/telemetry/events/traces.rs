//! Spans on their way to a collector.

use std::error::Error;

use super::Chain;
use crate::telemetry::{Event, Telemetry};

/// A span ended while the queue was full. It is counted and not logged: the reason for a full queue is.
pub(crate) struct SpanRefused;

impl Event for SpanRefused {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().traces.spans_dropped.inc();
    }
}

/// Spans could not be sent and are gone; nothing else is.
pub struct SpansLost<'a> {
    /// How many.
    pub spans: u64,
    /// Why; never with what the request carried.
    pub error: &'a str,
}

impl Event for SpansLost<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let traces = &telemetry.metrics().traces;
        // In this order: a reader that sees the failure sees its spans.
        traces.spans_dropped.inc_by(self.spans);
        traces.export_failures.inc();
        let Self { spans, error } = self;
        tracing::warn!(spans, error, "traces not sent; check telemetry.otlp_endpoint and the collector");
    }
}

/// Traces are configured and cannot be sent at all; everything else goes on.
pub struct TracesOff<'a> {
    /// Why.
    pub error: &'a dyn Error,
}

impl Event for TracesOff<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().traces.export_failures.inc();
        tracing::error!("{}", Chain(self.error));
    }
}
