//! Bybit's sockets, server side: trades, candles and books of one category a connection.
//!
//! Source: Bybit v5 API documentation, "WebSocket Stream", and recorded connections.

use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::model::{Grid, Micros};
use crate::sim::asked::World;
use crate::sim::quarter;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::venues::bybit::intervals::INTERVALS;
use crate::sim::ws::{Flow, Limits, Protocol, Rows, Source, Talk, Topic, What, WsLimit, published_book};

/// The depths of books.
const DEPTHS: [usize; 4] = [1, 50, 200, 1_000];

/// The most topics that a message may name on spot markets.
const SPOT_ARGS: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Category {
    Spot,
    Linear,
    Inverse,
}

/// One connection.
pub(super) struct Live(Category);

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    op: String,
    #[serde(default)]
    req_id: String,
    #[serde(default)]
    args: Vec<String>,
}

impl Live {
    /// A connection to one of its paths.
    pub(super) fn of_path(path: &str) -> Option<Box<dyn Protocol>> {
        let category = match path {
            "/v5/public/spot" => Category::Spot,
            "/v5/public/linear" => Category::Linear,
            "/v5/public/inverse" => Category::Inverse,
            _ => return None,
        };
        Some(Box::new(Live(category)))
    }

    /// The topic of a name.
    fn topic(&self, world: &World, now: Micros, name: &str) -> Option<Topic> {
        let (kind, rest) = name.split_once('.')?;
        let (flow, symbol) = match kind {
            "publicTrade" => (Flow::Trades, rest),
            "kline" => {
                let (word, symbol) = rest.split_once('.')?;
                let (_, span) = INTERVALS.iter().find(|(known, _)| *known == word)?;
                (Flow::Candles { grid: span.grid(), every: Duration::from_secs(1) }, symbol)
            }
            "orderbook" => {
                let (depth, symbol) = rest.split_once('.')?;
                let depth = depth.parse().ok().filter(|depth| DEPTHS.contains(depth))?;
                (Flow::Book { depth: Some(depth) }, symbol)
            }
            _ => return None,
        };
        Some(Topic::new(name, self.source(world, now, symbol)?, flow))
    }

    /// The market of `BTCUSDT`, or of a dated contract such as `BTCUSDTZ25`.
    fn source(&self, world: &World, now: Micros, symbol: &str) -> Option<Source> {
        let is_own = |symbol: &str| {
            self.0 == Category::Spot || (assets(symbol).1 == "USD") == (self.0 == Category::Inverse)
        };
        let listed = |symbol: &str| world.market(symbol).map(|market| market.symbol().to_owned());
        if let Some(symbol) = listed(symbol).filter(|symbol| is_own(symbol)) {
            return Some(Source::Symbol { symbol, ends: None });
        }
        let (pair, code) = symbol.split_at_checked(symbol.len().checked_sub(3)?)?;
        let pair = listed(pair).filter(|pair| self.0 != Category::Spot && is_own(pair))?;
        let end = quarter::end_named(now, |end| quarter::month_code(end) == code)?;
        let symbol = listed(&format!("{pair}{}", quarter::date(end))).unwrap_or(pair);
        Some(Source::Symbol { symbol, ends: Some(end) })
    }

