//! OKX's sockets, server side: trades and candles over the business line, books over the public one.
//!
//! Source: OKX API v5, "WebSocket" and "Order Book Trading", and recorded connections.

use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::bend::Bend;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::venues::okx::bars::{BARS, bar};
use crate::sim::ws::{
    Flow, Limits, Protocol, Recent, Rows, Source, Talk, Topic, What, WsLimit, published_book,
};

/// The levels of a side that its books have.
const LEVELS: usize = 400;

/// Requests for topics, and how long each counts.
const REQUESTS: (u32, Duration) = (480, Duration::from_secs(3_600));

/// How long all arguments of a request may be together.
const REQUEST_BYTES: usize = 64 << 10;

/// One of its two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    Public,
    Business,
}

/// One connection.
pub(super) struct Live {
    branch: Branch,
    requests: Recent,
}

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    id: Option<String>,
    op: String,
    args: Vec<Arg>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arg {
    channel: String,
    inst_id: String,
}

impl Arg {
    fn name(&self) -> String {
        format!("{} {}", self.channel, self.inst_id)
    }
}

impl Live {
    /// A connection to one of its paths.
    pub(super) fn of_path(path: &str) -> Option<Box<dyn Protocol>> {
        let branch = match path {
            "/ws/v5/public" => Branch::Public,
            "/ws/v5/business" => Branch::Business,
            _ => return None,
        };
        Some(Box::new(Live { branch, requests: Recent::default() }))
    }

    fn flow(&self, channel: &str) -> Option<Flow> {
        match (self.branch, channel) {
            (Branch::Public, "books") => Some(Flow::Book { depth: Some(LEVELS) }),
            (Branch::Business, "trades-all") => Some(Flow::Trades),
            (Branch::Business, other) => {
                let word = other.strip_prefix("candle")?;
                let (_, span) = BARS.iter().find(|(known, _)| *known == word)?;
                Some(Flow::Candles { grid: span.grid(), every: Duration::from_secs(1) })
            }
            _ => None,
        }
    }

    fn subscribe(&self, arg: &Arg, id: &str, talk: &mut Talk<'_>) {
        let Arg { channel, inst_id } = arg;
        let found = listed(talk.world, inst_id).zip(self.flow(channel)).filter(|_| !talk.refuses());
        let Some((symbol, flow)) = found else {
            talk.refused();
            let words = format!(
                "Wrong URL or channel:{channel},instId:{inst_id} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
            );
            return talk.say(error(id, "60018", &words, talk.number));
        };
        talk.say(format!(
            r#"{{{id}"event":"subscribe","arg":{{"channel":"{channel}","instId":"{inst_id}"}},"connId":"{:08x}"}}"#,
            talk.number
        ));
        if let Flow::Book { .. } = flow
            && let Some(market) = talk.world.market(&symbol)
        {
            let book = market.book_at_update(published_book(talk.now)).of_levels(LEVELS);
            let mut out = Vec::new();
            let levels = [&book.bids().collect(), &book.asks().collect()];
            write_book(&mut out, ("snapshot", inst_id), levels, (book.update_id, -1), book.at());
            talk.say(out);
        }
        talk.subscribe(Topic::new(&arg.name(), Source::Symbol { symbol, ends: None }, flow));
    }
}

