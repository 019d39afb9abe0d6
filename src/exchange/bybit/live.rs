//! Bybit over WebSockets: trades, candles and books of spot markets, and of linear and inverse contracts.
//!
//! Source: Bybit v5 documentation, "WebSocket Stream". Each category has an address of its own. Every frame with rows tells
//! the exchange's time. Trades have no numbers: what is left out shows nowhere but over REST.

use std::time::Duration;

use serde_json::value::RawValue;

use super::category::category;
use super::live_book::Books;
use super::live_frames::{Frame, LiveKline, LiveTrade, is_known, name, named};
use super::profile::{DERIVED, SPANS};
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookRules, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::conversation::Conversation;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::rows::each_row;
use crate::exchange::live::topics::Place;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Session, Topic};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::model::{Kind, Market, Series};

/// How many topics a connection bears is documented nowhere.
const LIMITS: LineLimits = LineLimits { topics: 200, connects: Rate::new(500, 300), ..LineLimits::USUAL };

/// The lines have the names of the categories.
const SPOT: Line = Line {
    name: "spot",
    host: "wss://stream.bybit.com",
    path: "/v5/public/spot",
    markets: &[Market::Spot],
    limits: LineLimits { topics_per_message: 10, ..LIMITS },
    lifetime: None,
    ping: Ping::USUAL,
};

const LINEAR: Line =
    Line { name: "linear", path: "/v5/public/linear", markets: &DERIVED, limits: LIMITS, ..SPOT };

const INVERSE: Line = Line { name: "inverse", path: "/v5/public/inverse", ..LINEAR };

const fn trades(line: &'static Line) -> LiveOffer {
    LiveOffer {
        kind: Kind::Trades,
        markets: line.markets,
        spans: &[],
        depths: &[],
        asks_for_books: false,
        line,
        ids_are_contiguous: false,
        grace: Duration::from_secs(5),
        recorded: true,
    }
}

const fn candles(line: &'static Line) -> LiveOffer {
    LiveOffer { kind: Kind::Ohlc, spans: &SPANS, ..trades(line) }
}

const fn book(line: &'static Line) -> LiveOffer {
    LiveOffer { kind: Kind::OrderBook, depths: &[50, 200, 1_000], ..trades(line) }
}

static OFFERS: [LiveOffer; 9] = [
    candles(&SPOT),
    trades(&SPOT),
    book(&SPOT),
    candles(&LINEAR),
    trades(&LINEAR),
    book(&LINEAR),
    LiveOffer { recorded: false, ..candles(&INVERSE) },
    LiveOffer { recorded: false, ..trades(&INVERSE) },
    LiveOffer { recorded: false, ..book(&INVERSE) },
];

/// Bybit's live offer.
pub(super) struct Topics;

impl Live for Topics {
    fn offers(&self) -> &'static [LiveOffer] {
        &OFFERS
    }

    fn session(&self, line: &'static Line) -> Box<dyn Session> {
        Box::new(Conversation::new(Speech { line, books: Books::default() }, line))
    }

    /// The quote asset tells linear contracts from inverse ones.
    fn offer_for(&self, series: &Series) -> Option<&'static LiveOffer> {
        let (own, market) = (category(series.pair()), series.pair().market());
        let is_of = |offer: &&LiveOffer| offer.line.name == own && offer.kind == series.kind();
        let offer = OFFERS.iter().filter(is_of).find(|offer| offer.markets.contains(&market))?;
        series.span().is_none_or(|span| offer.span(span).is_some()).then_some(offer)
    }
}