    /// Begins all topics of a message, or none.
    fn subscribe(&self, request: &Request, talk: &mut Talk<'_>) {
        if self.0 == Category::Spot && request.args.len() > SPOT_ARGS {
            talk.over(WsLimit::Requests);
            return talk.say(refusal(request, "args size >10", talk.number));
        }
        let mut topics = Vec::new();
        for name in &request.args {
            let topic = self.topic(talk.world, talk.now, name).filter(|_| !talk.refuses());
            let is_known = talk.topics.iter().any(|own| own.name == *name);
            match topic {
                Some(_) if is_known => {
                    let words = format!("error:already subscribed,topic:{name}");
                    return talk.say(refusal(request, &words, talk.number));
                }
                Some(topic) => topics.push(topic),
                None => {
                    talk.refused();
                    let words = format!("error:handler not found,topic:{name}");
                    return talk.say(refusal(request, &words, talk.number));
                }
            }
        }
        talk.say(done(request, talk.number));
        for topic in topics {
            if let (Flow::Book { depth: Some(depth) }, Some(market)) =
                (topic.flow, topic.market(talk.world, talk.now))
            {
                let book = market.book_at_update(published_book(talk.now)).of_levels(depth);
                let levels = [&book.bids().collect(), &book.asks().collect()];
                let mut out = Vec::new();
                write_book(&mut out, (&topic.name, "snapshot"), levels, book.update_id, book.at());
                talk.say(out);
            }
            talk.subscribe(topic);
        }
    }

