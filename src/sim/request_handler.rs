//! The simulated exchange without its sockets: answers requests and records them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, Response, Uri, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::time::Instant;

use crate::model::Micros;
use crate::sim::asked::{SimRequest, World};
use crate::sim::body::ReplyBody;
use crate::sim::fault::{Endpoint, Fault};
use crate::sim::knobs::{Knobs, RetryAfter};
use crate::sim::meter::{Charge, Meter};
use crate::sim::query::{BadRequest, Query};
use crate::sim::registry::route;
use crate::sim::rule::{Turn, strike};
use crate::sim::seen::{Log, Seen};
use crate::sim::venue::Venue;
use crate::sim::ws::Counters;

const PAGE_403: &str = "<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>";
const PAGE_404: &str = "<html><body><h2>404 Not found</h2></body></html>";
const PAGE_405: &str = "<html><body><h2>405 Method not allowed</h2></body></html>";
const PAGE_503: &str = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>";
const PAGE_200: &str = "<!DOCTYPE html><html><body>Just a moment, checking your browser</body></html>";

/// The outcome of a request.
pub(super) enum Served {
    Answer(Box<Response<ReplyBody>>),
    /// The connection is reset.
    Reset,
    /// The request gets no answer.
    Silence,
}

/// An answer before its headers are added.
struct Draft {
    status: u16,
    is_json: bool,
    body: Vec<u8>,
    retry_after: Option<String>,
}

/// The request handler.
pub(super) struct RequestHandler {
    world: RwLock<Arc<World>>,
    ledger: Mutex<Ledger>,
    started: Instant,
    pub(super) sockets: Counters,
}

/// How old a stale book is.
const STALE: Duration = Duration::from_secs(5);

/// The counters, under one lock so that numbers and weights are consistent.
#[derive(Default)]
struct Ledger {
    meters: BTreeMap<&'static str, Meter>,
    log: Log,
    among_all: u64,
    at_endpoints: BTreeMap<Endpoint, u64>,
}

impl RequestHandler {
    pub(super) fn new(knobs: Knobs) -> Self {
        RequestHandler {
            world: RwLock::new(Arc::new(World::new(knobs))),
            ledger: Mutex::default(),
            started: Instant::now(),
            sockets: Counters::default(),
        }
    }

    pub(super) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the knobs for requests that arrive from now on.
    pub(super) fn set(&self, turn: impl FnOnce(&mut Knobs)) {
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        let mut knobs = world.knobs.clone();
        turn(&mut knobs);
        *world = Arc::new(World::new(knobs));
    }

    pub(super) fn requests(&self) -> Vec<Seen> {
        self.ledger().log.kept()
    }

