//! Kraken's WebSocket interface v2, server side: trades, candles and books.
//!
//! Source: Kraken documentation, "Spot WebSocket v2", and recorded connections. Members of answers stand in the order
//! of their names.

use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::model::{Grid, Micros, Span};
use crate::sim::asked::World;
use crate::sim::bend::Bend;
use crate::sim::hash::draw;
use crate::sim::market::Market;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::venues::kraken::live_book;
use crate::sim::venues::kraken::rules::{INTERVALS, nanos_of};
use crate::sim::ws::{
    Flow, Limits, Protocol, Rows, Source, Talk, Topic, What, WsFault, published_book, unpublished_trade,
};

/// How many trades, and how many candles, a snapshot holds.
const TRADES: u64 = 50;

const CANDLES: usize = 10;

/// The depths of books.
const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1_000];
const LEAST_DEPTH: usize = 10;

/// One connection.
pub(super) struct Live;

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    method: String,
    params: Option<Params>,
    req_id: Option<u64>,
}

#[derive(Deserialize)]
struct Params {
    channel: String,
    #[serde(default)]
    symbol: Vec<String>,
    interval: Option<u32>,
    depth: Option<usize>,
    snapshot: Option<bool>,
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits { connects: Some((150, Duration::from_secs(600))), ..Limits::NONE }
    }

    fn open(&mut self, talk: &mut Talk<'_>) {
        let connection = draw(talk.world.knobs.seed, talk.number) | 1 << 63;
        talk.say(format!(
            r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"online","api_version":"v2","connection_id":{connection}}}]}}"#
        ));
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        let Ok(request) = serde_json::from_str::<Request>(text) else {
            let times = times(talk.now);
            return talk.say(format!(r#"{{"error":"Malformed request","success":false,{times}}}"#));
        };
        let id = request.req_id.map(|id| format!(r#""req_id":{id},"#)).unwrap_or_default();
        match (request.method.as_str(), request.params) {
            ("ping", _) => {
                let times = times(talk.now);
                talk.say(format!(r#"{{"method":"pong",{id}{times}}}"#));
            }
            (method @ ("subscribe" | "unsubscribe"), Some(params)) => {
                for symbol in &params.symbol {
                    let outcome = match method {
                        "subscribe" => subscribe(&params, symbol, &id, talk),
                        _ => unsubscribe(&params, symbol, &id, talk),
                    };
                    if let Err(error) = outcome {
                        talk.refused();
                        let (times, is_of_symbol) = (times(talk.now), !error.starts_with("Subscription"));
                        let of =
                            if is_of_symbol { format!(r#""symbol":"{symbol}","#) } else { String::new() };
                        talk.say(format!(
                            r#"{{"error":"{error}","method":"{method}",{id}"success":false,{of}{times}}}"#
                        ));
                    }
                }
            }
            (method, _) => {
                let times = times(talk.now);
                talk.say(format!(
                    r#"{{"error":"Method not supported","method":"{method}",{id}"success":false,{times}}}"#
                ));
            }
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let symbol = rows.topic.name.split_once(' ').map_or("", |(_, symbol)| symbol);
        let mut out = Vec::with_capacity(512);
        match rows.what {
            What::Trades(ids) => trades(&mut out, "update", symbol, rows.world, rows.market, ids),
            What::Candle { open, .. } => {
                let Flow::Candles { grid, .. } = rows.topic.flow else { return out };
                candles(&mut out, "update", (symbol, rows.told()), (rows.world, rows.market), grid, &[open]);
            }
            What::Book(id) => {
                let Flow::Book { depth } = rows.topic.flow else { return out };
                let depth = depth.unwrap_or(LEAST_DEPTH);
                let [bids, asks] = rows.changed(id, Some(depth));
                let is_bad = rows.world.knobs.bad_sums.iter().any(|own| own == rows.market.symbol());
                let spoiled = u32::from(is_bad || rows.fault == Some(WsFault::BadSum));
                let book = rows.market.book_at_update(id);
                live_book::write(&mut out, "update", symbol, &book, [&bids, &asks], spoiled);
            }
            What::Heartbeat => {}
        }
        out
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn gathers_trades(&self) -> bool {
        true
    }

    fn heartbeat(&self) -> Option<&'static str> {
        Some(r#"{"channel":"heartbeat"}"#)
    }
}

/// `"time_in":…,"time_out":…`: when a message came and was answered.
fn times(now: Micros) -> String {
    let out = now + Duration::from_micros(40);
    format!(r#""time_in":"{:.6}","time_out":"{:.6}""#, now.timestamp(), out.timestamp())
}

/// The listed symbol of `BTC/USD`.
fn listed(world: &World, name: &str) -> Option<String> {
    let (base, quote) = name.split_once('/')?;
    let symbol = world.market(&format!("{base}{quote}"))?.symbol();
    (assets(symbol) == (base, quote)).then(|| symbol.to_owned())
}

fn name_of(params: &Params, symbol: &str) -> String {
    match params.channel.as_str() {
        "ohlc" => format!("ohlc-{} {symbol}", params.interval.unwrap_or(1)),
        channel => format!("{channel} {symbol}"),
    }
}

fn subscribe(params: &Params, symbol: &str, id: &str, talk: &mut Talk<'_>) -> Result<(), String> {
    let flow = match params.channel.as_str() {
        "trade" => Flow::Trades,
        "ohlc" => {
            let minutes = params.interval.unwrap_or(1);
            if !INTERVALS.contains(&minutes) {
                return Err("Subscription ohlc interval not supported".to_owned());
            }
            let grid = Grid { span: Span::Fixed(minutes * 60), anchor_secs: 0 };
            Flow::Candles { grid, every: Duration::from_secs(1) }
        }
        "book" => {
            let depth = params.depth.unwrap_or(LEAST_DEPTH);
            if !DEPTHS.contains(&depth) {
                return Err("Subscription depth not supported".to_owned());
            }
            Flow::Book { depth: Some(depth) }
        }
        _ => return Err("Subscription name invalid".to_owned()),
    };
    let listed = listed(talk.world, symbol).filter(|_| !talk.refuses());
    let listed = listed.ok_or_else(|| format!("Currency pair not supported {symbol}"))?;
    let name = name_of(params, symbol);
    let has_another = |own: &Topic| {
        let (channel, of) = own.name.split_once(' ').unwrap_or_default();
        channel.starts_with("ohlc") && of == symbol && own.name != name
    };
    if params.channel == "ohlc" && talk.topics.iter().any(has_another) {
        return Err("Already subscribed to one ohlc interval on this symbol".to_owned());
    }
    acknowledge(params, symbol, id, talk);
    if wants_snapshot(params) {
        snapshot(symbol, &listed, flow, talk);
    }
    talk.subscribe(Topic::new(&name, Source::Symbol { symbol: listed, ends: None }, flow));
    Ok(())
}

/// A snapshot of trades comes only where it is asked for; one of candles always but where it is not wanted.
fn wants_snapshot(params: &Params) -> bool {
    params.snapshot.unwrap_or(params.channel != "trade")
}

fn acknowledge(params: &Params, symbol: &str, id: &str, talk: &mut Talk<'_>) {
    let (channel, snapshot, times) = (&params.channel, wants_snapshot(params), times(talk.now));
    let (interval, warnings) = match params.channel.as_str() {
        "book" => (format!(r#""depth":{},"#, params.depth.unwrap_or(LEAST_DEPTH)), ""),
        "ohlc" => (
            format!(r#""interval":{},"#, params.interval.unwrap_or(1)),
            r#","warnings":["timestamp is deprecated, use interval_begin"]"#,
        ),
        _ => (String::new(), ""),
    };
    talk.say(format!(
        r#"{{"method":"subscribe",{id}"result":{{"channel":"{channel}",{interval}"snapshot":{snapshot},"symbol":"{symbol}"{warnings}}},"success":true,{times}}}"#
    ));
}

fn unsubscribe(params: &Params, symbol: &str, id: &str, talk: &mut Talk<'_>) -> Result<(), String> {
    if !talk.unsubscribe(&name_of(params, symbol)) {
        return Err("Subscription Not Found".to_owned());
    }
    let (channel, times) = (&params.channel, times(talk.now));
    let interval = match params.channel.as_str() {
        "ohlc" => format!(r#""interval":{},"#, params.interval.unwrap_or(1)),
        _ => String::new(),
    };
    talk.say(format!(
        r#"{{"method":"unsubscribe",{id}"result":{{"channel":"{channel}",{interval}"symbol":"{symbol}"}},"success":true,{times}}}"#
    ));
    Ok(())
}

/// The newest rows there are.
fn snapshot(symbol: &str, listed: &str, flow: Flow, talk: &mut Talk<'_>) {
    let world = talk.world;
    let Some(market) = world.market(listed) else { return };
    let mut out = Vec::new();
    match flow {
        Flow::Candles { grid, .. } => {
            let newest = std::iter::successors(market.last_open(grid, talk.now), |open| {
                market.last_open(grid, Micros(open.0 - 1))
            });
            let mut opens: Vec<Micros> = newest.take(CANDLES).collect();
            opens.reverse();
            candles(&mut out, "snapshot", (symbol, talk.now), (world, market), grid, &opens);
        }
        Flow::Book { depth } => {
            let book = market.book_at_update(published_book(talk.now));
            let depth = depth.unwrap_or(LEAST_DEPTH);
            let (bids, asks): (Vec<_>, Vec<_>) =
                (book.bids().take(depth).collect(), book.asks().take(depth).collect());
            live_book::write(&mut out, "snapshot", symbol, &book, [&bids, &asks], 0);
        }
        _ => {
            let beyond = unpublished_trade(market, talk.now);
            let ids: Vec<u64> = (beyond.saturating_sub(TRADES)..beyond).collect();
            trades(&mut out, "snapshot", symbol, world, market, &ids);
        }
    }
    talk.say(out);
}

/// `{"channel":"trade","type":…,"data":[{symbol, side, price, qty, ord_type, trade_id, timestamp},…]}`.
fn trades(out: &mut Vec<u8>, kind: &str, symbol: &str, world: &World, market: &Market, ids: &[u64]) {
    let _ = write!(out, r#"{{"channel":"trade","type":"{kind}","data":["#);
    for (place, id) in ids.iter().enumerate() {
        let trade = market.trade(*id);
        let is_odd = world.knobs.is_odd(i64::try_from(*id).unwrap_or(i64::MAX));
        let comma = if place > 0 { "," } else { "" };
        let side = if trade.sold { "sell" } else { "buy" };
        let _ = write!(out, r#"{comma}{{"symbol":"{symbol}","side":"{side}","price":"#);
        price(out, if is_odd { -trade.price_cents } else { trade.price_cents });
        out.extend_from_slice(b",\"qty\":");
        e8(out, trade.amount_e8);
        let micros = i64::try_from(nanos_of(market, *id) / 1_000).unwrap_or(i64::MAX);
        let at = Micros(micros).timestamp();
        let _ = write!(out, r#","ord_type":"market","trade_id":{id},"timestamp":"{at:.6}"}}"#);
    }
    out.extend_from_slice(b"]}");
}

/// `{"channel":"ohlc","type":…,"timestamp":…,"data":[{symbol, open, high, low, close, trades, volume, vwap, …},…]}`.
fn candles(
    out: &mut Vec<u8>,
    kind: &str,
    (symbol, told): (&str, Micros),
    (world, market): (&World, &Market),
    grid: Grid,
    opens: &[Micros],
) {
    let _ =
        write!(out, r#"{{"channel":"ohlc","type":"{kind}","timestamp":"{:.9}","data":["#, told.timestamp());
    for (place, open) in opens.iter().enumerate() {
        let candle = world.candle_at(told, market, grid, *open);
        let bend = world.knobs.is_odd(open.0).then_some(Bend::Contradiction);
        let high_cents = bend.map_or(candle.high_cents, |_| candle.low_cents - 1);
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(out, r#"{comma}{{"symbol":"{symbol}","open":"#);
        price(out, candle.open_cents);
        for (key, cents) in [("high", high_cents), ("low", candle.low_cents), ("close", candle.close_cents)] {
            let _ = write!(out, r#","{key}":"#);
            price(out, cents);
        }
        let _ = write!(out, r#","trades":{},"volume":"#, candle.trades);
        e8(out, candle.volume_e8);
        out.extend_from_slice(b",\"vwap\":");
        price(out, candle.close_cents);
        let (begin, until) = (open.timestamp(), grid.next(*open).timestamp());
        let minutes = grid.span.secs() / 60;
        let _ =
            write!(out, r#","interval_begin":"{begin:.9}","interval":{minutes},"timestamp":"{until:.6}"}}"#);
    }
    out.extend_from_slice(b"]}");
}

/// A price as a number without zeros at its end, but with one place at least: `77400.0`.
fn price(out: &mut Vec<u8>, price_cents: i64) {
    cents(out, price_cents);
    let places = if price_cents % 10 == 0 { 1 } else { 2 };
    out.truncate(out.len() - 8 + places);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_written_as_kraken_writes_it() {
        for (cents, text) in [(7_740_000, "77400.0"), (7_741_630, "77416.3"), (228_415, "2284.15")] {
            let mut out = Vec::new();
            price(&mut out, cents);
            assert_eq!(out, text.as_bytes());
        }
    }
}
