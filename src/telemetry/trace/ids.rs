//! The ids of the present span, which log lines and exemplars carry.

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};

/// The ids of the span that is entered here and now; none outside of one that is recorded and sampled.
#[must_use]
pub fn current() -> Option<(TraceId, SpanId)> {
    Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        (ids.is_valid() && ids.is_sampled()).then(|| (ids.trace_id(), ids.span_id()))
    })
}