fn error(id: &str, code: &str, words: &str, number: u64) -> String {
    format!(r#"{{{id}"event":"error","code":"{code}","msg":"{words}","connId":"{number:08x}"}}"#)
}

/// The listed symbol of `BTC-USDT`, or of `BTC-USDT-SWAP`, which has the same prices.
fn listed(world: &World, inst_id: &str) -> Option<String> {
    let (base, quote) = inst_id.strip_suffix("-SWAP").unwrap_or(inst_id).split_once('-')?;
    let symbol = world.market(&format!("{base}{quote}"))?.symbol();
    (assets(symbol) == (base, quote)).then(|| symbol.to_owned())
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits {
            connects: Some((3, Duration::from_secs(1))),
            quiet: Some(Duration::from_secs(30)),
            ..Limits::NONE
        }
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        if text == "ping" {
            return talk.say("pong");
        }
        let request = serde_json::from_str::<Request>(text);
        let id = request.as_ref().ok().and_then(|request| request.id.as_ref());
        let id = id.map(|id| format!(r#""id":"{id}","#)).unwrap_or_default();
        if self.requests.is_over(Some(REQUESTS), talk.now) {
            talk.over(WsLimit::Requests);
            return talk.say(error(&id, "60014", "Requests too frequent", talk.number));
        }
        match request {
            Ok(request) if text.len() <= REQUEST_BYTES && request.op == "subscribe" => {
                request.args.iter().for_each(|arg| self.subscribe(arg, &id, talk));
            }
            Ok(request) if request.op == "unsubscribe" => {
                for arg in &request.args {
                    let Arg { channel, inst_id } = arg;
                    talk.unsubscribe(&arg.name());
                    talk.say(format!(
                        r#"{{{id}"event":"unsubscribe","arg":{{"channel":"{channel}","instId":"{inst_id}"}},"connId":"{:08x}"}}"#,
                        talk.number
                    ));
                }
            }
            Ok(_) | Err(_) => {
                let words = format!("Invalid request: {}", text.replace('\\', "").replace('"', "\\\""));
                talk.say(error(&id, "60012", &words, talk.number));
            }
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let (channel, symbol) = rows.topic.name.split_once(' ').unwrap_or_default();
        let mut out = Vec::with_capacity(512);
        match rows.what {
            What::Trades(ids) => {
                head(&mut out, (channel, symbol), "");
                ids.iter().take(1).for_each(|id| fill(&mut out, symbol, rows, *id));
                out.extend_from_slice(b"]}");
            }
            What::Candle { open, is_closed } => {
                let Flow::Candles { grid, .. } = rows.topic.flow else { return out };
                let candle = rows.world.candle_at(rows.told(), rows.market, grid, open);
                let bend = rows.world.knobs.is_odd(open.0).then_some(Bend::Contradiction);
                head(&mut out, (channel, symbol), "");
                bar(&mut out, &candle, !symbol.ends_with("-SWAP"), is_closed, bend);
                out.extend_from_slice(b"]}");
            }
            What::Book(id) => {
                let [bids, asks] = rows.changed_of(id, LEVELS);
                write_book(&mut out, ("update", symbol), [&bids, &asks], (id, id - 1), rows.told());
            }
            What::Heartbeat => {}
        }
        out
    }

    fn notice(&self, _: Micros) -> Option<String> {
        Some(
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#
                .to_owned(),
        )
    }
}

/// `{"arg":{"channel":…,"instId":…},…"data":[`.
fn head(out: &mut Vec<u8>, (channel, symbol): (&str, &str), action: &str) {
    let _ = write!(out, r#"{{"arg":{{"channel":"{channel}","instId":"{symbol}"}},{action}"data":["#);
}

/// `{instId, tradeId, px, sz, side, ts, …}`.
fn fill(out: &mut Vec<u8>, symbol: &str, rows: &Rows<'_>, id: u64) {
    let trade = rows.market.trade(id);
    let is_odd = rows.world.knobs.is_odd(i64::try_from(id).unwrap_or(i64::MAX));
    let _ = write!(out, r#"{{"instId":"{symbol}","tradeId":"{id}","px":""#);
    cents(out, if is_odd { -trade.price_cents } else { trade.price_cents });
    out.extend_from_slice(b"\",\"sz\":\"");
    e8(out, trade.amount_e8);
    let (side, ts) = (if trade.sold { "sell" } else { "buy" }, trade.ts.millis_floor());
    let _ = write!(out, r#"","side":"{side}","ts":"{ts}","source":"0"}}"#);
}

/// A whole book, or the levels that changed, with its number and the one before it.
fn write_book(
    out: &mut Vec<u8>,
    (action, symbol): (&str, &str),
    [bids, asks]: [&Vec<(i64, i64)>; 2],
    (id, before): (i64, i64),
    at: Micros,
) {
    head(out, ("books", symbol), &format!(r#""action":"{action}","#));
    for (name, levels) in [("{\"asks\":[", asks), ("],\"bids\":[", bids)] {
        out.extend_from_slice(name.as_bytes());
        for (place, (price_cents, amount_e8)) in levels.iter().enumerate() {
            out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
            cents(out, *price_cents);
            out.extend_from_slice(b"\",\"");
            match amount_e8 {
                0 => out.extend_from_slice(b"0\",\"0\",\"0\"]"),
                _ => {
                    e8(out, *amount_e8);
                    out.extend_from_slice(b"\",\"0\",\"3\"]");
                }
            }
        }
    }
    let ts = at.millis_floor();
    let _ = write!(out, r#"],"ts":"{ts}","checksum":0,"seqId":{id},"prevSeqId":{before}}}]}}"#);
}
