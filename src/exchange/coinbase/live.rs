//! Coinbase Exchange over WebSockets: the trades and books of its spot markets. It sends no candles.
//!
//! Source: Coinbase Exchange WebSocket feed, "Channels". A heartbeat each second and product tells the exchange's time, and
//! the newest trade there is. A message is refused as a whole.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use super::live_book::Books;
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookRules, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::spoken::Spoken;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, Mark, NotOffered, Ping, Rate, Topic};
use crate::exchange::reading::record::{TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::model::{Kind, Market};

const LINE: Line = Line {
    name: "feed",
    host: "wss://ws-feed.exchange.coinbase.com",
    path: "/",
    markets: &[Market::Spot],
    limits: LineLimits {
        topics: 200,
        topics_per_message: 100,
        messages: Rate::new(8, 1),
        connects: Rate::new(8, 1),
        // Whole books come over it.
        message_bytes: 16 << 20,
        frame_bytes: 16 << 20,
        ask_within: Some(Duration::from_secs(5)),
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
    ids_are_contiguous: true,
    grace: Duration::from_secs(5),
    recorded: true,
};

/// Whole books have every level.
static OFFERS: [LiveOffer; 2] =
    [TRADES, LiveOffer { kind: Kind::OrderBook, ids_are_contiguous: false, ..TRADES }];

/// Messages that are documented and not listened to.
const OTHER_TYPES: [&str; 9] =
    ["ticker", "status", "received", "open", "done", "change", "activate", "auction", "rfq_match"];

/// Coinbase Exchange's live offer.
pub(super) static LIVE: &dyn Live = &Spoken::<Speech> { offers: &OFFERS, dialect: Speech::default };

#[derive(Default)]
struct Speech {
    books: Books,
}

/// Every message there is, as far as it is used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    product_id: Text<'a>,
    trade_id: Int,
    /// The side of the order that was in the book.
    #[serde(borrow)]
    side: Text<'a>,
    size: Num,
    price: Num,
    #[serde(borrow)]
    time: Text<'a>,
    last_trade_id: Int,
    channels: Vec<Members<Subscribed<'a>>>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    reason: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subscribed<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    product_ids: Vec<Cow<'a, str>>,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "coinbase"
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

    fn fits(&self, one: &Address, other: &Address) -> bool {
        is_book(one.channel) == is_book(other.channel)
    }

    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        Ok(topic.instrument.symbol.clone())
    }

    fn message(&self, verb: Verb, _: u64, topics: &[&Address]) -> String {
        let products: Vec<&str> = topics.iter().map(|topic| &*topic.symbol).collect();
        let products = serde_json::to_string(&products).unwrap_or_default();
        let verb = verb.word();
        // A heartbeat that is asked for with a book would end with it, for the product's trades too.
        let has_books = topics.iter().any(|topic| is_book(topic.channel));
        let channels = if has_books { r#""level2_batch""# } else { r#""matches","heartbeat""# };
        format!(r#"{{"type":"{verb}","product_ids":{products},"channels":[{channels}]}}"#)
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        let Members(message): Members<Message<'_>> = serde_json::from_str(frame)?;
        match &*message.kind {
            "match" | "last_match" => message.traded(frame, frame_handler),
            "snapshot" | "l2update" => return self.books.read(frame, frame_handler),
            "heartbeat" => message.lives(frame_handler),
            "subscriptions" => message.granted(frame_handler),
            "error" => message.refused(frame_handler),
            "" => return Err("it has no type".into()),
            other if OTHER_TYPES.contains(&other) => frame_handler.unasked(),
            _ => frame_handler.unknown(),
        }
        Ok(())
    }
}

fn is_book(channel: Channel) -> bool {
    matches!(channel, Channel::Book(_))
}

impl Message<'_> {
    fn trade(&self, row: Row) -> Result<TradeRow<'static>, RowFault> {
        Ok(TradeRow {
            ts: row.rfc3339(&self.time)?,
            id: TradeId::Number(row.id(self.trade_id)?),
            price: row.positive(self.price)?,
            amount: row.positive(self.size)?,
            // It names the side of the maker; the taker is the other one.
            side: Some(row.side(&self.side, "sell", "buy")?),
        })
    }

    fn traded(&self, frame: &str, frame_handler: &mut FrameHandler<'_>) {
        let Some(place) = frame_handler.find(&self.product_id, Channel::Trades) else {
            return frame_handler.unasked();
        };
        let trade = self.trade(Row(0));
        match &trade {
            Ok(trade) if &*self.kind == "match" => frame_handler.hear(Ok(trade.ts)),
            // The last one there was may be hours old.
            Ok(trade) => frame_handler.hear_past(Ok(trade.ts)),
            Err(_) => {}
        }
        frame_handler.trade(place, trade, frame);
    }

    fn lives(&self, frame_handler: &mut FrameHandler<'_>) {
        let at = Row(0).rfc3339(&self.time);
        let place = frame_handler.find(&self.product_id, Channel::Trades);
        // For some it was zero for months: that is no trade's number.
        let newest = self.last_trade_id.get().and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
        if let (Some(place), Some(id), Ok(ts)) = (place, newest, &at) {
            frame_handler.newest_trade(place, Mark { id, ts: *ts });
        }
        frame_handler.hear(at);
    }

    /// All products that are sent now are told after each request.
    fn granted(&self, frame_handler: &mut FrameHandler<'_>) {
        let matches = self.channels.iter().filter(|Members(channel)| &*channel.name == "matches");
        for product in matches.flat_map(|Members(channel)| &channel.product_ids) {
            if let Some(place) = frame_handler.find(product, Channel::Trades) {
                frame_handler.acknowledge(place);
            }
        }
        // It answers by the name of the pace at which changes come.
        let books = self.channels.iter().filter(|Members(channel)| channel.name.starts_with("level2"));
        for product in books.flat_map(|Members(channel)| &channel.product_ids) {
            if let Some(place) = frame_handler.find_book(product) {
                frame_handler.acknowledge(place);
            }
        }
    }

    /// Its words may name a product.
    fn refused(&self, frame_handler: &mut FrameHandler<'_>) {
        let words = format!("{} {}", &*self.message, &*self.reason);
        let words = words.trim();
        let is_in_words =
            |symbol: &str| words.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == symbol);
        if self.message.starts_with("Failed to subscribe") {
            frame_handler.refused(None, |slot| is_in_words(&slot.address.symbol), true, words);
        } else {
            frame_handler.complains(words);
        }
    }
}
