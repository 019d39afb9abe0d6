//! Kraken's derivatives over their socket: trades and books. It sends no candles.
//!
//! Source: Kraken Futures WebSocket documentation, "Subscriptions", "Trade", "Book" and "Heartbeat". Trades are numbered
//! one by one for each product beside their ids, and begin with the newest hundred there were, which bridge a reconnect.
//! A feed of heartbeats tells the time.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::live_book::Books;
use super::profile::MARKETS;
use crate::exchange::Instrument;
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookRules, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::rows::each_row;
use crate::exchange::live::spoken::Spoken;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Topic};
use crate::exchange::reading::record::TradeRow;
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::{Contracts, Int, Num, Text};
use crate::exchange::{OddFault, ParseError};
use crate::model::Kind;

const LINE: Line = Line {
    name: "v1",
    host: "wss://futures.kraken.com",
    path: "/ws/v1",
    markets: MARKETS,
    // A hundred messages a second are taken; how many topics and connections is documented nowhere.
    limits: LineLimits {
        topics: 500,
        topics_per_message: 20,
        messages: Rate::new(20, 1),
        connects: Rate::new(1, 2),
        ..LineLimits::USUAL
    },
    lifetime: None,
    ping: Ping::USUAL,
};

const TRADES: LiveOffer = LiveOffer {
    kind: Kind::Trades,
    markets: MARKETS,
    spans: &[],
    depths: &[],
    asks_for_books: false,
    line: &LINE,
    ids_are_contiguous: true,
    grace: Duration::from_secs(5),
    recorded: true,
};

/// Whole books have every level.
static OFFERS: [LiveOffer; 2] =
    [TRADES, LiveOffer { kind: Kind::OrderBook, ids_are_contiguous: false, ..TRADES }];

/// Feeds that are documented and not listened to.
const OTHER_FEEDS: [&str; 2] = ["ticker", "ticker_lite"];

/// Kraken's live offer of derivatives.
pub(super) static LIVE: &dyn Live = &Spoken::<Speech> { offers: &OFFERS, dialect: Speech::default };

#[derive(Default)]
struct Speech {
    books: Books,
}

/// The parts that tell frames apart: their feed, or what they answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Text<'a>,
    #[serde(borrow)]
    feed: Text<'a>,
    #[serde(borrow)]
    product_id: Text<'a>,
    product_ids: Vec<String>,
    #[serde(borrow)]
    message: Text<'a>,
    time: Int,
    #[serde(borrow)]
    trades: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTrade<'a> {
    #[serde(borrow)]
    product_id: Text<'a>,
    #[serde(borrow)]
    uid: Text<'a>,
    /// The taker's.
    #[serde(borrow)]
    side: Text<'a>,
    seq: Int,
    time: Int,
    #[serde(borrow)]
    qty: Contracts<'a>,
    price: Num,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "krakenfutures"
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

    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        let symbol = topic.instrument.symbol.clone();
        let is_countable = topic.instrument.contract.is_some();
        if is_countable { Ok(symbol) } else { Err(NotOffered::Sizeless { symbol }) }
    }

    fn fits(&self, one: &Address, other: &Address) -> bool {
        feed_of(one) == feed_of(other)
    }

    fn message(&self, verb: Verb, _: u64, topics: &[&Address]) -> String {
        let products: Vec<&str> = topics.iter().map(|topic| &*topic.symbol).collect();
        let products = serde_json::to_string(&products).unwrap_or_default();
        let feed = topics.first().map_or("", |topic| feed_of(topic));
        format!(r#"{{"event":"{}","feed":"{feed}","product_ids":{products}}}"#, verb.word())
    }

    fn has_pings(&self) -> bool {
        true
    }

    /// Where nothing tells the time, heartbeats will.
    fn ping(&self, _: u64) -> Option<String> {
        Some(r#"{"event":"subscribe","feed":"heartbeat"}"#.to_owned())
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        match (&*head.event, &*head.feed) {
            ("", "trade") => {
                let Members(wire): Members<WireTrade<'_>> = serde_json::from_str(frame)?;
                frame_handler.hear(Row(0).instant_millis(wire.time));
                put(wire, frame, frame_handler);
            }
            ("", "trade_snapshot") => return read_image(&head, frame_handler),
            ("", "book" | "book_snapshot") => return self.books.read(frame, frame_handler),
            ("", "heartbeat") => frame_handler.hear(Row(0).instant_millis(head.time)),
            ("", "") => return Err("it names neither an event nor a feed".into()),
            ("", feed) if OTHER_FEEDS.contains(&feed) => frame_handler.unasked(),
            ("", _) => frame_handler.unknown(),
            ("subscribed", feed) => granted(feed, &head.product_ids, frame_handler),
            ("info" | "unsubscribed", _) => {}
            ("error", _) => refused(&head.message, frame_handler),
            ("alert", _) if head.message.starts_with("Already subscribed") => {}
            ("alert", _) => frame_handler.complains(&head.message),
            _ => return Err("its event is of no documented kind".into()),
        }
        Ok(())
    }
}

fn feed_of(topic: &Address) -> &'static str {
    match topic.channel {
        Channel::Book(_) => "book",
        Channel::Trades | Channel::Candles(_) => "trade",
    }
}

