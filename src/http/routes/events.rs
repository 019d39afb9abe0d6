//! `GET /api/v1/events`: what happens, as server-sent events.
//!
//! Each reader has a place in one ring and nothing else: it is never waited for. One that does not read is cut off when
//! its socket takes nothing for too long; one that reads too slowly once the ring has gone past its place.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::event_text::{Filter, alive, hello, missed, parse_id};
use super::operation::Operation;
use super::reading::wrong;
use super::route::Route;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::reply::problem;
use crate::model::matches_selector;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{EventReaderLeft, EventReadersChanged, EventsLost};
use crate::telemetry::feed::{Feed, Watch};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Events that are taken at once.
const EVENTS: usize = 64;

pub(super) fn route() -> Route {
    Route::read("/api/v1/events", Access::Reader, events).that(
        Operation::about("Events as they happen, as server-sent events; `Last-Event-ID` resumes behind one")
            .asking::<Filter>()
            .sending(200, "text/event-stream"),
    )
}

async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    asked: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let filter = match asked.map(|Query(pairs)| Filter::of_query(pairs)) {
        Ok(Ok(filter)) => filter,
        Ok(Err(error)) => return wrong(&error),
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.body_text(), None),
    };
    if let Some(watched) = filter.watched()
        && !is_live(&app, watched)
    {
        let why = "no live series of this daemon is of that name; /health lists them";
        return problem(StatusCode::NOT_FOUND, why, Some("series".to_owned()));
    }
    let Ok(place) = Arc::clone(&app.event_readers).try_acquire_owned() else {
        app.telemetry.emit(EventReaderLeft::Refused);
        let why = "as many readers follow the events as may; try again";
        let mut reply = problem(StatusCode::SERVICE_UNAVAILABLE, why, None);
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        return reply;
    };
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let reading = Reading { telemetry: app.telemetry.clone(), _place: place };
    app.telemetry.emit(EventReadersChanged { opened: true });
    let texts = unfold((Reader::new(&app, filter, last), reading), |(reader, reading)| async {
        let (reader, text) = reader.next().await;
        text.map(|text| (Ok::<_, Infallible>(text), (reader, reading)))
    });
    let mut reply = Response::new(Body::from_stream(texts));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    reply
}

/// Whether a live series is one of those selected.
fn is_live(app: &App, watched: &[String]) -> bool {
    let snapshot = app.status.snapshot();
    let mut live = snapshot.streams.iter().filter_map(|stream| stream.series.parse().ok());
    live.any(|series| watched.iter().any(|asked| matches_selector(asked, &series)))
}

/// A reader's place in the feed.
struct Reader {
    telemetry: Telemetry,
    /// Keeps the rows that it wants, if it wants rows: then it reads the tap in place of the feed.
    watch: Option<Watch>,
    filter: Filter,
    beat: Duration,
    news: watch::Receiver<u64>,
    /// The number of the last event that was taken.
    place: u64,
    /// Text that comes before the next event.
    first: Option<Bytes>,
    is_over: bool,
}

impl Reader {
    /// Begins behind the event that was received last, or with the next one.
    fn new(app: &App, filter: Filter, last: Option<&str>) -> Self {
        let (telemetry, beat) = (app.telemetry.clone(), app.limits.event_beat);
        let watch = filter.watched().map(|watched| telemetry.tap().watch(watched.to_vec()));
        let feed = feed(&telemetry, watch.as_ref());
        let (epoch, newest, news) = (feed.epoch(), feed.newest(), feed.news());
        let (place, gone) = match last {
            None => (newest, None),
            // While it was away nothing was kept for it.
            Some(_) if watch.is_some() => (newest, Some(None)),
            Some(last) => match parse_id(last).filter(|(own, place)| *own == epoch && *place <= newest) {
                Some((_, place)) => {
                    let count = feed.behind(place, 0).missed;
                    (place + count, (count > 0).then_some(Some(count)))
                }
                None => (newest, Some(None)),
            },
        };
        let mut first = BytesMut::from(&hello(epoch, place)[..]);
        if let Some(count) = gone {
            telemetry.emit(EventsLost { count: count.unwrap_or(0) });
            first.extend_from_slice(&missed(epoch, place, count));
        }
        let first = Some(first.freeze());
        Reader { telemetry, watch, filter, beat, news, place, first, is_over: false }
    }

    /// The next text to send; none once it is over.
    async fn next(mut self) -> (Reader, Option<Bytes>) {
        if let Some(first) = self.first.take() {
            return (self, Some(first));
        }
        let silent_from = Instant::now();
        while !self.is_over {
            self.news.mark_unchanged();
            let feed = feed(&self.telemetry, self.watch.as_ref());
            let (taken, epoch) = (feed.behind(self.place, EVENTS), feed.epoch());
            if taken.missed > 0 {
                self.telemetry.emit(EventReaderLeft::CutOff);
                self.is_over = true;
                break;
            }
            let mut text = BytesMut::new();
            for event in &taken.events {
                self.place = event.number;
                self.filter.text(event, epoch).into_iter().for_each(|own| text.extend_from_slice(&own));
            }
            if !text.is_empty() {
                return (self, Some(text.freeze()));
            }
            if !taken.events.is_empty() {
                continue;
            }
            let waited = tokio::time::timeout_at(silent_from + self.beat, self.news.changed()).await;
            match waited {
                Err(_) => return (self, Some(alive())),
                Ok(changed) => self.is_over = changed.is_err(),
            }
        }
        (self, None)
    }
}

fn feed<'a>(telemetry: &'a Telemetry, watch: Option<&Watch>) -> &'a Feed {
    match watch {
        Some(_) => telemetry.tap().feed(),
        None => telemetry.feed(),
    }
}

/// Counts a reader while it is there.
struct Reading {
    telemetry: Telemetry,
    _place: OwnedSemaphorePermit,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.telemetry.emit(EventReadersChanged { opened: false });
    }
}
