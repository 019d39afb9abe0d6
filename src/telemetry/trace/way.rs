//! Exports spans, counting those that are lost at the queue or at the collector.
//!
//! The SDK returns `Ok` when its queue is full and when the last batch was lost, so neither is left to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use crate::telemetry::Telemetry;
use crate::telemetry::events::{SpanRefused, SpansLost};

/// Counts spans that are being exported.
#[derive(Clone)]
pub(super) struct Load(Arc<Inner>);

struct Inner {
    /// Ended but not yet passed to the exporter.
    waiting: AtomicUsize,
    /// Passed to the exporter, which has not answered yet.
    sending: AtomicUsize,
    most: usize,
    telemetry: Telemetry,
}

impl Load {
    /// An empty load with this limit on waiting spans.
    pub(super) fn new(most: usize, telemetry: Telemetry) -> Self {
        let (waiting, sending) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Load(Arc::new(Inner { waiting, sending, most, telemetry }))
    }

    /// Takes a place in the queue, or counts the span as dropped.
    fn take_place(&self) -> bool {
        let one_more = |waiting: usize| (waiting < self.0.most).then_some(waiting + 1);
        let taken = self.0.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok();
        if !taken {
            self.0.telemetry.emit(SpanRefused);
        }
        taken
    }

    /// Returns up on the spans not exported yet; returns their number.
    pub(super) fn give_up(&self) -> u64 {
        let left = self.0.waiting.swap(0, Ordering::AcqRel) + self.0.sending.swap(0, Ordering::AcqRel);
        left as u64
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Load({:?} waiting, {:?} sending)", self.0.waiting, self.0.sending)
    }
}

/// In front of the SDK's queue, which therefore never fills up: spans without a place are counted here.
#[derive(Debug)]
pub(super) struct Gate<P> {
    queue: P,
    load: Load,
}

impl<P> Gate<P> {
    /// A gate in front of a queue with a place for every span of the load.
    pub(super) fn new(queue: P, load: Load) -> Self {
        Gate { queue, load }
    }
}

impl<P: SpanProcessor> SpanProcessor for Gate<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.load.take_place() {
            self.queue.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Counts the spans lost by an exporter's failures.
#[derive(Debug)]
pub(super) struct Counted<E> {
    exporter: E,
    load: Load,
}

impl<E> Counted<E> {
    /// Wraps an exporter.
    pub(super) fn new(exporter: E, load: Load) -> Self {
        Counted { exporter, load }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (spans, load) = (batch.len(), &self.load.0);
        load.sending.fetch_add(spans, Ordering::AcqRel);
        load.waiting.fetch_sub(spans, Ordering::AcqRel);
        let sent = self.exporter.export(batch).await;
        load.sending.store(0, Ordering::Release);
        if let Err(error) = &sent {
            load.telemetry.emit(SpansLost { spans: spans as u64, error: &error.to_string() });
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};

    use super::*;
    use crate::telemetry::exposition;

    /// An exporter that reports each batch and waits until it may return.
    #[derive(Debug)]
    struct HangingExporter {
        came: SyncSender<usize>,
        answer: Mutex<Receiver<OTelSdkResult>>,
    }

    impl SpanExporter for HangingExporter {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.came.send(batch.len()).unwrap();
            self.answer.lock().unwrap().recv().unwrap()
        }
    }

    #[test]
    fn every_span_is_sent_or_counted_also_while_the_collector_hangs() {
        let telemetry = Telemetry::new();
        let load = Load::new(4, telemetry.clone());
        let (came, batches) = sync_channel(64);
        let (answer, answers) = sync_channel(64);
        let exporter = Counted::new(HangingExporter { came, answer: Mutex::new(answers) }, load.clone());
        let batch =
            BatchConfigBuilder::default().with_max_queue_size(4).with_max_export_batch_size(2).build();
        let queue = Gate::new(BatchSpanProcessor::new(exporter, batch), load.clone());
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        let end = |spans: usize| (0..spans).for_each(|_| drop(tracer.start("span")));

        end(2);
        assert_eq!(batches.recv().unwrap(), 2);
        // Two are with the exporter, four have a place, three have none.
        end(7);
        assert_eq!((dropped(&telemetry), failures(&telemetry)), (3.0, 0.0));
        answer.send(Err(OTelSdkError::InternalFailure("no collector".to_owned()))).unwrap();
        assert_eq!(batches.recv().unwrap(), 2);
        assert_eq!((dropped(&telemetry), failures(&telemetry)), (5.0, 1.0));
        answer.send(Ok(())).unwrap();
        assert_eq!(batches.recv().unwrap(), 2);
        // Nothing is queued, two are being exported: a shutdown that cannot wait gives them up.
        let ended = provider.shutdown_with_timeout(Duration::from_millis(1));

        assert!(ended.is_err());
        assert_eq!(load.give_up(), 2);
        answer.send(Ok(())).unwrap();
    }

    fn dropped(telemetry: &Telemetry) -> f64 {
        sample(telemetry, "dccd_trace_spans_dropped_total ")
    }

    fn failures(telemetry: &Telemetry) -> f64 {
        sample(telemetry, "dccd_trace_export_failures_total ")
    }

    fn sample(telemetry: &Telemetry, name: &str) -> f64 {
        let text = exposition::text(telemetry.metrics()).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
    }
}
