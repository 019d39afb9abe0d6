//! Traces over OTLP: their spans, their export, and the ids of the current one.
//!
//! Nothing is set up without an endpoint: a span then costs a failed comparison. With one, a separate thread sends
//! spans; those it cannot send are dropped and counted. Collecting never waits for it.
//!
//! **Spans are created only if there is a collector.** The log disables spans, so without an endpoint `tracing`
//! answers from its cache. The queue's capacity is enforced before the SDK's own queue, which returns `Ok` when it
//! drops; the configured endpoint takes precedence over `OTEL_*`, as everywhere else.

mod ids;
mod rejected;
mod settings;
mod spans;
mod way;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider};
use thiserror::Error;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::registry::LookupSpan;

pub use ids::current;
pub use settings::TraceSettings;
pub use spans::{
    Get, answered, carried, failed, fetch_page, here, http_get, job_run, journal_append, ledger_write,
    limit_wait, parquet_write, pushed, ran, read, sync_push, wrote,
};

use crate::telemetry::Telemetry;
use crate::telemetry::events::SpansLost;
use rejected::Rejected;
pub(super) use rejected::rejections;
use way::{Counted, Gate, Load};

/// How long the last spans may take when the program ends.
const FLUSH: Duration = Duration::from_secs(3);

/// The instrumentation scope of our spans.
const SCOPE: &str = "dccd";

/// Enables our own spans, and none without a collector. An absent layer would enable all.
pub(super) fn wanted(is_traced: bool) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |about| is_traced && about.is_span() && about.target() == spans::TARGET)
}

/// Why traces cannot be sent.
#[derive(Debug, Error)]
#[error("no traces are sent: {0}; correct telemetry.otlp_endpoint or the OTEL_* variables")]
pub struct TraceError(String);

/// Exports spans to their collector. Dropping it loses those still queued; see [`Traces::close`].
pub struct Traces {
    provider: SdkTracerProvider,
    load: Load,
    telemetry: Telemetry,
}

impl Traces {
    /// Starts the exporting thread, without connecting yet.
    ///
    /// # Errors
    /// If the endpoint is not an address, or the system offers no TLS.
    pub fn start(settings: &TraceSettings, telemetry: Telemetry) -> Result<Self, TraceError> {
        // An error means that another provider is installed, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&settings.endpoint)
            .build()
            .map_err(|error: ExporterBuildError| TraceError(error.to_string()))?;
        let load = Load::new(settings.queue_spans, telemetry.clone());
        let batch = BatchConfigBuilder::default().with_max_queue_size(settings.queue_spans).build();
        let sending = BatchSpanProcessor::new(Counted::new(exporter, load.clone()), batch);
        let provider = SdkTracerProvider::builder()
            .with_resource(settings.resource())
            .with_span_processor(Gate::new(sending, load.clone()))
            .build();
        Ok(Traces { provider, load, telemetry })
    }

    /// The layer that exports our own spans; events stay log lines.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer: SdkTracer = self.provider.tracer(SCOPE);
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_level(false)
            .with_target(false)
    }

    /// The layer that counts the spans that the collector rejects.
    pub(super) fn rejected(&self) -> Rejected {
        Rejected(self.telemetry.clone())
    }

    /// Sends queued spans for at most 3 s; the rest is counted as dropped.
    pub async fn close(self) {
        let Traces { provider, load, telemetry } = self;
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        let error = match flushed {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        telemetry.emit(SpansLost { spans: load.give_up(), error: &error });
    }
}
