//! Kraken Futures' WebSocket interface, server side: trades, books and heartbeats.
//!
//! Source: Kraken Futures WebSocket documentation, and recorded connections. Each message about a book changes one level, and
//! each has the next number of its product.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::sim::asked::World;
use crate::sim::market::Market;
use crate::sim::text::{cents, e8};
use crate::sim::venues::krakenfutures::rows::{LEVELS, TRADES, known};
use crate::sim::ws::{
    Flow, Limits, Protocol, Rows, Source, Talk, Topic, What, published_book, unpublished_trade,
};

/// One connection.
#[derive(Default)]
pub(super) struct Live {
    /// The number of the last message about the book of each product.
    numbers: HashMap<String, i64>,
}

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    event: String,
    #[serde(default)]
    feed: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits { messages: Some((100, Duration::from_secs(1))), ..Limits::NONE }
    }

    fn open(&mut self, talk: &mut Talk<'_>) {
        talk.say(r#"{"event":"info","version":1}"#);
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        let Ok(Request { event, feed, product_ids }) = serde_json::from_str(text) else {
            return talk.say(r#"{"event":"error","message":"Json Error"}"#);
        };
        match (event.as_str(), feed.as_str()) {
            ("subscribe", "heartbeat") => heartbeats(talk),
            ("subscribe", "trade" | "book") => {
                for product in &product_ids {
                    self.subscribe(&feed, product, talk);
                }
            }
            ("unsubscribe", _) => {
                for product in &product_ids {
                    talk.unsubscribe(&format!("{feed} {product}"));
                    talk.say(format!(
                        r#"{{"event":"unsubscribed","feed":"{feed}","product_ids":["{product}"]}}"#
                    ));
                }
            }
            ("subscribe", _) => talk.say(r#"{"event":"error","message":"Invalid feed"}"#),
            _ => talk.say(r#"{"event":"error","message":"Unknown event type"}"#),
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let product = product_of(rows.topic);
        match rows.what {
            What::Trades(ids) => {
                let mut out = Vec::with_capacity(256);
                trade(&mut out, product, rows.world, rows.market, ids.first().copied().unwrap_or_default());
                out
            }
            What::Heartbeat => {
                format!(r#"{{"feed":"heartbeat","time":{}}}"#, rows.told().millis_floor()).into_bytes()
            }
            What::Book(_) | What::Candle { .. } => Vec::new(),
        }
    }

    fn frames(&mut self, rows: &Rows<'_>) -> Vec<Vec<u8>> {
        match rows.what {
            What::Book(id) => self.changed(rows, id),
            _ => vec![self.frame(rows)],
        }
    }
}

fn product_of(topic: &Topic) -> &str {
    topic.name.split_once(' ').map_or("", |(_, product)| product)
}

fn heartbeats(talk: &mut Talk<'_>) {
    let Some(symbol) = talk.world.knobs.symbols.first().cloned() else { return };
    talk.say(r#"{"event":"subscribed","feed":"heartbeat"}"#);
    talk.subscribe(Topic::new("heartbeat", Source::Symbol { symbol, ends: None }, Flow::Heartbeats));
}

impl Live {
    fn subscribe(&mut self, feed: &str, product: &str, talk: &mut Talk<'_>) {
        let is_linear = product.starts_with("PF_") || product.starts_with("FF_");
        let listed = known(talk.world, product).filter(|_| is_linear && !talk.refuses());
        let Some(symbol) = listed.map(str::to_owned) else {
            talk.refused();
            return talk.say(r#"{"event":"error","message":"Invalid product id"}"#);
        };
        talk.say(format!(r#"{{"event":"subscribed","feed":"{feed}","product_ids":["{product}"]}}"#));
        let world = talk.world;
        let Some(market) = world.market(&symbol) else { return };
        let (flow, image) = if feed == "book" {
            (Flow::Book { depth: None }, self.whole_book(product, market, published_book(talk.now)))
        } else {
            let beyond = unpublished_trade(market, talk.now);
            (Flow::Trades, newest(product, world, market, beyond))
        };
        talk.say(image);
        let name = format!("{feed} {product}");
        talk.subscribe(Topic::new(&name, Source::Symbol { symbol, ends: None }, flow));
    }

    /// `{"feed":"book_snapshot","product_id":…,"timestamp":ms,"seq":…,"bids":[{price, qty},…],"asks":[…]}`.
    fn whole_book(&mut self, product: &str, market: &Market, update_id: i64) -> Vec<u8> {
        let book = market.book_at_update(update_id).of_levels(LEVELS);
        let seq = *self.numbers.entry(product.to_owned()).or_insert(update_id);
        let mut out = Vec::with_capacity(1 << 15);
        let _ = write!(
            out,
            r#"{{"feed":"book_snapshot","product_id":"{product}","timestamp":{},"seq":{seq},"tickSize":null,"bids":["#,
            book.at().millis_floor()
        );
        levels(&mut out, book.bids());
        out.extend_from_slice(b"],\"asks\":[");
        levels(&mut out, book.asks());
        out.extend_from_slice(b"]}");
        out
    }

    /// An update of a book, level by level: those that went, then the others.
    fn changed(&mut self, rows: &Rows<'_>, id: i64) -> Vec<Vec<u8>> {
        let product = product_of(rows.topic);
        let number = self.numbers.entry(product.to_owned()).or_insert(id);
        let at = rows.market.book_at_update(id).at().millis_floor();
        let [bids, asks] = rows.changed_of(id, LEVELS);
        let bids = bids.into_iter().map(|level| ("buy", level));
        let mut all: Vec<_> = bids.chain(asks.into_iter().map(|level| ("sell", level))).collect();
        all.sort_by_key(|(_, (_, amount_e8))| *amount_e8 != 0);
        let mut frame = |(side, (price_cents, amount_e8))| {
            *number += 1;
            let mut out = Vec::with_capacity(192);
            let _ = write!(
                out,
                r#"{{"feed":"book","product_id":"{product}","side":"{side}","seq":{number},"price":"#
            );
            cents(&mut out, price_cents);
            out.extend_from_slice(b",\"qty\":");
            e8(&mut out, amount_e8);
            let _ = write!(out, r#","timestamp":{at}}}"#);
            out
        };
        all.into_iter().map(&mut frame).collect()
    }
}

fn levels(out: &mut Vec<u8>, levels: impl Iterator<Item = (i64, i64)>) {
    for (place, (price_cents, amount_e8)) in levels.enumerate() {
        out.extend_from_slice(if place > 0 { b",{\"price\":" } else { b"{\"price\":" });
        cents(out, price_cents);
        out.extend_from_slice(b",\"qty\":");
        e8(out, amount_e8);
        out.push(b'}');
    }
}

/// `{"feed":"trade_snapshot","product_id":…,"trades":[…]}`, the newest first.
fn newest(product: &str, world: &World, market: &Market, beyond: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 14);
    let _ = write!(out, r#"{{"feed":"trade_snapshot","product_id":"{product}","trades":["#);
    for (place, id) in (beyond.saturating_sub(TRADES as u64)..beyond).rev().enumerate() {
        out.extend_from_slice(if place > 0 { b"," } else { b"" });
        trade(&mut out, product, world, market, id);
    }
    out.extend_from_slice(b"]}");
    out
}

/// `{"feed":"trade","product_id":…,"uid":…,"side":taker,"type":"fill","seq":…,"time":ms,"qty":…,"price":…}`.
fn trade(out: &mut Vec<u8>, product: &str, world: &World, market: &Market, id: u64) {
    let trade = market.trade(id);
    let is_odd = world.knobs.is_odd(i64::try_from(id).unwrap_or(i64::MAX));
    let side = if trade.sold { "sell" } else { "buy" };
    let _ = write!(
        out,
        r#"{{"feed":"trade","product_id":"{product}","uid":"{id}","side":"{side}","type":"fill","seq":{id},"time":{},"qty":"#,
        trade.ts.millis_floor()
    );
    e8(out, trade.amount_e8);
    out.extend_from_slice(b",\"price\":");
    cents(out, if is_odd { -trade.price_cents } else { trade.price_cents });
    out.push(b'}');
}
