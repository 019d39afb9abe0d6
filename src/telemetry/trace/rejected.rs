//! Counts spans that a collector accepted with its status but rejected in its answer.
//!
//! The SDK takes such an answer for a success, and reports the rejection only by an event of its own.

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::Context;

use crate::telemetry::Telemetry;
use crate::telemetry::events::SpansLost;

const TARGET: &str = "opentelemetry-otlp";
const NAME: &str = "HttpTraceClient.PartialSuccess";

/// Counts spans that a collector rejected.
pub(in crate::telemetry) struct Rejected(pub(super) Telemetry);

/// Selects the SDK's events about rejections.
pub(in crate::telemetry) fn rejections() -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(|about| about.is_event() && about.target() == TARGET && about.name() == NAME)
}

impl<S: Subscriber> Layer<S> for Rejected {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut answer = Rejection::default();
        event.record(&mut answer);
        // Without rejected spans it is only advice: nothing is lost.
        if answer.spans > 0 {
            self.0.emit(SpansLost { spans: answer.spans, error: &answer.why });
        }
    }
}

#[derive(Default)]
struct Rejection {
    spans: u64,
    why: String,
}

impl Visit for Rejection {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "rejected_spans" {
            self.spans = u64::try_from(value).unwrap_or(0);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "error_message" {
            value.clone_into(&mut self.why);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