struct Speech {
    line: &'static Line,
    books: Books,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "bybit"
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
        self.is_inverse()
    }

    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        let (series, symbol) = (&topic.series, topic.instrument.symbol.clone());
        if category(series.pair()) != self.line.name {
            let what = format!("{} of {}", series.kind(), series.pair());
            return Err(NotOffered::Unknown { exchange: self.exchange(), line: self.line.name, what });
        }
        // Candles have a column in the base asset.
        let is_counted = self.is_inverse() && series.kind() != Kind::Ohlc;
        if is_counted && topic.instrument.contract.is_none() {
            return Err(NotOffered::Sizeless { symbol });
        }
        Ok(symbol)
    }

    fn message(&self, verb: Verb, request: u64, topics: &[&Address]) -> String {
        let topics: Vec<String> = topics.iter().map(|topic| name(topic)).collect();
        let args = serde_json::to_string(&topics).unwrap_or_default();
        format!(r#"{{"req_id":"{request}","op":"{}","args":{args}}}"#, verb.word())
    }

    fn has_pings(&self) -> bool {
        true
    }

    fn ping(&self, request: u64) -> Option<String> {
        Some(format!(r#"{{"req_id":"{request}","op":"ping"}}"#))
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        match head.data {
            Some(data) if !head.topic.is_empty() => self.rows(&head, data.get(), frame_handler),
            _ => answer(&head, frame_handler),
        }
    }
}

impl Speech {
    fn is_inverse(&self) -> bool {
        self.line.name == INVERSE.name
    }

    fn rows(
        &mut self,
        head: &Frame<'_>,
        data: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        let found = named(&head.topic)
            .and_then(|(channel, symbol)| Some((channel, symbol, frame_handler.find(symbol, channel)?)));
        let Some((channel, symbol, place)) = found else {
            if is_known(&head.topic) {
                frame_handler.unasked()
            } else {
                frame_handler.unknown()
            }
            return Ok(());
        };
        match channel {
            Channel::Book(_) => {
                return self.books.read_data(&head.kind, symbol, head.told(), data, frame_handler);
            }
            Channel::Trades => self.read_trades(place, symbol, data, frame_handler)?,
            Channel::Candles(_) => self.read_candles(place, channel, data, frame_handler)?,
        }
        frame_handler.hear(Row(0).instant_millis(head.ts));
        Ok(())
    }

    fn read_trades(
        &self,
        place: Place,
        symbol: &str,
        data: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        // Where all of them are set out as documented they are put down in one go; else each by itself.
        let are_alike = each_row(data, |Members(wire): Members<LiveTrade<'_>>| *wire.s == *symbol);
        if are_alike.unwrap_or(false) {
            each_row(data, |Members(wire): Members<LiveTrade<'_>>| {
                self.put_trade(place, wire, data, frame_handler);
                true
            })?;
            return Ok(());
        }
        let rows: Vec<&RawValue> = serde_json::from_str(data)?;
        for row in rows {
            match serde_json::from_str::<Members<LiveTrade<'_>>>(row.get()) {
                Ok(Members(wire)) if *wire.s == *symbol => {
                    self.put_trade(place, wire, row.get(), frame_handler);
                }
                Ok(_) => frame_handler.lose(row.get(), "its symbol is another than its topic's"),
                Err(_) => frame_handler.misshapen(place, Channel::Trades, row.get()),
            }
        }
        Ok(())
    }

    fn put_trade(&self, place: Place, wire: LiveTrade<'_>, text: &str, frame_handler: &mut FrameHandler<'_>) {
        let instrument = frame_handler.instrument(place).filter(|_| self.is_inverse());
        let trade = wire.trade(Row(0), instrument);
        frame_handler.trade(place, trade, text);
    }

    fn read_candles(
        &self,
        place: Place,
        channel: Channel,
        data: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        let rows: Vec<&RawValue> = serde_json::from_str(data)?;
        for row in rows {
            match serde_json::from_str::<Members<LiveKline>>(row.get()) {
                Ok(Members(kline)) => {
                    let read = kline.candle(Row(0), self.is_inverse());
                    let is_closed = matches!(read, Ok((_, true)));
                    frame_handler.candle(place, read.map(|(candle, _)| candle), is_closed, row.get());
                }
                Err(_) => frame_handler.misshapen(place, channel, row.get()),
            }
        }
        Ok(())
    }
}

/// The answer to a request. All topics of a message are granted together, and refused together.
fn answer(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let request = head.req_id.get().and_then(|id| u64::try_from(id).ok());
    match (&*head.op, head.success) {
        ("subscribe", Some(true)) => frame_handler.granted_or_oldest(request),
        (_, Some(false)) => {
            let words = head.ret_msg.split(|c: char| !is_of_name(c)).collect::<Vec<_>>();
            let is_in_words = |address: &Address| words.contains(&&*name(address));
            if head.ret_msg.contains("already subscribed") {
                let topics = words.iter().filter_map(|word| named(word));
                let places: Vec<Place> =
                    topics.filter_map(|(channel, symbol)| frame_handler.find(symbol, channel)).collect();
                places.into_iter().for_each(|place| frame_handler.acknowledge(place));
            } else {
                frame_handler.refused(request, |slot| is_in_words(&slot.address), true, &head.ret_msg);
            }
        }
        ("unsubscribe" | "ping" | "pong", _) => {}
        ("", None) => return Err("it is of no documented kind".into()),
        _ => frame_handler.unknown(),
    }
    Ok(())
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}
