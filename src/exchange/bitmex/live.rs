//! BitMEX over its socket: trades, candles and books of all markets.
//!
//! Source: BitMEX WebSocket API, "Subscriptions", "Response Format" and "Heartbeats". A topic is a table and a symbol. What
//! it begins with is an image: the last trade there was, the last bucket, the whole book. Nothing numbers what follows, and
//! nothing but rows tells the time. A bucket is sent once it is over, an empty one too.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::live_book::Books;
use super::profile::{ALL, SPANS};
use super::rows::{Bucket, WireTrade};
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookRules, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::{FrameHandler, fault_of};
use crate::exchange::live::rows::each_row;
use crate::exchange::live::spoken::Spoken;
use crate::exchange::live::topics::Place;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Topic};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::{Int, Text};
use crate::model::{Kind, Span};

const LINE: Line = Line {
    name: "realtime",
    host: "wss://ws.bitmex.com",
    path: "/realtime",
    markets: &ALL,
    // How many topics a connection bears is documented nowhere; connections are 300 an hour.
    limits: LineLimits {
        topics: 200,
        topics_per_message: 20,
        connects: Rate::new(5, 60),
        ..LineLimits::USUAL
    },
    lifetime: None,
    ping: Ping::USUAL,
};

const TRADES: LiveOffer = LiveOffer {
    kind: Kind::Trades,
    markets: LINE.markets,
    spans: &[],
    depths: &[],
    asks_for_books: false,
    line: &LINE,
    ids_are_contiguous: false,
    grace: Duration::from_secs(10),
    recorded: true,
};

/// Whole books have every level.
static OFFERS: [LiveOffer; 3] = [
    LiveOffer { kind: Kind::Ohlc, spans: &SPANS, ..TRADES },
    TRADES,
    LiveOffer { kind: Kind::OrderBook, ..TRADES },
];

/// Tables that are documented and not listened to.
const OTHER_TABLES: [&str; 13] = [
    "announcement",
    "chat",
    "connected",
    "funding",
    "instrument",
    "insurance",
    "liquidation",
    "orderBook10",
    "publicNotifications",
    "quote",
    "quoteBin1m",
    "quoteBin5m",
    "settlement",
];

/// Its answer to `ping`; neither is JSON.
const PONG: &str = "pong";

/// BitMEX's live offer.
pub(super) static LIVE: &dyn Live = &Spoken::<Speech> { offers: &OFFERS, dialect: Speech::default };

#[derive(Default)]
struct Speech {
    books: Books,
}

/// Every message there is, as far as it is used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame<'a> {
    #[serde(borrow)]
    table: Text<'a>,
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    success: Option<bool>,
    #[serde(borrow)]
    subscribe: Text<'a>,
    status: Int,
    #[serde(borrow)]
    error: Text<'a>,
    request: Option<Members<Request>>,
    #[serde(borrow)]
    info: Text<'a>,
    #[serde(borrow)]
    timestamp: Text<'a>,
}

/// The message that an answer is about.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    op: String,
    args: Vec<String>,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "bitmex"
    }

    fn offers(&self) -> &'static [LiveOffer] {
        &OFFERS
    }

    fn closing(&self) -> Closing {
        Closing::Told
    }

    fn book_rules(&self) -> &'static BookRules {
        self.books.rules()
    }

    fn counts_contracts(&self, _: &Topic) -> bool {
        true
    }

    /// Trades tell their base amount, levels of a book do not.
    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        let symbol = topic.instrument.symbol.clone();
        let is_countable = topic.series.kind() != Kind::OrderBook || topic.instrument.contract.is_some();
        if is_countable { Ok(symbol) } else { Err(NotOffered::Sizeless { symbol }) }
    }

    fn message(&self, verb: Verb, _: u64, topics: &[&Address]) -> String {
        let names: Vec<String> = topics.iter().map(|topic| name_of(topic)).collect();
        let names = serde_json::to_string(&names).unwrap_or_default();
        format!(r#"{{"op":"{}","args":{names}}}"#, verb.word())
    }

    fn has_pings(&self) -> bool {
        true
    }

    fn ping(&self, _: u64) -> Option<String> {
        Some("ping".to_owned())
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        if frame == PONG {
            return Ok(());
        }
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        match &*head.table {
            "" => return answer(&head, frame_handler),
            "trade" => return read_trades(&head, frame_handler),
            "orderBookL2" => return self.books.read_data(&head.action, head.data()?, frame_handler),
            table if OTHER_TABLES.contains(&table) || table.starts_with("orderBookL2_") => {
                frame_handler.unasked();
            }
            table => match bin(table) {
                Some(span) => return read_buckets(span, &head, frame_handler),
                None => frame_handler.unknown(),
            },
        }
        Ok(())
    }
}

impl<'a> Frame<'a> {
    fn data(&self) -> Result<&'a str, Unreadable> {
        self.data.map(RawValue::get).ok_or_else(|| "it has no rows".into())
    }

    /// Whether the rows are what there was before, rather than what has happened now.
    fn is_image(&self) -> Result<bool, Unreadable> {
        match &*self.action {
            "partial" => Ok(true),
            "insert" => Ok(false),
            _ => Err("its action is of no documented kind".into()),
        }
    }
}

