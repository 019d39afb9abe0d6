//! Coinbase Exchange's WebSocket feed, server side: matches, heartbeats and books.
//!
//! Source: Coinbase Exchange documentation, "WebSocket Overview" and "WebSocket Channels", and recorded connections.

use std::io::Write as _;
use std::time::Duration;

use serde::Deserialize;

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::book::SimBook;
use crate::sim::hash::draw;
use crate::sim::market::Market;
use crate::sim::symbol::assets;
use crate::sim::text::{cents, e8};
use crate::sim::ws::{
    Flow, Limits, Protocol, Rows, Source, Talk, Topic, What, published_book, unpublished_trade,
};

/// One connection.
pub(super) struct Live;

/// A message from a client.
#[derive(Deserialize)]
struct Request {
    r#type: String,
    #[serde(default)]
    product_ids: Vec<String>,
    #[serde(default)]
    channels: Vec<Channel>,
}

/// A channel by its name, or with products of its own.
#[derive(Deserialize)]
#[serde(untagged)]
enum Channel {
    Name(String),
    Own {
        name: String,
        #[serde(default)]
        product_ids: Vec<String>,
    },
}

impl Protocol for Live {
    fn limits(&self) -> Limits {
        Limits {
            connects: Some((20, Duration::from_secs(1))),
            messages: Some((100, Duration::from_secs(1))),
            subscribe_within: Some(Duration::from_secs(5)),
            ..Limits::NONE
        }
    }