    /// `[{T, s, S, v, p, L, i, BT, RPI, seq},…]`.
    fn trades(&self, out: &mut Vec<u8>, symbol: &str, rows: &Rows<'_>, ids: &[u64]) {
        for (place, id) in ids.iter().enumerate() {
            let trade = rows.market.trade(*id);
            let is_odd = rows.world.knobs.is_odd(i64::try_from(*id).unwrap_or(i64::MAX));
            let (comma, ts) = (if place > 0 { "," } else { "" }, trade.ts.millis_floor());
            let side = if trade.sold { "Sell" } else { "Buy" };
            let _ = write!(out, r#"{comma}{{"T":{ts},"s":"{symbol}","S":"{side}","v":""#);
            e8(out, trade.amount_e8);
            out.extend_from_slice(b"\",\"p\":\"");
            cents(out, if is_odd { -trade.price_cents } else { trade.price_cents });
            let _ = match self.0 {
                Category::Spot => write!(out, r#"","i":"{id}","BT":false,"RPI":false,"seq":{id}}}"#),
                _ => {
                    write!(out, r#"","L":"PlusTick","i":"{id}","BT":false,"RPI":false,"seq":{id}}}"#)
                }
            };
        }
    }

    /// `{start, end, interval, open, close, high, low, volume, turnover, confirm, timestamp}`; of inverse contracts the
    /// volume counts dollars.
    fn kline(&self, out: &mut Vec<u8>, rows: &Rows<'_>, grid: Grid, (open, is_closed): (Micros, bool)) {
        let candle = rows.world.candle_at(rows.told(), rows.market, grid, open);
        let word = INTERVALS.iter().find(|(_, span)| *span == grid.span).map_or("", |(word, _)| word);
        let (start, end) = (open.millis_floor(), grid.next(open).millis_floor() - 1);
        let _ = write!(out, r#"{{"start":{start},"end":{end},"interval":"{word}""#);
        let is_odd = rows.world.knobs.is_odd(open.0);
        let high_cents = if is_odd { candle.low_cents - 1 } else { candle.high_cents };
        for (key, price_cents) in [
            ("open", candle.open_cents),
            ("close", candle.close_cents),
            ("high", high_cents),
            ("low", candle.low_cents),
        ] {
            let _ = write!(out, r#","{key}":""#);
            cents(out, price_cents);
            out.push(b'"');
        }
        let base = |out: &mut Vec<u8>, key: &str| {
            let _ = write!(out, r#","{key}":""#);
            e8(out, candle.volume_e8);
            out.push(b'"');
        };
        let quote = |out: &mut Vec<u8>, key: &str| {
            let _ = write!(out, r#","{key}":""#);
            cents(out, candle.quote_cents);
            out.push(b'"');
        };
        if self.0 == Category::Inverse {
            quote(out, "volume");
            base(out, "turnover");
        } else {
            base(out, "volume");
            quote(out, "turnover");
        }
        let at = rows.told().millis_floor();
        let _ = write!(out, r#","confirm":{is_closed},"timestamp":{at}}}"#);
    }
}

fn refusal(request: &Request, words: &str, number: u64) -> String {
    let Request { req_id, op, .. } = request;
    format!(
        r#"{{"success":false,"ret_msg":"{words}","conn_id":"{number:08x}","req_id":"{req_id}","op":"{op}"}}"#
    )
}

fn done(request: &Request, number: u64) -> String {
    let Request { req_id, op, .. } = request;
    format!(r#"{{"success":true,"ret_msg":"","conn_id":"{number:08x}","req_id":"{req_id}","op":"{op}"}}"#)
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits {
            connects: Some((500, Duration::from_secs(300))),
            quiet: Some(Duration::from_secs(600)),
            ..Limits::NONE
        }
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        let Ok(request) = serde_json::from_str::<Request>(text) else {
            let nothing = Request { op: String::new(), req_id: String::new(), args: Vec::new() };
            return talk.say(refusal(&nothing, "Json parse error", talk.number));
        };
        match request.op.as_str() {
            "ping" => {
                let Request { req_id, .. } = &request;
                talk.say(format!(
                    r#"{{"success":true,"ret_msg":"pong","conn_id":"{:08x}","req_id":"{req_id}","op":"ping"}}"#,
                    talk.number
                ));
            }
            "subscribe" => self.subscribe(&request, talk),
            "unsubscribe" => {
                request.args.iter().for_each(|name| {
                    talk.unsubscribe(name);
                });
                talk.say(done(&request, talk.number));
            }
            _ => talk.say(refusal(&request, "error:request not supported", talk.number)),
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let (name, told) = (rows.topic.name.as_str(), rows.told().millis_floor());
        let symbol = name.rsplit('.').next().unwrap_or_default();
        let mut out = Vec::with_capacity(512);
        match rows.what {
            What::Trades(ids) => {
                let _ = write!(out, r#"{{"topic":"{name}","type":"snapshot","ts":{told},"data":["#);
                self.trades(&mut out, symbol, rows, ids);
                out.extend_from_slice(b"]}");
            }
            What::Candle { open, is_closed } => {
                let Flow::Candles { grid, .. } = rows.topic.flow else { return out };
                let _ = write!(out, r#"{{"topic":"{name}","data":["#);
                self.kline(&mut out, rows, grid, (open, is_closed));
                let _ = write!(out, r#"],"ts":{told},"type":"snapshot"}}"#);
            }
            What::Book(id) => {
                let Flow::Book { depth: Some(depth) } = rows.topic.flow else { return out };
                let [bids, asks] = rows.changed_of(id, depth);
                write_book(&mut out, (name, "delta"), [&bids, &asks], id, rows.told());
            }
            What::Heartbeat => {}
        }
        out
    }

    fn gathers_trades(&self) -> bool {
        true
    }
}

/// `{topic, type, ts, data: {s, b, a, u, seq}, cts}`; each book has the number of its update.
fn write_book(
    out: &mut Vec<u8>,
    (name, kind): (&str, &str),
    [bids, asks]: [&Vec<(i64, i64)>; 2],
    id: i64,
    at: Micros,
) {
    let (ts, symbol) = (at.millis_floor(), name.rsplit('.').next().unwrap_or_default());
    let _ = write!(out, r#"{{"topic":"{name}","type":"{kind}","ts":{ts},"data":{{"s":"{symbol}""#);
    for (key, levels) in [("b", bids), ("a", asks)] {
        let _ = write!(out, r#","{key}":["#);
        for (place, (price_cents, amount_e8)) in levels.iter().enumerate() {
            out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
            cents(out, *price_cents);
            out.extend_from_slice(b"\",\"");
            match amount_e8 {
                0 => out.push(b'0'),
                _ => e8(out, *amount_e8),
            }
            out.extend_from_slice(b"\"]");
        }
        out.push(b']');
    }
    let _ = write!(out, r#","u":{id},"seq":{id}}},"cts":{ts}}}"#);
}
