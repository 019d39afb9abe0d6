//! The spans and their attributes: few, and none that grows with the data.
//!
//! Each function returns a span to enter or to instrument work with; what becomes known later is recorded from
//! inside it. HTTP attributes have the names of the semantic conventions, our own begin with `dccd.`. Integers are
//! signed because OTLP's are.

use std::error::Error;
use std::path::Path;

use reqwest::Url;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::model::{Series, Window};
use crate::telemetry::events::Chain;

/// The target of our spans, which sets them apart from those of libraries.
pub(super) const TARGET: &str = "dccd::trace";

/// The longest error text of a span, in bytes.
const ERROR_BYTES: usize = 1_024;

/// The current span, for work that moves to another task.
#[must_use]
pub fn here() -> Span {
    Span::current()
}

/// Work that keeps the current span when it moves to another thread.
pub fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let span = Span::current();
    move || span.in_scope(work)
}

/// One run of a job: the root of its trace.
#[must_use]
pub fn job_run(series: &Series) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "job.run",
        dccd.exchange = series.exchange(),
        dccd.pair = %series.pair(),
        dccd.kind = series.kind().name(),
        dccd.span = series.span().map(tracing::field::display),
        dccd.rows = Empty,
        "error.type" = Empty,
        otel.status_description = Empty,
    )
}

/// Records the number of rows a run stored; called inside its span.
pub fn ran(rows: u64) {
    Span::current().record("dccd.rows", signed(rows));
}

/// One page of a series, from its first request to a parsed answer.
#[must_use]
pub fn fetch_page(series: &Series, window: Window) -> Span {
    info_span!(
        target: TARGET,
        "exchange.fetch_page",
        dccd.exchange = series.exchange(),
        dccd.pair = %series.pair(),
        dccd.kind = series.kind().name(),
        dccd.window = %window,
        dccd.rows = Empty,
        "error.type" = Empty,
        otel.status_description = Empty,
    )
}

/// Records the number of rows on a page; called inside its span.
pub fn read(rows: usize) {
    Span::current().record("dccd.rows", signed(rows as u64));
}

/// A GET request that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// The full URL.
    pub url: &'a str,
    /// Its path without the variable parts.
    pub template: &'a str,
    /// How often it was sent before.
    pub resent: u32,
}

/// One attempt at a request.
#[must_use]
pub fn http_get(get: Get<'_>) -> Span {
    let span = info_span!(
        target: TARGET,
        "http.get",
        otel.name = %format_args!("GET {}", get.template),
        otel.kind = "client",
        http.request.method = "GET",
        url.template = get.template,
        url.full = Empty,
        server.address = Empty,
        server.port = Empty,
        http.request.resend_count = (get.resent > 0).then_some(i64::from(get.resent)),
        http.response.status_code = Empty,
        "error.type" = Empty,
        otel.status_description = Empty,
    );
    if !span.is_disabled()
        && let Ok(url) = Url::parse(get.url)
    {
        span.record("server.address", url.host_str());
        span.record("server.port", url.port_or_known_default().map(i64::from));
        span.record("url.full", redacted(url).as_str());
    }
    span
}

/// A URL without credentials.
fn redacted(mut url: Url) -> Url {
    if !url.username().is_empty() || url.password().is_some() {
        // A URL that has a user can be given another.
        let _ = url.set_username("REDACTED");
        let _ = url.set_password(Some("REDACTED"));
    }
    url
}

/// Records the status of an answer; called inside the attempt's span.
pub fn answered(status: u16) {
    Span::current().record("http.response.status_code", i64::from(status));
}

/// A wait for our own rate limiter.
#[must_use]
pub fn limit_wait(exchange: &str) -> Span {
    info_span!(target: TARGET, "ratelimit.wait", dccd.exchange = exchange)
}

/// A frame of the journal: the rows of one answer.
#[must_use]
pub fn journal_append(rows: usize) -> Span {
    info_span!(
        target: TARGET,
        "journal.append",
        dccd.rows = signed(rows as u64),
        "error.type" = Empty,
        otel.status_description = Empty,
    )
}

/// Writing, checking and renaming a Parquet file.
#[must_use]
pub fn parquet_write(file: &Path) -> Span {
    info_span!(
        target: TARGET,
        "parquet.write",
        dccd.file = %file.display(),
        dccd.rows = Empty,
        dccd.bytes = Empty,
        "error.type" = Empty,
        otel.status_description = Empty,
    )
}

/// Records the size of a file; called inside its span.
pub fn wrote(rows: u64, bytes: u64) {
    let span = Span::current();
    span.record("dccd.rows", signed(rows));
    span.record("dccd.bytes", signed(bytes));
}

/// Writing a ledger.
#[must_use]
pub fn ledger_write(series: &Series) -> Span {
    info_span!(
        target: TARGET,
        "ledger.write",
        dccd.series = %series,
        "error.type" = Empty,
        otel.status_description = Empty,
    )
}

/// Copying a series to a remote.
#[must_use]
pub fn sync_push(remote: &str, series: &Series) -> Span {
    info_span!(
        target: TARGET,
        "sync.push",
        dccd.remote = remote,
        dccd.series = %series,
        dccd.files = Empty,
        dccd.bytes = Empty,
        "error.type" = Empty,
        otel.status_description = Empty,
    )
}

/// Records the copied files and bytes; called inside the span.
pub fn pushed(files: u64, bytes: u64) {
    let span = Span::current();
    span.record("dccd.files", signed(files));
    span.record("dccd.bytes", signed(bytes));
}

/// Records why the work of the current span failed. `kind` is from a closed set: a reason, or an HTTP status.
pub fn failed(kind: &str, error: &dyn Error) {
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    span.record("error.type", kind);
    let mut text = Chain(error).to_string();
    text.truncate(text.floor_char_boundary(ERROR_BYTES));
    span.record("otel.status_description", text);
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
