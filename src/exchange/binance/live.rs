//! Binance over WebSockets: aggregate trades, candles and books of spot markets, USD-margined and coin-margined contracts.
//!
//! Source: Binance spot API documentation, "WebSocket Streams"; USDⓈ-M and COIN-M futures documentation, "Websocket Market
//! Streams". Trades are its aggregates, as over REST: the raw ones are numbered apart. Times are in milliseconds on both.

use std::time::Duration;

use serde_json::value::RawValue;

use super::live_book::{Books, is_update};
use super::live_frames::{AggFrame, Frame, KlineFrame, is_known, span, word};
use super::{spot, usdm};
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookRules, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::conversation::Conversation;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::{FrameHandler, fault_of};
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Session, Topic};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::rows::Taken;
use crate::exchange::reading::shape::Members;
use crate::exchange::{Contract, SpanOffer};
use crate::model::{Kind, Market};

/// Pings and pongs of the client are counted among its messages; a client that sends too many is disconnected, and then
/// banned.
const LIMITS: LineLimits = LineLimits {
    messages: Rate::new(5, 1),
    counts_control_frames: true,
    connects: Rate::new(300, 300),
    ..LineLimits::USUAL
};

const SPOT: Line = Line {
    name: "spot",
    host: "wss://stream.binance.com:9443",
    path: "/stream",
    markets: &[Market::Spot],
    limits: LIMITS,
    lifetime: Some(Duration::from_secs(24 * 3_600)),
    ping: Ping::USUAL,
};

/// A stream that is asked for on another path of this host is silent.
const USDM: Line = Line {
    name: "usdm",
    host: "wss://fstream.binance.com",
    path: "/market/stream",
    markets: usdm::MARKETS,
    limits: LineLimits { messages: Rate::new(10, 1), ..LIMITS },
    ..SPOT
};

/// Books and best prices of USD-margined contracts are sent on another path than everything else.
const USDM_BOOKS: Line = Line { name: "usdm-books", path: "/public/stream", ..USDM };

const COINM: Line = Line {
    name: "coinm",
    host: "wss://dstream.binance.com",
    path: "/stream",
    markets: usdm::MARKETS,
    ..USDM
};

const fn trades(line: &'static Line) -> LiveOffer {
    LiveOffer {
        kind: Kind::Trades,
        markets: line.markets,
        spans: &[],
        depths: &[],
        asks_for_books: false,
        line,
        ids_are_contiguous: true,
        grace: Duration::from_secs(5),
        recorded: false,
    }
}

const fn candles(line: &'static Line, spans: &'static [SpanOffer]) -> LiveOffer {
    LiveOffer { kind: Kind::Ohlc, spans, ids_are_contiguous: false, ..trades(line) }
}

const fn book(line: &'static Line, depths: &'static [u32]) -> LiveOffer {
    LiveOffer {
        kind: Kind::OrderBook,
        depths,
        asks_for_books: true,
        ids_are_contiguous: false,
        ..trades(line)
    }
}

/// The levels of whole books over REST.
const SPOT_DEPTHS: &[u32] = &[100, 500, 1_000, 5_000];
const DEPTHS: &[u32] = &[50, 100, 500, 1_000];

static OFFERS: [LiveOffer; 6] = [
    LiveOffer { recorded: true, ..candles(&SPOT, &spot::SPANS) },
    LiveOffer { recorded: true, ..trades(&SPOT) },
    LiveOffer { recorded: true, ..book(&SPOT, SPOT_DEPTHS) },
    candles(&USDM, &spot::SPANS),
    trades(&USDM),
    book(&USDM_BOOKS, DEPTHS),
];

static COIN_OFFERS: [LiveOffer; 3] =
    [candles(&COINM, &spot::SPANS_TO_A_DAY), trades(&COINM), book(&COINM, DEPTHS)];

/// The streams of one of the two exchanges that Binance is here.
pub(super) struct Streams {
    exchange: &'static str,
    offers: &'static [LiveOffer],
    /// Whether amounts count contracts of a fixed size in the quote asset.
    counts_contracts: bool,
}

