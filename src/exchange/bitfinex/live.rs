//! Bitfinex over its socket: trades, candles and books of its spot markets.
//!
//! Source: Bitfinex v2 documentation, "WebSocket: general" and "Public channels". Each topic is a channel that the exchange
//! numbers, and each frame of a connection has the next number: one left out is seen, though not of which channel it was.
//! A trade comes twice, when it is made and when it is recorded; the first is taken. Candles grow until the next one.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::value::RawValue;

use super::live_book::Books;
use super::live_frames::{Event, Numbered};
use super::profile::SPANS;
use super::rows::{Bar, Fill};
use crate::exchange::SpanOffer;
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookFault, BookRules, BookSink, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::rows::each_row;
use crate::exchange::live::spoken::Spoken;
use crate::exchange::live::topics::Place;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Topic};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::{Columns, Members};
use crate::model::{Kind, Market, Micros, Span};

/// Times and numbers of frames, and checksums of books.
const FLAGS: i64 = 32_768 + 65_536 + 131_072;

const LINE: Line = Line {
    name: "v2",
    host: "wss://api-pub.bitfinex.com",
    path: "/ws/2",
    markets: &[Market::Spot],
    limits: LineLimits {
        topics: 25,
        topics_per_message: 1,
        // No limit is documented. A frame that is left out breaks every book of the connection, and each is then given up and
        // asked for by a message of its own: at the usual five a second the last of a full connection waits for ten seconds.
        messages: Rate::new(25, 1),
        connects: Rate::new(15, 60),
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

/// Those of which it is known when they open: only the next one closes a candle.
static CLOSED_BY_NEXT: [SpanOffer; 10] =
    [SPANS[0], SPANS[1], SPANS[2], SPANS[3], SPANS[4], SPANS[5], SPANS[6], SPANS[7], SPANS[8], SPANS[11]];

static OFFERS: [LiveOffer; 3] = [
    LiveOffer { kind: Kind::Ohlc, spans: &CLOSED_BY_NEXT, recorded: false, ..TRADES },
    TRADES,
    LiveOffer { kind: Kind::OrderBook, depths: &[25, 100, 250], ..TRADES },
];

/// Bitfinex's live offer.
pub(super) static LIVE: &dyn Live = &Spoken::<Speech> { offers: &OFFERS, dialect: Speech::default };

#[derive(Default)]
struct Speech {
    /// The topics of its channels, by the numbers it gave them.
    channels: HashMap<i64, Address>,
    numbered: Numbered,
    books: Books,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "bitfinex"
    }

    fn offers(&self) -> &'static [LiveOffer] {
        &OFFERS
    }

    fn closing(&self) -> Closing {
        Closing::ByNext
    }

    fn book_rules(&self) -> &'static BookRules {
        self.books.rules()
    }

    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        Ok(topic.instrument.symbol.clone())
    }

    fn opening(&self) -> Option<String> {
        Some(format!(r#"{{"event":"conf","flags":{FLAGS}}}"#))
    }

    /// A channel is given up by its number; one that has none yet has not been granted.
    fn message(&self, verb: Verb, request: u64, topics: &[&Address]) -> String {
        let Some(topic) = topics.first() else { return ping(request) };
        if verb == Verb::Unsubscribe {
            let number = self.channels.iter().find(|(_, own)| is_same(own, topic)).map(|(number, _)| number);
            return match number {
                Some(number) => format!(r#"{{"event":"unsubscribe","chanId":{number}}}"#),
                None => ping(request),
            };
        }
        let symbol = &topic.symbol;
        match topic.channel {
            Channel::Trades => format!(r#"{{"event":"subscribe","channel":"trades","symbol":"{symbol}"}}"#),
            Channel::Candles(span) => {
                let key = key_of(span, symbol);
                format!(r#"{{"event":"subscribe","channel":"candles","key":"{key}"}}"#)
            }
            Channel::Book(depth) => format!(
                r#"{{"event":"subscribe","channel":"book","symbol":"{symbol}","prec":"P0","freq":"F0","len":"{depth}"}}"#
            ),
        }
    }

    fn has_pings(&self) -> bool {
        true
    }

    fn ping(&self, request: u64) -> Option<String> {
        Some(ping(request))
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        if frame.trim_start().starts_with('{') {
            let Members(event): Members<Event<'_>> = serde_json::from_str(frame)?;
            return self.note(&event, frame_handler);
        }
        let rows = self.numbered.read(frame)?;
        if rows.is_behind_others {
            frame_handler.lost_before();
            frame_handler.lost(None, BookFault::Sequence);
        }
        if rows.is_repeated {
            return Ok(());
        }
        let at = rows.at.map(|at| Row(0).millis(at));
        at.iter().for_each(|at| frame_handler.hear(at.clone()));
        let topic = self.channels.get(&rows.channel);
        let found = topic.and_then(|topic| Some((topic, place_of(topic, frame_handler)?)));
        let Some((topic, place)) = found else {
            frame_handler.unasked();
            return Ok(());
        };
        match (topic.channel, rows.word) {
            (_, Some("hb")) | (Channel::Trades, Some("tu")) => Ok(()),
            (Channel::Trades, Some("te")) => {
                take_trade(place, rows.body, frame_handler);
                Ok(())
            }
            (Channel::Trades, None) => take_image(place, rows.body, frame_handler),
            (channel @ Channel::Candles(_), None) => take_candles((place, channel), rows.body, frame_handler),
            (Channel::Book(_), Some("cs")) => {
                let told = rows.body.parse::<i64>().map_err(|_| "its checksum is no number")?;
                // It is written as a signed number.
                frame_handler.checksum(&topic.symbol, told as u32);
                Ok(())
            }
            (Channel::Book(_), None) => {
                self.books.read_levels(&topic.symbol, rows.body, at.and_then(Result::ok), frame_handler)
            }
            _ => Err("it is of no documented kind".into()),
        }
    }
}

fn ping(request: u64) -> String {
    format!(r#"{{"event":"ping","cid":{request}}}"#)
}

/// `trade:1m:tBTCUSD`.
fn key_of(span: Span, symbol: &str) -> String {
    let word = SPANS.iter().find(|own| own.span() == span).map_or("", |own| own.word);
    format!("trade:{word}:{symbol}")
}

/// The symbol and the span of a key.
fn keyed(key: &str) -> Option<(&str, Span)> {
    let (word, symbol) = key.strip_prefix("trade:")?.split_once(':')?;
    let own = SPANS.iter().find(|own| own.word == word)?;
    Some((symbol, own.span()))
}

fn place_of(address: &Address, frame_handler: &FrameHandler<'_>) -> Option<Place> {
    match address.channel {
        Channel::Book(_) => frame_handler.find_book(&address.symbol),
        channel => frame_handler.find(&address.symbol, channel),
    }
}

/// Whether two addresses are of one topic: a book is one at any depth.
fn is_same(one: &Address, other: &Address) -> bool {
    let are_books = matches!((one.channel, other.channel), (Channel::Book(_), Channel::Book(_)));
    one.symbol == other.symbol && (are_books || one.channel == other.channel)
}

impl Speech {
    fn note(&mut self, event: &Event<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        match &*event.event {
            "info" => info(event, frame_handler),
            "conf" if &*event.status == "OK" => {
                self.numbered.agreed(event.flags.get().unwrap_or_default());
            }
            "conf" => frame_handler.complains("it does not number its frames"),
            "subscribed" => self.granted(event, frame_handler)?,
            "unsubscribed" => drop(event.channel_id.get().map(|number| self.channels.remove(&number))),
            "pong" => frame_handler.hear(Row(0).instant_millis(event.ts)),
            "error" => refused(event, frame_handler),
            _ => return Err("its event is of no documented kind".into()),
        }
        Ok(())
    }

    fn granted(&mut self, event: &Event<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        let number = event.channel_id.get().ok_or("it names no channel")?;
        let Some(address) = address_of(event) else {
            frame_handler.unasked();
            return Ok(());
        };
        match place_of(&address, frame_handler) {
            Some(place) => frame_handler.acknowledge(place),
            None => frame_handler.unasked(),
        }
        self.channels.insert(number, address);
        Ok(())
    }
}

/// The topic that an event is about, where it is one that is listened to.
fn address_of(event: &Event<'_>) -> Option<Address> {
    let symbol = event.symbol.to_string();
    match &*event.channel {
        "trades" => Some(Address { symbol, channel: Channel::Trades }),
        "book" if &*event.prec != "R0" => Some(Address { symbol, channel: Channel::Book(0) }),
        "candles" => {
            let (symbol, span) = keyed(&event.key)?;
            Some(Address { symbol: symbol.to_owned(), channel: Channel::Candles(span) })
        }
        _ => None,
    }
}

fn info(event: &Event<'_>, frame_handler: &mut FrameHandler<'_>) {
    let words = &*event.msg;
    match event.code.get() {
        Some(20_051) => frame_handler.closes(words),
        Some(20_060) => frame_handler.trades(false, words),
        // Everything is to be asked for again.
        Some(20_061) => {
            frame_handler.trades(true, words);
            frame_handler.closes(words);
        }
        _ => {
            if let Some(Members(platform)) = &event.platform {
                let is_on = platform.status.get() == Some(1);
                frame_handler.trades(is_on, if is_on { "operative" } else { "maintenance" });
            }
        }
    }
}

/// A refusal names its topic.
fn refused(event: &Event<'_>, frame_handler: &mut FrameHandler<'_>) {
    let code = event.code.get().unwrap_or_default();
    let words = format!("{} (code {code})", &*event.msg);
    let address = address_of(event);
    match (code, address) {
        (11_010, _) => frame_handler.slow_down(&words),
        (10_301, Some(address)) => {
            let place = place_of(&address, frame_handler);
            place.into_iter().for_each(|place| frame_handler.acknowledge(place));
        }
        (10_300 | 10_302, Some(address)) => {
            frame_handler.refused(None, |slot| is_same(&slot.address, &address), false, &words);
        }
        _ => frame_handler.complains(&words),
    }
}

fn take_trade(place: Place, text: &str, frame_handler: &mut FrameHandler<'_>) {
    match serde_json::from_str::<Columns<Fill>>(text) {
        Ok(Columns(wire)) => frame_handler.trade(place, wire.trade(Row(0)), text),
        Err(_) => frame_handler.misshapen(place, Channel::Trades, text),
    }
}

/// Takes the newest trades there were, newest first: behind the oldest of them none is missing.
fn take_image(place: Place, rows: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let mut all: Vec<(Fill, &str)> = Vec::new();
    let mut is_whole = true;
    each_row(rows, |text: &RawValue| {
        match serde_json::from_str(text.get()) {
            Ok(Columns(wire)) => all.push((wire, text.get())),
            Err(_) => is_whole = false,
        }
        true
    })?;
    if !is_whole {
        frame_handler.misshapen(place, Channel::Trades, rows);
    }
    all.reverse();
    all.sort_by_key(|(wire, _)| wire.at(Row(0)).ok());
    let oldest = all.first().and_then(|(wire, _)| wire.at(Row(0)).ok());
    for (wire, text) in all {
        frame_handler.trade(place, wire.trade(Row(0)), text);
    }
    oldest.into_iter().filter(|_| is_whole).for_each(|oldest| frame_handler.begins_behind(place, oldest));
    Ok(())
}

/// Takes one candle, or those there were, newest first.
fn take_candles(
    (place, channel): (Place, Channel),
    rows: &str,
    frame_handler: &mut FrameHandler<'_>,
) -> Result<(), Unreadable> {
    let is_image = rows.strip_prefix('[').is_some_and(|body| body.trim_start().starts_with(['[', ']']));
    let mut all: Vec<(Micros, Bar, &str)> = Vec::new();
    let mut bad: Vec<&str> = Vec::new();
    let mut put = |text| match serde_json::from_str::<Columns<Bar>>(text) {
        Ok(Columns(wire)) => all.push((wire.opens(Row(0)).unwrap_or_default(), wire, text)),
        Err(_) => bad.push(text),
    };
    if is_image {
        each_row(rows, |text: &RawValue| {
            put(text.get());
            true
        })?;
    } else {
        put(rows);
    }
    for text in bad {
        frame_handler.misshapen(place, channel, text);
    }
    all.sort_by_key(|(opens, ..)| *opens);
    for (_, wire, text) in all {
        frame_handler.candle(place, wire.candle(Row(0)), false, text);
    }
    Ok(())
}
