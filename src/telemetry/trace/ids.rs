//! The ids of the current span, for log lines and exemplars.

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};

/// The ids of the current span. `None` unless it is recorded and sampled.
#[must_use]
pub fn current() -> Option<(TraceId, SpanId)> {
    Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        (ids.is_valid() && ids.is_sampled()).then(|| (ids.trace_id(), ids.span_id()))
    })
}