/// Spot markets and USD-margined contracts.
pub(super) static STREAMS: Streams =
    Streams { exchange: "binance", offers: &OFFERS, counts_contracts: false };

/// Coin-margined contracts.
pub(super) static COIN_STREAMS: Streams =
    Streams { exchange: "binancecoinm", offers: &COIN_OFFERS, counts_contracts: true };

impl Live for Streams {
    fn offers(&self) -> &'static [LiveOffer] {
        self.offers
    }

    fn session(&self, line: &'static Line) -> Box<dyn Session> {
        let Streams { exchange, offers, counts_contracts } = *self;
        let books = if line.name == SPOT.name { Books::of_spot() } else { Books::of_contracts() };
        Box::new(Conversation::new(Speech { exchange, offers, counts_contracts, books }, line))
    }
}

struct Speech {
    exchange: &'static str,
    offers: &'static [LiveOffer],
    counts_contracts: bool,
    books: Books,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        self.exchange
    }

    fn offers(&self) -> &'static [LiveOffer] {
        self.offers
    }

    fn closing(&self) -> Closing {
        Closing::Told
    }

    fn book_rules(&self) -> &'static BookRules {
        self.books.rules()
    }

    fn counts_contracts(&self, _: &Topic) -> bool {
        self.counts_contracts
    }

    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        let instrument = &topic.instrument;
        let is_countable = !self.counts_contracts || matches!(instrument.contract, Some(Contract::Quote(_)));
        let symbol = instrument.symbol.clone();
        if is_countable { Ok(symbol) } else { Err(NotOffered::Sizeless { symbol }) }
    }

    fn message(&self, verb: Verb, request: u64, topics: &[&Address]) -> String {
        let method = verb.word().to_uppercase();
        let streams: Vec<String> = topics.iter().map(|topic| stream(topic)).collect();
        let params = serde_json::to_string(&streams).unwrap_or_default();
        format!(r#"{{"method":"{method}","params":{params},"id":{request}}}"#)
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        // Trades and updates of books as they come read in one go; whatever else there may be is read part by part.
        match envelope(frame) {
            Some(("aggTrade", body)) => {
                if let Ok(Members(wire)) = serde_json::from_str::<Members<AggFrame<'_>>>(body) {
                    return self.put_trade(&wire, body, frame_handler);
                }
            }
            Some((event, body)) if is_update(event) => {
                if let Ok(heard) = self.books.read_update(body, frame_handler) {
                    heard.into_iter().for_each(|at| frame_handler.hear(Ok(at)));
                    return Ok(());
                }
            }
            _ => {}
        }
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        let body = head.data.map_or(frame, RawValue::get);
        match head.event() {
            "aggTrade" => return self.agg_trade(&head, body, frame_handler),
            "kline" => return self.kline(&head, body, frame_handler),
            event if event.starts_with("kline_") => return self.kline(&head, body, frame_handler),
            event if is_update(event) => {
                let heard = self.books.read_update(body, frame_handler)?;
                heard.into_iter().for_each(|at| frame_handler.hear(Ok(at)));
            }
            "serverShutdown" | "!serverShutdown" => frame_handler.closes("serverShutdown"),
            "" => return answer(&head, frame_handler),
            event if is_known(event) => frame_handler.unasked(),
            _ => frame_handler.unknown(),
        }
        Ok(())
    }
}