/// `trade:XBTUSD`.
fn name_of(topic: &Address) -> String {
    let symbol = &topic.symbol;
    match topic.channel {
        Channel::Trades => format!("trade:{symbol}"),
        Channel::Book(_) => format!("orderBookL2:{symbol}"),
        Channel::Candles(span) => {
            let word = SPANS.iter().find(|own| own.span() == span).map_or("", |own| own.word);
            format!("tradeBin{word}:{symbol}")
        }
    }
}

/// The candles that a table holds.
fn bin(table: &str) -> Option<Span> {
    let word = table.strip_prefix("tradeBin")?;
    SPANS.iter().find(|own| own.word == word).map(|own| own.span())
}

/// The place of a topic by its name.
fn place_of(name: &str, frame_handler: &FrameHandler<'_>) -> Option<Place> {
    let (table, symbol) = name.split_once(':')?;
    match table {
        "trade" => frame_handler.find(symbol, Channel::Trades),
        "orderBookL2" => frame_handler.find_book(symbol),
        _ => frame_handler.find(symbol, Channel::Candles(bin(table)?)),
    }
}

/// Each row is read by itself, so that one that cannot be true costs itself and no other.
fn read_trades(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let (is_image, mut is_asked) = (head.is_image()?, false);
    each_row(head.data()?, |text: &RawValue| {
        let text = text.get();
        match serde_json::from_str(text) {
            Ok(Members(wire)) => is_asked |= take_trade(wire, is_image, text, frame_handler),
            Err(error) => frame_handler.lose(text, &error.to_string()),
        }
        true
    })?;
    if !is_asked {
        frame_handler.unasked();
    }
    Ok(())
}

/// Takes a trade. Returns whether its symbol is listened to.
fn take_trade(wire: WireTrade<'_>, is_image: bool, text: &str, frame_handler: &mut FrameHandler<'_>) -> bool {
    let (row, ts) = (Row(0), wire.at(Row(0)));
    if !is_image {
        frame_handler.hear(ts.clone());
    }
    let Some(place) = frame_handler.find(wire.named(), Channel::Trades) else { return false };
    let trade = ts.and_then(|ts| match frame_handler.instrument(place) {
        Some(instrument) => wire.trade(row, ts, instrument).map_err(fault_of),
        None => Err(row.impossible("nothing is known of its contract")),
    });
    let newest = trade.as_ref().map(|trade| trade.ts);
    let newest = newest.ok().filter(|_| is_image);
    frame_handler.trade(place, trade, text);
    newest.into_iter().for_each(|newest| frame_handler.begins_behind(place, newest));
    true
}

fn read_buckets(
    span: Span,
    head: &Frame<'_>,
    frame_handler: &mut FrameHandler<'_>,
) -> Result<(), Unreadable> {
    let (is_image, mut is_asked) = (head.is_image()?, false);
    each_row(head.data()?, |text: &RawValue| {
        let text = text.get();
        match serde_json::from_str(text) {
            Ok(Members(wire)) => is_asked |= take_bucket(span, &wire, is_image, text, frame_handler),
            Err(error) => frame_handler.lose(text, &error.to_string()),
        }
        true
    })?;
    if !is_asked {
        frame_handler.unasked();
    }
    Ok(())
}

/// Takes a bucket. Returns whether its symbol is listened to.
fn take_bucket(
    span: Span,
    wire: &Bucket<'_>,
    is_image: bool,
    text: &str,
    frame_handler: &mut FrameHandler<'_>,
) -> bool {
    let (row, ends) = (Row(0), wire.ends(Row(0)));
    if !is_image {
        frame_handler.hear_past(ends.clone());
    }
    let Some(place) = frame_handler.find(wire.named(), Channel::Candles(span)) else { return false };
    let is_over = ends.as_ref().is_ok_and(|ends| frame_handler.may_be_over(*ends));
    let candle = ends.and_then(|ends| wire.candle(row, ends - Duration::from_secs(span.secs().into())));
    match candle.transpose() {
        Some(candle) => frame_handler.candle(place, candle, is_over, text),
        None => frame_handler.acknowledge(place),
    }
    true
}

/// The answer to a message, or the greeting.
fn answer(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    if head.success == Some(true) {
        match place_of(&head.subscribe, frame_handler) {
            Some(place) => frame_handler.acknowledge(place),
            None => frame_handler.unasked(),
        }
    } else if !head.error.is_empty() {
        refused(head, frame_handler);
    } else if !head.info.is_empty() {
        frame_handler.hear(Row(0).rfc3339(&head.timestamp));
    } else {
        return Err("it is of no documented kind".into());
    }
    Ok(())
}

/// A refusal repeats the message, but does not say which of its topics it is about.
fn refused(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) {
    let words = &*head.error;
    if let Some((_, name)) = words.split_once("already subscribed to this topic: ") {
        let place = place_of(name.trim_end_matches('.'), frame_handler);
        return place.into_iter().for_each(|place| frame_handler.acknowledge(place));
    }
    if head.status.get() == Some(429) {
        return frame_handler.slow_down(words);
    }
    let request = head.request.as_ref().map(|Members(request)| request);
    let asked = request.filter(|request| request.op == "subscribe").map_or(&[][..], |own| &own.args);
    if asked.iter().all(|name| place_of(name, frame_handler).is_none()) {
        return frame_handler.complains(words);
    }
    let is_named = |address: &Address| match asked {
        [only] => name_of(address) == *only,
        _ => words.split([' ', ':', '.', ',']).any(|word| word == address.symbol),
    };
    frame_handler.refused(None, |slot| is_named(&slot.address), asked.len() > 1, words);
}
