//! Kraken's spot markets over WebSockets: trades, candles and books.
//!
//! Source: Kraken spot WebSocket v2 documentation. Prices and amounts are JSON numbers, times RFC 3339. Symbols are our
//! own names of pairs, which its listing does not have. The snapshot of trades is asked for: it bridges a reconnect.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::live_book::Books;
use super::live_frames::{Frame, Granted, System, WireCandle, WireTrade};
use super::profile::SPANS;
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::book::{BookRules, BookWire};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::rows::each_row;
use crate::exchange::live::spoken::Spoken;
use crate::exchange::live::topics::Place;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Topic};
use crate::exchange::reading::record::{Record, TradeRow};
use crate::exchange::reading::row::Row;
use crate::exchange::reading::shape::Members;
use crate::model::{Candle, Kind, Market};

const LINE: Line = Line {
    name: "v2",
    host: "wss://ws.kraken.com",
    path: "/v2",
    markets: &[Market::Spot],
    // How many messages it takes is documented nowhere; one too many is answered, and nothing sent for a while.
    limits: LineLimits {
        topics: 500,
        one_span_a_symbol: true,
        topics_per_message: 50,
        connects: Rate::new(1, 5),
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

static OFFERS: [LiveOffer; 3] = [
    LiveOffer { kind: Kind::Ohlc, spans: &SPANS, ids_are_contiguous: false, ..TRADES },
    TRADES,
    LiveOffer {
        kind: Kind::OrderBook,
        depths: &[10, 25, 100, 500, 1_000],
        ids_are_contiguous: false,
        ..TRADES
    },
];

/// Channels that are documented and not listened to.
const OTHER_CHANNELS: [&str; 6] = ["ticker", "level3", "instrument", "executions", "balances", "heartbeat"];

/// Kraken's live offer.
pub(super) static LIVE: &dyn Live = &Spoken::<Speech> { offers: &OFFERS, dialect: Speech::default };

/// The beginning of nearly all frames of trades.
const TRADES_AHEAD: &str = r#"{"channel":"trade","type":"update","data":"#;

/// Rows of a frame wait here until all of it is read.
#[derive(Default)]
struct Speech {
    trades: Vec<(Place, TradeRow<'static>)>,
    candles: Vec<(Place, Candle)>,
    books: Books,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "kraken"
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
        let pair = topic.instrument.pair.as_ref().unwrap_or(topic.series.pair());
        Ok(format!("{}/{}", pair.base(), pair.quote()))
    }

    fn fits(&self, one: &Address, other: &Address) -> bool {
        one.channel == other.channel
    }

    fn message(&self, verb: Verb, request: u64, topics: &[&Address]) -> String {
        let symbols: Vec<&str> = topics.iter().map(|topic| &*topic.symbol).collect();
        let symbols = serde_json::to_string(&symbols).unwrap_or_default();
        let channel = match topics.first().map(|topic| topic.channel) {
            Some(Channel::Candles(span)) => format!(r#""channel":"ohlc","interval":{}"#, span.secs() / 60),
            Some(Channel::Book(depth)) => format!(r#""channel":"book","depth":{depth}"#),
            Some(Channel::Trades) | None => r#""channel":"trade""#.to_owned(),
        };
        let snapshot = if verb == Verb::Subscribe { r#","snapshot":true"# } else { "" };
        let method = verb.word();
        format!(
            r#"{{"method":"{method}","params":{{{channel},"symbol":{symbols}{snapshot}}},"req_id":{request}}}"#
        )
    }

    fn has_pings(&self) -> bool {
        true
    }

    fn ping(&self, request: u64) -> Option<String> {
        Some(format!(r#"{{"method":"ping","req_id":{request}}}"#))
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        // Trades and updates of books as they come read in one go; whatever else there may be is read part by part.
        if self.books.read_update(frame, frame_handler) {
            return Ok(());
        }
        let data = frame.strip_prefix(TRADES_AHEAD).and_then(|rest| rest.strip_suffix('}'));
        if let Some(data) = data.filter(|data| self.gather_trades(data, frame_handler)) {
            self.put_trades(data, frame_handler);
            return Ok(());
        }
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        match &*head.channel {
            "trade" => return self.read_trades(head.data(frame)?, frame_handler),
            "ohlc" => return self.read_candles(head.data(frame)?, &head.timestamp, frame_handler),
            "book" => return self.books.read_data(&head.kind, head.data(frame)?, frame_handler),
            "status" => return status(head.data(frame)?, frame_handler),
            "" => return answer(&head, frame_handler),
            "heartbeat" => {}
            other if OTHER_CHANNELS.contains(&other) => frame_handler.unasked(),
            _ => frame_handler.unknown(),
        }
        Ok(())
    }
}

impl Speech {
    /// Some frames hold trades of several pairs.
    fn read_trades(&mut self, data: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        if !self.gather_trades(data, frame_handler) {
            return one_by_one(
                data,
                frame_handler,
                |Members(wire): Members<WireTrade<'_>>, text, frame_handler| {
                    if let Some(place) = frame_handler.find(&wire.symbol, Channel::Trades) {
                        frame_handler.trade(place, wire.trade(Row(0)), text);
                    }
                },
            );
        }
        self.put_trades(data, frame_handler);
        Ok(())
    }

    /// Reads all trades of an array; `false` if one of them cannot be read or cannot be true.
    fn gather_trades(&mut self, data: &str, frame_handler: &FrameHandler<'_>) -> bool {
        self.trades.clear();
        let is_whole = each_row(data, |Members(wire): Members<WireTrade<'_>>| {
            let place = frame_handler.find(&wire.symbol, Channel::Trades);
            let Some(place) = place else { return true };
            match wire.trade(Row(0)) {
                Ok(trade) if frame_handler.may_be_traded(&trade) => self.trades.push((place, trade)),
                _ => return false,
            }
            true
        });
        is_whole.unwrap_or(false)
    }

    fn put_trades(&mut self, data: &str, frame_handler: &mut FrameHandler<'_>) {
        if self.trades.is_empty() {
            frame_handler.unasked();
        }
        if !self.trades.is_sorted_by_key(|(_, trade)| trade.number()) {
            self.trades.sort_by_key(|(_, trade)| trade.number());
        }
        for (place, trade) in self.trades.drain(..) {
            frame_handler.hear(Ok(trade.ts));
            frame_handler.trade(place, Ok(trade), data);
        }
    }

    fn read_candles(
        &mut self,
        data: &str,
        at: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        self.candles.clear();
        let is_whole = each_row(data, |Members(wire): Members<WireCandle<'_>>| {
            let Some(place) = wire.channel().and_then(|channel| frame_handler.find(&wire.symbol, channel))
            else {
                return true;
            };
            match wire.candle(Row(0)) {
                Ok(candle) => self.candles.push((place, candle)),
                Err(_) => return false,
            }
            true
        });
        frame_handler.hear(Row(0).rfc3339(at));
        if !is_whole.unwrap_or(false) {
            return one_by_one(
                data,
                frame_handler,
                |Members(wire): Members<WireCandle<'_>>, text, frame_handler| {
                    if let Some(place) =
                        wire.channel().and_then(|channel| frame_handler.find(&wire.symbol, channel))
                    {
                        frame_handler.candle(place, wire.candle(Row(0)), false, text);
                    }
                },
            );
        }
        if self.candles.is_empty() {
            frame_handler.unasked();
        }
        for (place, candle) in self.candles.drain(..) {
            frame_handler.candle(place, Ok(candle), false, data);
        }
        Ok(())
    }
}

/// Reads each row by itself, so that one that cannot be true costs itself and no other.
fn one_by_one<'a, W: Deserialize<'a>>(
    data: &'a str,
    frame_handler: &mut FrameHandler<'_>,
    mut take: impl FnMut(W, &str, &mut FrameHandler<'_>),
) -> Result<(), Unreadable> {
    let rows: Vec<&RawValue> = serde_json::from_str(data)?;
    for row in rows {
        match serde_json::from_str(row.get()) {
            Ok(wire) => take(wire, row.get(), frame_handler),
            Err(error) => frame_handler.lose(row.get(), &error.to_string()),
        }
    }
    Ok(())
}

/// In all states but one nothing is traded.
fn status(data: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    each_row(data, |Members(status): Members<System<'_>>| {
        frame_handler.trades(&*status.system == "online", &status.system);
        true
    })?;
    Ok(())
}

fn answer(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let request = head.req_id.get().and_then(|id| u64::try_from(id).ok());
    match (&*head.method, head.success) {
        _ if !head.rate_error.is_empty() => frame_handler.slow_down(&head.rate_error),
        ("subscribe", Some(true)) => granted(head, frame_handler)?,
        (_, Some(false)) => refused(head, request, frame_handler),
        ("unsubscribe", Some(true)) | ("pong", _) => {}
        _ => return Err("it is of no documented kind".into()),
    }
    frame_handler.hear(Row(0).rfc3339(&head.time_out));
    Ok(())
}

/// Each symbol of a request is granted by itself.
fn granted(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let result = head.result.ok_or("it grants nothing")?;
    let Members(granted): Members<Granted<'_>> = serde_json::from_str(result.get())?;
    let place = if granted.is_book() {
        frame_handler.find_book(&granted.symbol)
    } else {
        granted.channel().and_then(|channel| frame_handler.find(&granted.symbol, channel))
    };
    match place {
        Some(place) => frame_handler.acknowledge(place),
        None => frame_handler.unasked(),
    }
    Ok(())
}

/// A refusal names its symbol, or concerns all of its request.
fn refused(head: &Frame<'_>, request: Option<u64>, frame_handler: &mut FrameHandler<'_>) {
    let symbol = &*head.symbol;
    if request.is_none() && !symbol.is_empty() && !frame_handler.knows(symbol) {
        return frame_handler.complains(&head.error);
    }
    frame_handler.refused(request, |slot| slot.address.symbol == symbol, false, &head.error);
}
