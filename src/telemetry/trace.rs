//! The trace that the present line of work belongs to, so that a measurement can point at it.

use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The ids of the span that is entered here and now; none outside of one that is recorded.
#[must_use]
pub fn current() -> Option<(TraceId, SpanId)> {
    let context = tracing::Span::current().context();
    let span = context.span().span_context().clone();
    (span.is_valid() && span.is_sampled()).then(|| (span.trace_id(), span.span_id()))
}