    fn hear(&mut self, text: &str, talk: &mut Talk<'_>) {
        let Ok(request) = serde_json::from_str::<Request>(text) else {
            return talk.say(r#"{"type":"error","message":"Malformed JSON"}"#);
        };
        let wanted = request.wanted();
        match request.r#type.as_str() {
            "subscribe" => match refusal(&wanted, talk) {
                Some(reason) => {
                    wanted.iter().for_each(|_| talk.refused());
                    talk.say(format!(
                        r#"{{"type":"error","message":"Failed to subscribe","reason":"{reason}"}}"#
                    ));
                }
                None => subscribe(&wanted, talk),
            },
            "unsubscribe" => {
                for (channel, product) in &wanted {
                    talk.unsubscribe(&format!("{channel} {product}"));
                }
                acknowledge(talk);
            }
            other => talk.say(format!(r#"{{"type":"error","message":"Invalid message type: {other}"}}"#)),
        }
    }

    fn frame(&self, rows: &Rows<'_>) -> Vec<u8> {
        let product = rows.topic.name.split_once(' ').map_or("", |(_, product)| product);
        match rows.what {
            What::Trades(ids) => {
                trade("match", product, rows.world, rows.market, ids.first().copied().unwrap_or_default())
            }
            What::Book(id) => l2update(product, id, rows),
            _ => heartbeat(product, rows.market, rows.at, rows.told()),
        }
    }
}

impl Request {
    /// Channel and product of each topic it names.
    fn wanted(&self) -> Vec<(String, String)> {
        let of = |channel: &Channel| {
            let (name, products) = match channel {
                Channel::Name(name) => (name, &self.product_ids),
                Channel::Own { name, product_ids } if product_ids.is_empty() => (name, &self.product_ids),
                Channel::Own { name, product_ids } => (name, product_ids),
            };
            products.iter().map(|product| (name.clone(), product.clone())).collect::<Vec<_>>()
        };
        self.channels.iter().flat_map(of).collect()
    }
}

/// Why a subscription is refused, all of it.
fn refusal(wanted: &[(String, String)], talk: &Talk<'_>) -> Option<String> {
    if wanted.is_empty() {
        return Some("No channels provided".to_owned());
    }
    wanted.iter().find_map(|(channel, product)| match channel.as_str() {
        "matches" | "heartbeat" | "level2_batch" => {
            let is_listed = listed(talk.world, product).is_some() && !talk.refuses();
            (!is_listed).then(|| format!("{product} is not a valid product"))
        }
        "level2" | "level3" | "full" => {
            Some("level2, level3, and full channels now require authentication.".to_owned())
        }
        other => Some(format!("{other} is not a valid channel")),
    })
}

/// The listed symbol of `BTC-USD`.
fn listed(world: &World, product: &str) -> Option<String> {
    let (base, quote) = product.split_once('-')?;
    let symbol = world.market(&format!("{base}{quote}"))?.symbol();
    (assets(symbol) == (base, quote)).then(|| symbol.to_owned())
}

/// Begins the topics; of each one of matches the newest match there was comes first.
fn subscribe(wanted: &[(String, String)], talk: &mut Talk<'_>) {
    let mut newest = Vec::new();
    for (channel, product) in wanted {
        let Some(symbol) = listed(talk.world, product) else { continue };
        let is_of_matches = channel == "matches";
        if let Some(market) = talk.world.market(&symbol).filter(|_| is_of_matches)
            && let Some(last) = unpublished_trade(market, talk.now).checked_sub(1)
        {
            newest.push(trade("last_match", product, talk.world, market, last));
        }
        let flow = match channel.as_str() {
            "matches" => Flow::Trades,
            "level2_batch" => Flow::Book { depth: None },
            _ => Flow::Heartbeats,
        };
        if let (Flow::Book { .. }, Some(market)) = (flow, talk.world.market(&symbol)) {
            newest.push(snapshot(product, &market.book_at_update(published_book(talk.now))));
        }
        let source = Source::Symbol { symbol, ends: None };
        talk.subscribe(Topic::new(&format!("{channel} {product}"), source, flow));
    }
    acknowledge(talk);
    newest.into_iter().for_each(|frame| talk.say(frame));
}

/// `{"type":"subscriptions","channels":[{"name":…,"product_ids":[…]},…]}`: everything the connection has.
fn acknowledge(talk: &mut Talk<'_>) {
    let of = |channel: &str| {
        let names = talk.topics.iter().filter_map(|topic| topic.name.split_once(' '));
        let products: Vec<String> =
            names.filter(|(own, _)| *own == channel).map(|(_, product)| format!("\"{product}\"")).collect();
        (!products.is_empty())
            .then(|| format!(r#"{{"name":"{channel}","product_ids":[{}]}}"#, products.join(",")))
    };
    let channels: Vec<String> = ["matches", "heartbeat", "level2_batch"].into_iter().filter_map(of).collect();
    talk.say(format!(r#"{{"type":"subscriptions","channels":[{}]}}"#, channels.join(",")));
}

/// `{"type":"match", …}`; `side` is the maker's, and ids count from 1 as over REST.
fn trade(kind: &str, product: &str, world: &World, market: &Market, id: u64) -> Vec<u8> {
    let trade = market.trade(id);
    let is_odd = world.knobs.is_odd(i64::try_from(id).unwrap_or(i64::MAX));
    let side = if trade.sold { "buy" } else { "sell" };
    let [maker, taker] = [1, 2].map(|seed| order(seed, id));
    let mut out = Vec::with_capacity(384);
    let _ = write!(
        out,
        r#"{{"type":"{kind}","trade_id":{},"maker_order_id":"{maker}","taker_order_id":"{taker}","side":"{side}","size":""#,
        id + 1
    );
    e8(&mut out, trade.amount_e8);
    out.extend_from_slice(b"\",\"price\":\"");
    cents(&mut out, if is_odd { -trade.price_cents } else { trade.price_cents });
    let (sequence, at) = (sequence(id + 1), trade.ts.timestamp());
    let _ = write!(out, r#"","product_id":"{product}","sequence":{sequence},"time":"{at:.6}"}}"#);
    out
}

/// `{"type":"snapshot", …}`: every level there is.
fn snapshot(product: &str, book: &SimBook) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 18);
    let _ = write!(out, r#"{{"type":"snapshot","product_id":"{product}","#);
    let mut side = |key: &str, levels: &mut dyn Iterator<Item = (i64, i64)>| {
        let _ = write!(out, r#""{key}":["#);
        for (place, (price_cents, amount_e8)) in levels.enumerate() {
            out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
            cents(&mut out, price_cents);
            out.extend_from_slice(b"\",\"");
            e8(&mut out, amount_e8);
            out.extend_from_slice(b"\"]");
        }
        out.extend_from_slice(if key == "asks" { b"]," } else { b"]}" });
    };
    side("asks", &mut book.asks());
    side("bids", &mut book.bids());
    out
}

/// `{"type":"l2update","product_id":…,"changes":[[side, price, size],…],"time":…}`.
fn l2update(product: &str, id: i64, rows: &Rows<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    let _ = write!(out, r#"{{"type":"l2update","product_id":"{product}","changes":["#);
    let mut is_first = true;
    for (side, levels) in ["buy", "sell"].into_iter().zip(rows.changed(id, None)) {
        for (price_cents, amount_e8) in levels {
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            let _ = write!(out, r#"{comma}["{side}",""#);
            cents(&mut out, price_cents);
            out.extend_from_slice(b"\",\"");
            e8(&mut out, amount_e8);
            out.extend_from_slice(b"\"]");
        }
    }
    let at = rows.market.book_at_update(id).at().timestamp();
    let _ = write!(out, r#"],"time":"{at:.6}"}}"#);
    out
}

/// `{"type":"heartbeat", …}`: the last match before the time it tells.
fn heartbeat(product: &str, market: &Market, at: Micros, told: Micros) -> Vec<u8> {
    let last = unpublished_trade(market, at);
    let (sequence, told) = (sequence(last) + 1, told.timestamp());
    format!(
        r#"{{"type":"heartbeat","sequence":{sequence},"last_trade_id":{last},"product_id":"{product}","time":"{told:.6}"}}"#
    )
    .into_bytes()
}

/// The product's sequence at a match: orders come and go between two.
fn sequence(trade_id: u64) -> u64 {
    1_000 + trade_id * 16
}

/// The id of an order.
fn order(seed: u64, id: u64) -> String {
    let (high, low) = (draw(seed, id), draw(seed + 2, id));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