    pub(super) fn counts(&self) -> BTreeMap<(Endpoint, u16), u64> {
        self.ledger().log.counts()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles a request; returns the outcome and how long it takes.
    pub(super) fn handle(&self, method: &Method, uri: &Uri) -> (Served, Duration) {
        let world = self.world();
        let at = self.started.elapsed();
        let query = Query(uri.query().unwrap_or_default());
        let (venue, path) = route(uri.path());
        let endpoint = venue.endpoint(path);

        let (turn, charge, used) = self.admit(&world.knobs, venue, endpoint, query, at);
        let fault = match charge {
            Charge::Granted => strike(&world.knobs.faults, world.knobs.seed, turn),
            Charge::Throttled { .. } | Charge::Banned { .. } => None,
        };
        let number = turn.among_all;
        let now = match (fault, endpoint) {
            (Some(Fault::StaleSnapshot), Endpoint::BookSnapshot) => world.knobs.clock.now() - STALE,
            _ => world.knobs.clock.now(),
        };
        let asked = SimRequest { world: &world, path, query, now, fault, number };
        let draft = refusal(venue, charge, &world.knobs)
            .or_else(|| canned(venue, fault?, &world.knobs))
            .unwrap_or_else(|| reply(venue, &asked, method, endpoint));
        let status = match fault {
            Some(Fault::Reset | Fault::Silent) => 0,
            _ => draft.status,
        };
        let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        self.ledger().log.add(Seen { at, endpoint, path, status, fault });

        let outcome = match fault {
            Some(Fault::Reset) => Served::Reset,
            Some(Fault::Silent) => Served::Silence,
            _ => draft.dress(&world.knobs, venue.usage(used, &world.knobs), fault),
        };
        (outcome, world.knobs.latency)
    }

    /// Counts a request and its weight.
    fn admit(
        &self,
        knobs: &Knobs,
        venue: &'static dyn Venue,
        endpoint: Endpoint,
        query: Query<'_>,
        at: Duration,
    ) -> (Turn, Charge, u32) {
        let mut ledger = self.ledger();
        ledger.among_all += 1;
        let own = ledger.at_endpoints.entry(endpoint).or_default();
        *own += 1;
        let turn = Turn { endpoint, at_endpoint: *own, among_all: ledger.among_all };
        let meter = ledger.meters.entry(venue.name()).or_default();
        let charge = meter.charge(knobs, venue.weight(endpoint, query), at);
        (turn, charge, meter.used())
    }
}

/// The refusal of a client that has exceeded its limit.
fn refusal(venue: &dyn Venue, charge: Charge, knobs: &Knobs) -> Option<Draft> {
    match charge {
        Charge::Granted => None,
        Charge::Throttled { wait_secs } => Some(throttled(venue, knobs, Some(wait_secs.to_string()))),
        Charge::Banned { wait_secs } => Some(banned(venue, knobs, Some(wait_secs.to_string()))),
    }
}

fn throttled(venue: &dyn Venue, knobs: &Knobs, retry_after: Option<String>) -> Draft {
    let limit = knobs.weight_limit;
    let msg = format!(
        "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
    );
    Draft { retry_after, ..Draft::error(venue, 429, -1003, &msg) }
}

fn banned(venue: &dyn Venue, knobs: &Knobs, retry_after: Option<String>) -> Draft {
    let until = knobs.told_now() + knobs.ban;
    let msg = format!("Way too much request weight used; IP banned until {}.", until.millis_floor());
    Draft { retry_after, ..Draft::error(venue, 418, -1003, &msg) }
}

/// The answer for faults that do not depend on the request.
fn canned(venue: &dyn Venue, fault: Fault, knobs: &Knobs) -> Option<Draft> {
    let retry_after = match knobs.retry_after {
        RetryAfter::Missing => None,
        RetryAfter::Seconds(secs) => Some(secs.to_string()),
        RetryAfter::Date(secs) => Some(http_date(knobs.told_now() + Duration::from_secs(secs))),
    };
    Some(match fault {
        Fault::Status429 => throttled(venue, knobs, retry_after),
        Fault::Status418 => banned(venue, knobs, retry_after),
        Fault::Status403 => Draft::web_page(403, PAGE_403),
        Fault::Status451 => Draft::error(
            venue,
            451,
            0,
            "Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms.",
        ),
        Fault::Status500 => {
            Draft::error(venue, 500, -1000, "An unknown error occurred while processing the request.")
        }
        Fault::Status503 => Draft::web_page(503, PAGE_503),
        Fault::Redirect => Draft::web_page(302, ""),
        Fault::Html => Draft::web_page(200, PAGE_200),
        Fault::ErrorBody => Draft::error(
            venue,
            200,
            -1001,
            "Internal error; unable to process your request. Please try again.",
        ),
        _ => return None,
    })
}

fn reply(venue: &dyn Venue, asked: &SimRequest<'_>, method: &Method, endpoint: Endpoint) -> Draft {
    if endpoint == Endpoint::Unknown {
        return Draft::web_page(404, PAGE_404);
    }
    if method != Method::GET {
        return Draft::web_page(405, PAGE_405);
    }
    match venue.answer(endpoint, asked) {
        Ok(body) => Draft { status: 200, is_json: true, body, retry_after: None },
        Err(BadRequest { code, msg }) => Draft::error(venue, 400, code, &msg),
    }
}

impl Draft {
    fn error(venue: &dyn Venue, status: u16, code: i32, msg: &str) -> Self {
        let (status, body) = venue.error(status, &BadRequest::new(code, msg));
        Draft { status, is_json: true, body: body.into_bytes(), retry_after: None }
    }

    fn web_page(status: u16, page: &str) -> Self {
        Draft { status, is_json: false, body: page.as_bytes().to_vec(), retry_after: None }
    }

    /// Completes the answer with headers, and breaks its body if the fault says so.
    fn dress(self, knobs: &Knobs, usage: Vec<(&'static str, String)>, fault: Option<Fault>) -> Served {
        let content_type = if self.is_json { "application/json;charset=UTF-8" } else { "text/html" };
        let mut answer = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::DATE, http_date(knobs.told_now()));
        for (name, value) in usage {
            answer = answer.header(name, value);
        }
        if let Some(retry_after) = self.retry_after {
            answer = answer.header(header::RETRY_AFTER, retry_after);
        }
        if fault == Some(Fault::Redirect) {
            answer = answer.header(header::LOCATION, "http://elsewhere.invalid/");
        }
        if fault == Some(Fault::Bomb) {
            answer = answer.header(header::CONTENT_ENCODING, "gzip");
        }
        if let Some(Fault::Truncated | Fault::Hang) = fault {
            answer = answer.header(header::CONTENT_LENGTH, self.body.len().max(2));
        }
        let body = Bytes::from(self.body);
        let body = match fault {
            Some(Fault::Truncated) => ReplyBody::Torn { half: body.slice(..body.len() / 2), sent: false },
            Some(Fault::Slow) => ReplyBody::drip(body, knobs.drip),
            Some(Fault::Hang) => ReplyBody::hang(),
            Some(Fault::Huge) => ReplyBody::huge(knobs.huge_bytes),
            Some(Fault::Bomb) => ReplyBody::bomb(knobs.huge_bytes),
            _ => ReplyBody::Whole(body),
        };
        match answer.body(body) {
            Ok(answer) => Served::Answer(Box::new(answer)),
            // Unreachable: every header above is plain text.
            Err(_) => Served::Reset,
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(at: Micros) -> String {
    // Only years BCE cannot be formatted.
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at.timestamp()).unwrap_or_default()
}
