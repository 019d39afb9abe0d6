//! BitMEX's WebSocket interface, server side: trades, buckets and books.
//!
//! Source: BitMEX WebSocket API documentation, and recorded connections. Each topic begins with an image of what there is. A
//! change of a book is told in one frame for each thing that happened to levels: they went, changed, or came.

use std::collections::HashSet;
use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::model::{Grid, Micros};
use crate::sim::asked::World;
use crate::sim::bend::Bend;
use crate::sim::book::SimBook;
use crate::sim::market::Market;
use crate::sim::text::cents;
use crate::sim::venues::bitmex::rows::{BINS, bucket, known, level_id, lots, quiet, trade};
use crate::sim::ws::{
    Flow, Limits, Protocol, Rows, Source, Talk, Topic, What, WsFault, published_book, unpublished_trade,
};

/// The levels of each side of a book.
const LEVELS: usize = 1_000;

/// One connection.
pub(super) struct Live;

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    op: String,
    #[serde(default)]
    args: Vec<String>,
}

/// Price in cents and amount in 10^-8, with the word for its side.
type Level = (&'static str, (i64, i64));

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits { connects: Some((300, Duration::from_secs(3_600))), ..Limits::NONE }
    }

    fn open(&mut self, talk: &mut Talk<'_>) {
        talk.say(format!(
            r#"{{"info":"Welcome to the BitMEX Realtime API.","version":"2.0.0","timestamp":"{:.3}","docs":"https://www.bitmex.com/app/wsAPI","heartbeatEnabled":false,"limit":{{}}}}"#,
            talk.now.timestamp()
        ));
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        if text == "ping" {
            return talk.say("pong");
        }
        let Ok(request) = serde_json::from_str::<Request>(text) else {
            return talk.say(r#"{"status":400,"error":"Unrecognized request","meta":{}}"#);
        };
        match request.op.as_str() {
            "subscribe" => match request.args.iter().find_map(|name| refusal(name, talk)) {
                Some(words) => {
                    request.args.iter().for_each(|_| talk.refused());
                    talk.say(format!(r#"{{"status":400,"error":"{words}","meta":{{}},"request":{text}}}"#));
                }
                None => request.args.iter().for_each(|name| subscribe(name, text, talk)),
            },
            "unsubscribe" => {
                for name in &request.args {
                    talk.unsubscribe(name);
                    talk.say(format!(r#"{{"success":true,"unsubscribe":"{name}","request":{text}}}"#));
                }
            }
            op => talk
                .say(format!(r#"{{"status":400,"error":"Unknown op: {op}","meta":{{}},"request":{text}}}"#)),
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let (table, symbol) = rows.topic.name.split_once(':').unwrap_or_default();
        match rows.what {
            What::Trades(ids) => trades("insert", symbol, rows.world, rows.market, ids),
            What::Candle { open, .. } => {
                let Flow::Buckets { grid } = rows.topic.flow else { return Vec::new() };
                closed(("insert", table, symbol), rows.at, (rows.world, rows.market), grid, open)
            }
            What::Book(_) | What::Heartbeat => Vec::new(),
        }
    }

    fn frames(&mut self, rows: &Rows<'_>) -> Vec<Vec<u8>> {
        match rows.what {
            What::Book(id) => changed(rows, id),
            _ => vec![self.frame(rows)],
        }
    }

    fn gathers_trades(&self) -> bool {
        true
    }
}

/// The listed symbol of a topic, and what it sends; a word on why there is no such topic.
fn parse(name: &str, world: &World) -> Result<(String, Flow), String> {
    let (table, symbol) = name.split_once(':').ok_or_else(|| format!("Unknown table: {name}"))?;
    let flow = match table {
        "trade" => Flow::Trades,
        "orderBookL2" => Flow::Book { depth: None },
        _ => {
            let word = table.strip_prefix("tradeBin").unwrap_or_default();
            let bin = BINS.iter().find(|(own, _)| *own == word);
            let (_, span) = bin.ok_or_else(|| format!("Unknown table: {table}"))?;
            Flow::Buckets { grid: span.grid() }
        }
    };
    let market = world.market(&known(symbol)).ok_or("Unknown or expired symbol.")?;
    Ok((market.symbol().to_owned(), flow))
}

fn refusal(name: &str, talk: &Talk<'_>) -> Option<String> {
    if talk.topics.iter().any(|own| own.name == name) {
        return Some(format!("You are already subscribed to this topic: {name}"));
    }
    match parse(name, talk.world) {
        Ok(_) => talk.refuses().then(|| "Unknown or expired symbol.".to_owned()),
        Err(words) => Some(words),
    }
}

fn subscribe(name: &str, request: &str, talk: &mut Talk<'_>) {
    let Ok((listed, flow)) = parse(name, talk.world) else { return };
    talk.say(format!(r#"{{"success":true,"subscribe":"{name}","request":{request}}}"#));
    image(name, &listed, flow, talk);
    talk.subscribe(Topic::new(name, Source::Symbol { symbol: listed, ends: None }, flow));
}

/// The last trade, the last bucket that is over, or the whole book.
fn image(name: &str, listed: &str, flow: Flow, talk: &mut Talk<'_>) {
    let world = talk.world;
    let (table, symbol) = name.split_once(':').unwrap_or_default();
    let Some(market) = world.market(listed) else { return };
    let frame = match flow {
        Flow::Buckets { grid } => {
            let open = grid.step(grid.floor(talk.now), -1);
            closed(("partial", table, symbol), talk.now, (world, market), grid, open)
        }
        Flow::Book { .. } => {
            let book = book_at(market, published_book(talk.now));
            let levels: Vec<Level> =
                book.bids().map(|own| ("Buy", own)).chain(book.asks().map(|own| ("Sell", own))).collect();
            levels_frame("partial", symbol, book.at(), &levels)
        }
        _ => {
            let newest = unpublished_trade(market, talk.now).checked_sub(1);
            trades("partial", symbol, world, market, &Vec::from_iter(newest))
        }
    };
    talk.say(frame);
}

fn head(table: &str, action: &str) -> Vec<u8> {
    format!(r#"{{"table":"{table}","action":"{action}","data":["#).into_bytes()
}

fn trades(action: &str, symbol: &str, world: &World, market: &Market, ids: &[u64]) -> Vec<u8> {
    let mut out = head("trade", action);
    for (place, id) in ids.iter().enumerate() {
        let is_odd = world.knobs.is_odd(i64::try_from(*id).unwrap_or(i64::MAX));
        out.extend_from_slice(if place > 0 { b"," } else { b"" });
        trade(&mut out, &market.trade(*id), symbol, is_odd.then_some(Bend::Contradiction));
    }
    out.extend_from_slice(b"]}");
    out
}

/// A bucket that is over.
fn closed(
    (action, table, symbol): (&str, &str, &str),
    at: Micros,
    (world, market): (&World, &Market),
    grid: Grid,
    open: Micros,
) -> Vec<u8> {
    let mut out = head(table, action);
    let candle = quiet(market, grid, open).unwrap_or_else(|| world.candle_at(at, market, grid, open));
    let bend = world.knobs.is_odd(open.0).then_some(Bend::Contradiction);
    bucket(&mut out, &candle, grid, symbol, bend);
    out.extend_from_slice(b"]}");
    out
}

fn book_at(market: &Market, update_id: i64) -> SimBook {
    market.book_at_update(update_id).of_levels(LEVELS)
}

/// An update of a book: the levels that went, then those that changed, then those that came.
fn changed(rows: &Rows<'_>, id: i64) -> Vec<Vec<u8>> {
    let symbol = rows.topic.name.split_once(':').map_or("", |(_, symbol)| symbol);
    let (book, before) = (book_at(rows.market, id), book_at(rows.market, id - 1));
    let (before_bids, before_asks) = (before.bids().map(|own| ("Buy", own.0)), before.asks());
    let had: HashSet<(&str, i64)> = before_bids.chain(before_asks.map(|own| ("Sell", own.0))).collect();
    let (mut bids, asks) = book.since(&before, None);
    if rows.fault == Some(WsFault::Crossed) {
        bids.extend(book.asks().nth(1));
    }
    let (mut gone, mut other, mut new): (Vec<Level>, Vec<Level>, Vec<Level>) = Default::default();
    for (side, levels) in [("Buy", bids), ("Sell", asks)] {
        for level @ (price_cents, amount_e8) in levels {
            match () {
                () if amount_e8 == 0 => gone.push((side, level)),
                () if had.contains(&(side, price_cents)) => other.push((side, level)),
                () => new.push((side, level)),
            }
        }
    }
    let told = [("delete", gone), ("update", other), ("insert", new)];
    let told = told.iter().filter(|(_, levels)| !levels.is_empty());
    told.map(|(action, levels)| levels_frame(action, symbol, book.at(), levels)).collect()
}

fn levels_frame(action: &str, symbol: &str, at: Micros, levels: &[Level]) -> Vec<u8> {
    let (mut out, at) = (head("orderBookL2", action), at.timestamp());
    for (place, (side, (price_cents, amount_e8))) in levels.iter().enumerate() {
        let (comma, id) = (if place > 0 { "," } else { "" }, level_id(*price_cents));
        let _ = write!(out, r#"{comma}{{"symbol":"{symbol}","id":{id},"side":"{side}""#);
        if action != "delete" {
            let _ = write!(out, r#","size":{}"#, lots(symbol, *amount_e8));
        }
        out.extend_from_slice(b",\"price\":");
        cents(&mut out, *price_cents);
        let _ = write!(out, r#","timestamp":"{at:.3}","transactTime":"{at:.3}"}}"#);
    }
    out.extend_from_slice(b"]}");
    out
}
