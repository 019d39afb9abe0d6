//! `/metrics`: in the format and compression that the scraper asks for, within its time-out, a few scrapes at a
//! time.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::operation::Operation;
use super::route::Route;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::{plain, reply};
use crate::telemetry::events::{ScrapeRefused, Scraped};
use crate::telemetry::exposition::{self, Format, accept};
use crate::telemetry::{ScrapeRefusal, Telemetry};

/// The header with Prometheus's scrape time-out in seconds.
const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// The time-out of scrapes without that header, and the upper bound.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time reserved for sending the answer.
const ON_THE_WAY: Duration = Duration::from_millis(100);

pub(super) fn route() -> Route {
    Route::read("/metrics", Access::Reader, metrics).that(
        Operation::about(
            "Metrics: Prometheus text, or OpenMetrics with exemplars by `Accept`; gzip by `Accept-Encoding`",
        )
        .sending(200, "text/plain"),
    )
}

/// The metrics, encoded off the runtime's threads and only a few at a time: a scrape takes milliseconds, so more
/// at once are a misconfigured scraper.
async fn metrics(State(app): State<App>, headers: HeaderMap) -> Response {
    let Ok(place) = Arc::clone(&app.scrapes).try_acquire_owned() else {
        return refuse(&app, ScrapeRefusal::Busy, "too many scrapes at once; try again\n");
    };
    let format = accept::format(&joined(&headers, &header::ACCEPT));
    let compress = accept::gzip(&joined(&headers, &header::ACCEPT_ENCODING));
    let telemetry = app.telemetry.clone();
    let written = tokio::task::spawn_blocking(move || {
        // Released when the encoding is done, even if the client has disconnected.
        let _place = place;
        write(&telemetry, format, compress)
    });
    match tokio::time::timeout(time_left(&headers), written).await {
        Ok(Ok(Ok(body))) => exposed(body, format, compress),
        Ok(Ok(Err(error))) => broken(&error),
        Ok(Err(error)) => broken(&error),
        Err(_) => refuse(&app, ScrapeRefusal::Late, "the metrics were not ready in time; try again\n"),
    }
}

fn write(telemetry: &Telemetry, format: Format, compress: bool) -> std::io::Result<Vec<u8>> {
    let began = Instant::now();
    let text = exposition::encode(telemetry.metrics(), format)?;
    let body = if compress { exposition::gzip(&text)? } else { text.into_bytes() };
    telemetry.emit(Scraped { took: began.elapsed() });
    Ok(body)
}

/// All values of a header, joined as one list.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

fn time_left(headers: &HeaderMap) -> Duration {
    let said = headers.get(TIMEOUT).and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let given = said.and_then(|secs| Duration::try_from_secs_f64(secs).ok()).filter(|time| !time.is_zero());
    given.map_or(PATIENCE, |time| time.saturating_sub(ON_THE_WAY).max(time / 2).min(PATIENCE))
}

fn exposed(body: Vec<u8>, format: Format, compressed: bool) -> Response {
    let mut reply = reply(StatusCode::OK, format.content_type(), body);
    let headers = reply.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static(exposition::VARY));
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}

fn refuse(app: &App, reason: ScrapeRefusal, what: &'static str) -> Response {
    app.telemetry.emit(ScrapeRefused(reason));
    let mut reply = plain(StatusCode::SERVICE_UNAVAILABLE, what);
    reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

fn broken(error: &dyn Error) -> Response {
    tracing::error!(%error, "the metrics cannot be encoded");
    plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be encoded; see the log\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_ends_before_its_scraper_gives_up() {
        let left = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, text.parse().unwrap());
            time_left(&headers)
        };
        assert_eq!(left("10"), Duration::from_millis(9_900));
        assert_eq!(left("0.1"), Duration::from_millis(50));
        for odd in ["0", "-1", "NaN", "inf", "soon", "1e300"] {
            assert_eq!(left(odd), PATIENCE, "{odd}");
        }
        assert_eq!(time_left(&HeaderMap::new()), PATIENCE);
    }
}