impl Speech {
    fn agg_trade(
        &self,
        head: &Frame<'_>,
        body: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        let Members(wire): Members<AggFrame<'_>> = match serde_json::from_str(body) {
            Ok(wire) => wire,
            Err(error) => return misshapen(head, Channel::Trades, error, body, frame_handler),
        };
        self.put_trade(&wire, body, frame_handler)
    }

    fn put_trade(
        &self,
        wire: &AggFrame<'_>,
        body: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        is_event(&wire.e, "aggTrade")?;
        let row = Row(0);
        frame_handler.hear(row.instant_millis(wire.event_time));
        let Some(place) = frame_handler.find(&wire.s, Channel::Trades) else {
            frame_handler.unasked();
            return Ok(());
        };
        let agg = wire.trade();
        let trade = row.instant_millis(agg.time).and_then(|ts| match frame_handler.instrument(place) {
            Some(instrument) if self.counts_contracts => {
                agg.coin_trade(row, ts, instrument).map_err(fault_of)
            }
            _ => agg.trade(row, ts),
        });
        frame_handler.trade(place, trade, body);
        Ok(())
    }

    fn kline(
        &self,
        head: &Frame<'_>,
        body: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        let Members(wire): Members<KlineFrame<'_>> = match serde_json::from_str(body) {
            Ok(wire) => wire,
            Err(error) => {
                let word = head.event().strip_prefix("kline_").and_then(span);
                let channel = word.map(Channel::Candles).ok_or_else(|| Unreadable(error.to_string()))?;
                return misshapen(head, channel, error, body, frame_handler);
            }
        };
        is_event(&wire.e, "kline")?;
        let row = Row(0);
        frame_handler.hear(row.instant_millis(wire.event_time));
        let Members(own) = &wire.k;
        let place = own.span().and_then(|span| frame_handler.find(&wire.s, Channel::Candles(span)));
        let Some(place) = place else {
            frame_handler.unasked();
            return Ok(());
        };
        let read = own.is_closed().and_then(|is_closed| {
            let (kline, ts) = (own.kline(), row.instant_millis(own.opened())?);
            let taken = match frame_handler.instrument(place) {
                Some(instrument) if self.counts_contracts => kline.coin_candle(row, ts, instrument),
                _ => kline.base_candle(row, ts),
            };
            match taken.map_err(fault_of)? {
                Taken::Row(candle) => Ok((candle, is_closed)),
                Taken::Nothing | Taken::Unfinished => Err(row.impossible("it is no candle")),
            }
        });
        let is_closed = matches!(read, Ok((_, true)));
        frame_handler.candle(place, read.map(|(candle, _)| candle), is_closed, body);
        Ok(())
    }
}

/// Checks that an envelope holds the event it names.
fn is_event(own: &str, named: &str) -> Result<(), Unreadable> {
    let is_so = own.is_empty() || own == named;
    if is_so { Ok(()) } else { Err("its event is another than its stream names".into()) }
}

/// A row whose stream tells whose it is, though it does not have the documented shape.
fn misshapen(
    head: &Frame<'_>,
    channel: Channel,
    error: serde_json::Error,
    body: &str,
    frame_handler: &mut FrameHandler<'_>,
) -> Result<(), Unreadable> {
    let place = frame_handler.find(&head.stream_symbol(), channel).ok_or(error)?;
    frame_handler.misshapen(place, channel, body);
    Ok(())
}

/// The answer to a request, or a frame that only its members tell.
fn answer(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let request = head.id.get().and_then(|id| u64::try_from(id).ok());
    match (head.refusal(), request) {
        (Some(words), request) => frame_handler.refused(request, |_| false, true, &words),
        (None, Some(request)) => frame_handler.granted(request),
        (None, None) if head.is_nameless() => frame_handler.unasked(),
        (None, None) => return Err("it is of no documented kind".into()),
    }
    Ok(())
}

/// The name of a topic's stream.
fn stream(topic: &Address) -> String {
    let symbol = topic.symbol.to_lowercase();
    match topic.channel {
        Channel::Trades => format!("{symbol}@aggTrade"),
        Channel::Candles(span) => format!("{symbol}@kline_{}", word(span)),
        Channel::Book(_) => format!("{symbol}@depth@100ms"),
    }
}

/// The event that the stream of a frame is of, and its body, where these are all of it and the stream stands before the body, as
/// it does in nearly all of them. A body that is one value proves it.
fn envelope(frame: &str) -> Option<(&str, &str)> {
    let (stream, rest) = frame.strip_prefix(r#"{"stream":""#)?.split_once('"')?;
    let (_, event) = stream.split_once('@').filter(|_| !stream.contains('\\'))?;
    Some((event, rest.strip_prefix(r#","data":"#)?.strip_suffix('}')?))
}
