//! Paths of the simulator itself, below `/sim`, for programs that are not in this process: what it has seen, and things that
//! are to happen now.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response, Uri};
use serde::Serialize;

use crate::model::Window;
use crate::sim::MOST_PER_HOUR;
use crate::sim::body::ReplyBody;
use crate::sim::query::Query;
use crate::sim::request_handler::RequestHandler;
use crate::sim::ws::SocketCounts;

/// The longest rush.
const MOST_SECS: u64 = 3_600;

/// The paths there are.
const PATHS: &str = "ask GET /sim or /sim/trades, POST /sim/drop or /sim/rush";

/// Answers over REST by their status, and what the sockets of each exchange counted.
#[derive(Serialize)]
struct Seen {
    answers: BTreeMap<u16, u64>,
    sockets: BTreeMap<&'static str, SocketCounts>,
}

#[derive(Serialize)]
struct Trades {
    trades: u64,
}

#[derive(Serialize)]
struct Problem {
    error: &'static str,
}

/// The answer where a path is meant for the simulator itself.
pub(super) fn answer(
    request_handler: &RequestHandler,
    method: &Method,
    uri: &Uri,
) -> Option<Response<ReplyBody>> {
    let path = uri.path().strip_prefix("/sim")?;
    let query = Query(uri.query().unwrap_or_default());
    let outcome = match (method, path) {
        (&Method::GET, "" | "/") => written(&seen(request_handler)),
        (&Method::GET, "/trades") => trades(request_handler, query).and_then(|found| written(&found)),
        (&Method::POST, "/drop") => {
            request_handler.set(|knobs| knobs.ws_dropped = Some(knobs.clock.now()));
            written(&seen(request_handler))
        }
        (&Method::POST, "/rush") => {
            rush(request_handler, query).and_then(|()| written(&seen(request_handler)))
        }
        _ => Err((404, PATHS)),
    };
    let (status, body) = match outcome {
        Ok(body) => (200, body),
        Err((status, error)) => (status, written(&Problem { error }).unwrap_or_default()),
    };
    let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    answer.body(ReplyBody::Whole(Bytes::from(body))).ok()
}

/// A status, and what to ask in its place.
type Refused = (u16, &'static str);

fn written(value: &impl Serialize) -> Result<Vec<u8>, Refused> {
    serde_json::to_vec(value).map_err(|_| (500, "it cannot be written"))
}

fn seen(request_handler: &RequestHandler) -> Seen {
    let mut answers = BTreeMap::new();
    for ((_, status), count) in request_handler.counts() {
        *answers.entry(status).or_default() += count;
    }
    Seen { answers, sockets: request_handler.sockets.counts() }
}

/// How many trades of a symbol there are from an instant until another, in milliseconds.
fn trades(request_handler: &RequestHandler, query: Query<'_>) -> Result<Trades, Refused> {
    let instant = |name| query.instant(name).ok().flatten();
    let world = request_handler.world();
    let market = query.get("symbol").and_then(|symbol| world.market(symbol));
    let (Some(market), Some(from), Some(until)) = (market, instant("from"), instant("until")) else {
        return Err((400, "say which symbol that is listed, from when and until when"));
    };
    let first = market.first_trade_at_or_after(from.min(until));
    Ok(Trades { trades: market.first_trade_at_or_after(until) - first })
}

/// From now on each symbol trades so often for a while.
fn rush(request_handler: &RequestHandler, query: Query<'_>) -> Result<(), Refused> {
    let number = |name, most: u64| {
        let value = query.get(name)?.parse::<u64>().ok()?;
        (1..=most).contains(&value).then_some(value)
    };
    let (Some(trades), Some(secs)) = (number("trades", MOST_PER_HOUR / 3_600), number("secs", MOST_SECS))
    else {
        return Err((400, "say how many trades a second, and for how many seconds"));
    };
    request_handler.set(|knobs| {
        let now = knobs.clock.now();
        if let Some(window) = Window::new(now, now + Duration::from_secs(secs)) {
            knobs.ws_rushes.retain(|(before, _)| before.until <= now);
            knobs.ws_rushes.push((window, trades));
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;
    use crate::sim::{Clock, Knobs};

    fn ask(request_handler: &RequestHandler, method: &Method, path: &str) -> (u16, String) {
        let answer = answer(request_handler, method, &path.parse().unwrap()).unwrap();
        let status = answer.status().as_u16();
        let ReplyBody::Whole(body) = answer.into_body() else { panic!("the answer is whole") };
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn in_a_rush_each_symbol_trades_as_often_as_was_asked_and_as_before_after_it() {
        let clock = Clock::fixed(Micros::from_secs(1_700_000_000));
        let knobs = Knobs { ws_rate: 1, trades_per_hour: 60, clock, ..Knobs::default() };
        let request_handler = RequestHandler::new(knobs);
        let count = |from: i64, until: i64| {
            let ms = |secs: i64| 1_700_000_000_000 + secs * 1_000;
            let path = format!("/sim/trades?symbol=ETHUSDT&from={}&until={}", ms(from), ms(until));
            let (_, body) = ask(&request_handler, &Method::GET, &path);
            let count = body.strip_prefix(r#"{"trades":"#).and_then(|rest| rest.strip_suffix('}'));
            count.unwrap().parse::<u64>().unwrap()
        };
        let (before, usual) = (count(-60, 0), count(10, 70));

        assert_eq!(ask(&request_handler, &Method::POST, "/sim/rush?trades=300&secs=10").0, 200);

        assert_eq!(count(-60, 0), before);
        assert!((2_990..=3_010).contains(&count(0, 10)), "{}", count(0, 10));
        assert!(count(10, 70).abs_diff(usual) <= 10, "{} of {usual}", count(10, 70));
        for wrong in ["trades=0&secs=1", "trades=1", "trades=x&secs=1", "trades=1&secs=99999999"] {
            let path = format!("/sim/rush?{wrong}");
            assert_eq!(ask(&request_handler, &Method::POST, &path).0, 400, "{wrong}");
        }
    }

    #[test]
    fn what_was_seen_is_told_and_other_paths_are_those_of_exchanges() {
        let request_handler = RequestHandler::new(Knobs::default());
        request_handler.handle(&Method::GET, &"/binance/api/v3/time".parse().unwrap());

        let seen = ask(&request_handler, &Method::GET, "/sim");
        assert_eq!(seen, (200, r#"{"answers":{"200":1},"sockets":{}}"#.to_owned()));
        assert_eq!(ask(&request_handler, &Method::POST, "/sim/drop").0, 200);
        assert!(request_handler.world().knobs.ws_dropped.is_some());
        assert_eq!(ask(&request_handler, &Method::GET, "/sim/drop").0, 404);
        assert!(answer(&request_handler, &Method::GET, &"/api/v3/time".parse().unwrap()).is_none());
    }
}
