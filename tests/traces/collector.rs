//! A collector of traces: OTLP over HTTP, as protobuf.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A collector that listens until it is dropped.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Taken {
    batches: Vec<ExportTraceServiceRequest>,
    heads: Vec<(String, HeaderMap)>,
    /// Spans of each batch that are not kept.
    rejects: i64,
}

/// A span as a test looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty at the root.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: v1::span::SpanKind,
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The text of an error; none where the span stands for no error.
    pub(crate) error: Option<String>,
    pub(crate) events: usize,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Taken::default()));
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, Arc::clone(&taken)));
        Collector { address, taken, _serving: serving }
    }

    /// From now on so many spans of each batch are taken and not kept.
    pub(crate) fn reject(&self, spans: i64) {
        self.taken.lock().unwrap().rejects = spans;
    }

    /// The endpoint for a configuration.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span that came, in the order they began.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let resources = taken.batches.iter().flat_map(|batch| &batch.resource_spans);
        let spans = resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
        let mut spans: Vec<Span> = spans.map(Span::of).collect();
        spans.sort_by_key(|span| span.from);
        spans
    }

    /// The sender that every batch names.
    pub(crate) fn resources(&self) -> Vec<BTreeMap<String, String>> {
        let taken = self.taken.lock().unwrap();
        let resources = taken.batches.iter().flat_map(|batch| &batch.resource_spans);
        resources.map(|spans| attributes(&spans.resource.as_ref().unwrap().attributes)).collect()
    }

    /// Path and headers of every request.
    pub(crate) fn heads(&self) -> Vec<(String, HeaderMap)> {
        self.taken.lock().unwrap().heads.clone()
    }
}

impl Span {
    fn of(span: &v1::Span) -> Self {
        let status = span.status.clone().unwrap_or_default();
        let is_error = status.code() == v1::status::StatusCode::Error;
        Span {
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            name: span.name.clone(),
            kind: span.kind(),
            from: span.start_time_unix_nano,
            until: span.end_time_unix_nano,
            attributes: attributes(&span.attributes),
            error: is_error.then_some(status.message),
            events: span.events.len(),
        }
    }

    /// An attribute; a number by its digits.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let value = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => panic!("{} is {other:?}", pair.key),
    };
    let all: BTreeMap<String, String> = pairs.iter().map(|pair| (pair.key.clone(), value(pair))).collect();
    assert_eq!(all.len(), pairs.len(), "no attribute twice: {pairs:?}");
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn accept(listener: TcpListener, taken: Arc<Mutex<Taken>>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let taken = Arc::clone(&taken);
        open.spawn(async move {
            let take = service_fn(|request| take(request, Arc::clone(&taken)));
            // A client that goes away is no fault of the collector.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), take).await;
        });
    }
}

async fn take(
    request: Request<Incoming>,
    taken: Arc<Mutex<Taken>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let batch = ExportTraceServiceRequest::decode(body).unwrap();
    let mut taken = taken.lock().unwrap();
    taken.batches.push(batch);
    taken.heads.push((format!("{} {}", head.method, head.uri.path()), head.headers));
    let rejected = ExportTracePartialSuccess {
        rejected_spans: taken.rejects,
        error_message: "its disk is full".to_owned(),
    };
    let answer = ExportTraceServiceResponse { partial_success: (taken.rejects > 0).then_some(rejected) };
    Ok(Response::new(Full::new(answer.encode_to_vec().into())))
}