impl<'a> WireTrade<'a> {
    fn number(&self) -> Option<u64> {
        self.seq.get().and_then(|number| u64::try_from(number).ok())
    }

    fn trade(self, row: Row, instrument: &Instrument) -> Result<TradeRow<'a>, RowFault> {
        row.id(self.seq)?;
        let (ts, price) = (row.instant_millis(self.time)?, row.positive(self.price)?);
        let contracts = self.qty.count();
        let contracts = contracts.ok_or_else(|| row.fault(OddFault::Value, "an amount is absent"))?;
        let counted = |error: ParseError| row.impossible(error);
        Ok(TradeRow {
            ts,
            id: row.word_id(self.uid)?,
            price,
            amount: instrument.base_amount(row.0, contracts, price).map_err(counted)?,
            side: Some(row.side(&self.side, "buy", "sell")?),
        })
    }
}

/// Puts down a trade.
fn put(wire: WireTrade<'_>, text: &str, frame_handler: &mut FrameHandler<'_>) {
    let Some(place) = frame_handler.find(&wire.product_id, Channel::Trades) else {
        return frame_handler.unasked();
    };
    let (row, number) = (Row(0), wire.number());
    let trade = match frame_handler.instrument(place) {
        Some(instrument) => wire.trade(row, instrument),
        None => Err(row.impossible("nothing is known of its contract")),
    };
    frame_handler.numbered_trade(place, trade, number, text);
}

/// Reads the newest trades there were, which tell no time of now. They come newest first.
fn read_image(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let trades = head.trades.ok_or("it has no trades")?.get();
    let mut rows: Vec<(WireTrade<'_>, &str)> = Vec::new();
    let mut lost: Vec<(&str, String)> = Vec::new();
    each_row(trades, |text: &RawValue| {
        match serde_json::from_str(text.get()) {
            Ok(Members(wire)) => rows.push((wire, text.get())),
            Err(error) => lost.push((text.get(), error.to_string())),
        }
        true
    })?;
    for (text, why) in lost {
        frame_handler.lose(text, &why);
    }
    let Some(place) = frame_handler.find(&head.product_id, Channel::Trades) else {
        frame_handler.unasked();
        return Ok(());
    };
    frame_handler.acknowledge(place);
    rows.reverse();
    rows.sort_by_key(|(wire, _)| wire.number());
    rows.into_iter().for_each(|(wire, text)| put(wire, text, frame_handler));
    Ok(())
}

fn granted(feed: &str, products: &[String], frame_handler: &mut FrameHandler<'_>) {
    for product in products {
        let place = match feed {
            "trade" => frame_handler.find(product, Channel::Trades),
            "book" => frame_handler.find_book(product),
            _ => None,
        };
        match place {
            Some(place) => frame_handler.acknowledge(place),
            None => frame_handler.unasked(),
        }
    }
}

/// A refusal may name a product; it does not say which message it is about.
fn refused(words: &str, frame_handler: &mut FrameHandler<'_>) {
    let is_in_words =
        |symbol: &str| words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == symbol);
    frame_handler.refused(None, |slot| is_in_words(&slot.address.symbol), true, words);
}
