//! Bitfinex's WebSocket interface v2, server side: trades, candles and books.
//!
//! Source: Bitfinex v2 documentation, "WebSocket: general" and "Public channels", and recorded connections. Each topic is a
//! channel with a number of its own; what frames end with, a client asks for by flags. A change of a book is told level by
//! level, those that went first, and its checksum behind them.

use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::model::{Grid, Micros};
use crate::sim::asked::World;
use crate::sim::bend::Bend;
use crate::sim::book::SimBook;
use crate::sim::market::Market;
use crate::sim::venues::bitfinex::rows::{TIMEFRAMES, candle, known, trade};
use crate::sim::ws::{
    Flow, Limits, Protocol, Rows, Source, Talk, Topic, What, WsFault, published_book, unpublished_trade,
};

/// How many trades, and how many candles, an image holds.
const TRADES: u64 = 30;
const CANDLES: usize = 240;

/// Levels of the checksum.
const SUMMED: usize = 25;

const TIMESTAMPS: u32 = 32_768;
const NUMBERS: u32 = 65_536;
const SUMS: u32 = 131_072;

/// One connection.
#[derive(Default)]
pub(super) struct Live {
    flags: u32,
    /// The number of the last frame.
    number: u64,
    /// The topics by the numbers of their channels.
    channels: Vec<(u64, String)>,
    /// The number of the last channel.
    channel: u64,
}

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    event: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    symbol: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    len: String,
    #[serde(default)]
    flags: u32,
    #[serde(default)]
    cid: u64,
    #[serde(default, rename = "chanId")]
    number: u64,
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits { connects: Some((20, Duration::from_secs(60))), topics: 25, ..Limits::NONE }
    }

    fn open(&mut self, talk: &mut Talk<'_>) {
        talk.say(r#"{"event":"info","version":2,"serverId":"083bd8d4","platform":{"status":1}}"#);
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        let Ok(request) = serde_json::from_str::<Request>(text) else {
            return talk.say(r#"{"event":"error","msg":"event: invalid","code":10000}"#);
        };
        match request.event.as_str() {
            "conf" => {
                self.flags = request.flags;
                talk.say(format!(r#"{{"event":"conf","status":"OK","flags":{}}}"#, request.flags));
            }
            "ping" => talk.say(format!(
                r#"{{"event":"pong","ts":{},"cid":{}}}"#,
                talk.now.millis_floor(),
                request.cid
            )),
            "subscribe" => self.subscribe(&request, talk),
            "unsubscribe" => {
                let place = self.channels.iter().position(|(number, _)| *number == request.number);
                let Some(place) = place else {
                    return talk.say(r#"{"event":"error","msg":"chanId: invalid","code":10400}"#);
                };
                let (number, name) = self.channels.remove(place);
                talk.unsubscribe(&name);
                talk.say(format!(r#"{{"event":"unsubscribed","status":"OK","chanId":{number}}}"#));
            }
            _ => talk.say(r#"{"event":"error","msg":"event: invalid","code":10000}"#),
        }
    }

    fn frame(&self, _: &Rows<'_>) -> Vec<u8> {
        Vec::new()
    }

    fn frames(&mut self, rows: &Rows<'_>) -> Vec<Vec<u8>> {
        let named = |(_, name): &&(u64, String)| *name == rows.topic.name;
        let Some(channel) = self.channels.iter().find(named).map(|(number, _)| *number) else {
            return Vec::new();
        };
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        match rows.what {
            What::Trades(ids) => {
                for id in ids {
                    for word in ["te", "tu"] {
                        let mut body = format!("\"{word}\",").into_bytes();
                        one_trade(&mut body, rows.world, rows.market, *id);
                        bodies.push(body);
                    }
                }
            }
            What::Candle { open, .. } => {
                let Flow::Candles { grid, .. } = rows.topic.flow else { return Vec::new() };
                let mut body = Vec::new();
                one_candle(&mut body, rows.told(), (rows.world, rows.market), grid, open);
                bodies.push(body);
            }
            What::Book(id) => bodies = self.changed(rows, id),
            What::Heartbeat => bodies.push(b"\"hb\"".to_vec()),
        }
        bodies.into_iter().map(|body| self.numbered(channel, body, rows.at)).collect()
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn notice(&self, _: Micros) -> Option<String> {
        Some(
            r#"{"event":"info","code":20051,"msg":"Stop/Restart WebSocket Server. Please reconnect."}"#
                .to_owned(),
        )
    }
}

impl Live {
    /// `[channel, …, number, time]`, as far as both were asked for.
    fn numbered(&mut self, channel: u64, body: Vec<u8>, at: Micros) -> Vec<u8> {
        let mut out = format!("[{channel},").into_bytes();
        out.extend_from_slice(&body);
        if self.flags & NUMBERS != 0 {
            self.number += 1;
            let _ = write!(out, ",{}", self.number);
        }
        if self.flags & TIMESTAMPS != 0 {
            let _ = write!(out, ",{}", at.millis_floor());
        }
        out.push(b']');
        out
    }

    fn subscribe(&mut self, request: &Request, talk: &mut Talk<'_>) {
        let Request { channel, symbol, key, len, .. } = request;
        let refuse = |talk: &mut Talk<'_>, code: u16, words: &str| {
            talk.refused();
            talk.say(format!(
                r#"{{"event":"error","msg":"{words}","code":{code},"channel":"{channel}","symbol":"{symbol}","key":"{key}","len":"{len}"}}"#
            ));
        };
        let Some((listed, flow)) = parse(request, talk.world).filter(|_| !talk.refuses()) else {
            return refuse(talk, 10_300, "symbol: invalid");
        };
        let name = format!("{channel} {symbol}{key}");
        if talk.topics.iter().any(|own| own.name == name) {
            return refuse(talk, 10_301, "subscribe: dup");
        }
        if talk.is_full(1) {
            return refuse(talk, 10_305, "limit: open channels");
        }
        self.channel += 1;
        let number = 200_000 + self.channel;
        self.channels.push((number, name.clone()));
        let what = match channel.as_str() {
            "candles" => format!(r#""key":"{key}""#),
            "book" => format!(r#""symbol":"{symbol}","prec":"P0","freq":"F0","len":"{len}""#),
            _ => format!(r#""symbol":"{symbol}""#),
        };
        talk.say(format!(r#"{{"event":"subscribed","channel":"{channel}","chanId":{number},{what}}}"#));
        let world = talk.world;
        let Some(market) = world.market(&listed) else { return };
        let body = image(flow, (world, market), talk.now);
        let frame = self.numbered(number, body, talk.now);
        talk.say(frame);
        talk.subscribe(Topic::new(&name, Source::Symbol { symbol: listed, ends: None }, flow));
    }

    /// The levels that an update changes, and the checksum behind them.
    fn changed(&self, rows: &Rows<'_>, id: i64) -> Vec<Vec<u8>> {
        let Flow::Book { depth } = rows.topic.flow else { return Vec::new() };
        let depth = depth.unwrap_or(SUMMED);
        let [bids, asks] = rows.changed_of(id, depth);
        let bids = bids.into_iter().map(|level| (1, level));
        let mut all: Vec<_> = bids.chain(asks.into_iter().map(|level| (-1, level))).collect();
        all.sort_by_key(|(_, (_, amount_e8))| *amount_e8 != 0);
        let mut bodies: Vec<Vec<u8>> = Vec::new();
        for (sign, (price_cents, amount_e8)) in all {
            let mut body = Vec::new();
            level(&mut body, sign, price_cents, amount_e8);
            bodies.push(body);
        }
        if self.flags & SUMS != 0 {
            let is_bad = rows.world.knobs.bad_sums.iter().any(|own| own == rows.market.symbol());
            let spoiled = i32::from(is_bad || rows.fault == Some(WsFault::BadSum));
            let book = rows.market.book_at_update(id).of_levels(depth);
            bodies.push(format!("\"cs\",{}", checksum(&book).wrapping_add(spoiled)).into_bytes());
        }
        bodies
    }
}

/// The listed symbol of a topic, and what it sends.
fn parse(request: &Request, world: &World) -> Option<(String, Flow)> {
    let (symbol, flow) = match request.channel.as_str() {
        "trades" => (request.symbol.as_str(), Flow::Trades),
        "book" => {
            let depth = [1, 25, 100, 250].into_iter().find(|depth| request.len == depth.to_string())?;
            (request.symbol.as_str(), Flow::Book { depth: Some(depth) })
        }
        "candles" => {
            let (word, symbol) = request.key.strip_prefix("trade:")?.split_once(':')?;
            let (_, span) = TIMEFRAMES.iter().find(|(known, _)| *known == word)?;
            (symbol, Flow::Candles { grid: span.grid(), every: Duration::from_secs(1) })
        }
        _ => return None,
    };
    symbol.starts_with('t').then_some(())?;
    Some((world.market(&known(symbol))?.symbol().to_owned(), flow))
}

/// The newest rows, newest first, or the whole book.
fn image(flow: Flow, (world, market): (&World, &Market), now: Micros) -> Vec<u8> {
    let mut out = b"[".to_vec();
    let mut comma = "";
    match flow {
        Flow::Book { depth } => {
            let book = market.book_at_update(published_book(now)).of_levels(depth.unwrap_or(SUMMED));
            let bids = book.bids().map(|level| (1, level));
            for (sign, (price_cents, amount_e8)) in bids.chain(book.asks().map(|level| (-1, level))) {
                out.extend_from_slice(comma.as_bytes());
                level(&mut out, sign, price_cents, amount_e8);
                comma = ",";
            }
        }
        Flow::Candles { grid, .. } => {
            let newest = std::iter::successors(market.last_open(grid, now), |open| {
                market.last_open(grid, Micros(open.0 - 1))
            });
            for open in newest.take(CANDLES) {
                out.extend_from_slice(comma.as_bytes());
                one_candle(&mut out, now, (world, market), grid, open);
                comma = ",";
            }
        }
        _ => {
            let beyond = unpublished_trade(market, now);
            for id in (beyond.saturating_sub(TRADES)..beyond).rev() {
                out.extend_from_slice(comma.as_bytes());
                one_trade(&mut out, world, market, id);
                comma = ",";
            }
        }
    }
    out.push(b']');
    out
}

fn one_trade(out: &mut Vec<u8>, world: &World, market: &Market, id: u64) {
    let key = i64::try_from(id).unwrap_or(i64::MAX);
    let bend = world.knobs.is_odd(key).then_some(Bend::Contradiction);
    trade(out, &market.trade(id), key, bend);
}

fn one_candle(out: &mut Vec<u8>, told: Micros, (world, market): (&World, &Market), grid: Grid, open: Micros) {
    let bend = world.knobs.is_odd(open.0).then_some(Bend::Contradiction);
    candle(out, &world.candle_at(told, market, grid, open), bend);
}

/// `[price, count, amount]`: a count of zero removes it, the sign is its side.
fn level(out: &mut Vec<u8>, sign: i64, price_cents: i64, amount_e8: i64) {
    let price = plain(price_cents, 2);
    match amount_e8 {
        0 => drop(write!(out, "[{price},0,{sign}]")),
        _ => drop(write!(out, "[{price},2,{}]", plain(sign * amount_e8, 8))),
    }
}

/// A decimal number without zeros at its end, as JavaScript writes those that are not small.
fn plain(number: i64, places: usize) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let fraction = fraction.trim_end_matches('0');
    let (sign, point) = (if number < 0 { "-" } else { "" }, if fraction.is_empty() { "" } else { "." });
    format!("{sign}{whole}{point}{fraction}")
}

/// CRC32 of the best levels, a bid and an ask in turns, as a signed number.
fn checksum(book: &SimBook) -> i32 {
    let (bids, asks): (Vec<_>, Vec<_>) =
        (book.bids().take(SUMMED).collect(), book.asks().take(SUMMED).collect());
    let mut parts = Vec::new();
    for place in 0..SUMMED {
        for (sign, side) in [(1, &bids), (-1, &asks)] {
            if let Some((price_cents, amount_e8)) = side.get(place) {
                parts.push(plain(*price_cents, 2));
                parts.push(plain(sign * amount_e8, 8));
            }
        }
    }
    crc32fast::hash(parts.join(":").as_bytes()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_zeros_at_their_end() {
        let told = [(6_183_763, 2), (-150_000_000, 8), (1_000, 8), (500, 2), (-7, 2)];
        let texts = told.map(|(number, places)| plain(number, places));
        assert_eq!(texts, ["61837.63", "-1.5", "0.00001", "5", "-0.07"]);
    }
}
