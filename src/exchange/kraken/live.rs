//! Kraken's spot markets over WebSockets: trades and candles.
//!
//! Source: Kraken spot WebSocket v2 documentation. Prices and amounts are JSON numbers, times RFC 3339. Symbols are our
//! own names of pairs, which its listing does not have. The snapshot of trades is asked for: it bridges a reconnect.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::live_frames::{Frame, Granted, System, WireCandle, WireTrade};
use super::profile::SPANS;
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::live::candle_topic::Closing;
use crate::exchange::live::conversation::Conversation;
use crate::exchange::live::desk::Desk;
use crate::exchange::live::dialect::{Dialect, Unreadable, Verb};
use crate::exchange::live::rows::each_row;
use crate::exchange::live::topics::Place;
use crate::exchange::live::{Line, LineLimits, Live, LiveOffer, NotOffered, Ping, Rate, Session, Topic};
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
    line: &LINE,
    ids_are_contiguous: true,
    grace: Duration::from_secs(5),
    recorded: true,
};

static OFFERS: [LiveOffer; 2] =
    [LiveOffer { kind: Kind::Ohlc, spans: &SPANS, ids_are_contiguous: false, ..TRADES }, TRADES];

/// Channels that are documented and not listened to.
const OTHER_CHANNELS: [&str; 7] =
    ["book", "ticker", "level3", "instrument", "executions", "balances", "heartbeat"];

/// Kraken's live offer.
pub(super) struct Channels;

impl Live for Channels {
    fn offers(&self) -> &'static [LiveOffer] {
        &OFFERS
    }

    fn session(&self, line: &'static Line) -> Box<dyn Session> {
        Box::new(Conversation::new(Speech::default(), line))
    }
}

/// Rows of a frame wait here until all of it is read.
#[derive(Default)]
struct Speech {
    trades: Vec<(Place, TradeRow<'static>)>,
    candles: Vec<(Place, Candle)>,
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

    fn read(&mut self, frame: &str, desk: &mut Desk<'_>) -> Result<(), Unreadable> {
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        match &*head.channel {
            "trade" => return self.read_trades(head.data(frame)?, desk),
            "ohlc" => return self.read_candles(head.data(frame)?, &head.timestamp, desk),
            "status" => return status(head.data(frame)?, desk),
            "" => return answer(&head, desk),
            "heartbeat" => {}
            other if OTHER_CHANNELS.contains(&other) => desk.unasked(),
            _ => desk.unknown(),
        }
        Ok(())
    }
}

impl Speech {
    /// Some frames hold trades of several pairs.
    fn read_trades(&mut self, data: &str, desk: &mut Desk<'_>) -> Result<(), Unreadable> {
        self.trades.clear();
        let is_whole = each_row(data, |Members(wire): Members<WireTrade<'_>>| {
            let place = desk.find(&wire.symbol, Channel::Trades);
            let Some(place) = place else { return true };
            match wire.trade(Row(0)) {
                Ok(trade) if desk.may_be_traded(&trade) => self.trades.push((place, trade)),
                _ => return false,
            }
            true
        });
        if !is_whole.unwrap_or(false) {
            return one_by_one(data, desk, |Members(wire): Members<WireTrade<'_>>, text, desk| {
                if let Some(place) = desk.find(&wire.symbol, Channel::Trades) {
                    desk.trade(place, wire.trade(Row(0)), text);
                }
            });
        }
        if self.trades.is_empty() {
            desk.unasked();
        }
        if !self.trades.is_sorted_by_key(|(_, trade)| trade.number()) {
            self.trades.sort_by_key(|(_, trade)| trade.number());
        }
        for (place, trade) in self.trades.drain(..) {
            desk.hear(Ok(trade.ts));
            desk.trade(place, Ok(trade), data);
        }
        Ok(())
    }

    fn read_candles(&mut self, data: &str, at: &str, desk: &mut Desk<'_>) -> Result<(), Unreadable> {
        self.candles.clear();
        let is_whole = each_row(data, |Members(wire): Members<WireCandle<'_>>| {
            let Some(place) = wire.channel().and_then(|channel| desk.find(&wire.symbol, channel)) else {
                return true;
            };
            match wire.candle(Row(0)) {
                Ok(candle) => self.candles.push((place, candle)),
                Err(_) => return false,
            }
            true
        });
        desk.hear(Row(0).rfc3339(at));
        if !is_whole.unwrap_or(false) {
            return one_by_one(data, desk, |Members(wire): Members<WireCandle<'_>>, text, desk| {
                if let Some(place) = wire.channel().and_then(|channel| desk.find(&wire.symbol, channel)) {
                    desk.candle(place, wire.candle(Row(0)), false, text);
                }
            });
        }
        if self.candles.is_empty() {
            desk.unasked();
        }
        for (place, candle) in self.candles.drain(..) {
            desk.candle(place, Ok(candle), false, data);
        }
        Ok(())
    }
}

/// Reads each row by itself, so that one that cannot be true costs itself and no other.
fn one_by_one<'a, W: Deserialize<'a>>(
    data: &'a str,
    desk: &mut Desk<'_>,
    mut take: impl FnMut(W, &str, &mut Desk<'_>),
) -> Result<(), Unreadable> {
    let rows: Vec<&RawValue> = serde_json::from_str(data)?;
    for row in rows {
        match serde_json::from_str(row.get()) {
            Ok(wire) => take(wire, row.get(), desk),
            Err(error) => desk.lose(row.get(), &error.to_string()),
        }
    }
    Ok(())
}

/// In all states but one nothing is traded.
fn status(data: &str, desk: &mut Desk<'_>) -> Result<(), Unreadable> {
    each_row(data, |Members(status): Members<System<'_>>| {
        desk.trades(&*status.system == "online", &status.system);
        true
    })?;
    Ok(())
}

fn answer(head: &Frame<'_>, desk: &mut Desk<'_>) -> Result<(), Unreadable> {
    let request = head.req_id.get().and_then(|id| u64::try_from(id).ok());
    match (&*head.method, head.success) {
        _ if !head.rate_error.is_empty() => desk.slow_down(&head.rate_error),
        ("subscribe", Some(true)) => granted(head, desk)?,
        (_, Some(false)) => refused(head, request, desk),
        ("unsubscribe", Some(true)) | ("pong", _) => {}
        _ => return Err("it is of no documented kind".into()),
    }
    desk.hear(Row(0).rfc3339(&head.time_out));
    Ok(())
}

/// Each symbol of a request is granted by itself.
fn granted(head: &Frame<'_>, desk: &mut Desk<'_>) -> Result<(), Unreadable> {
    let result = head.result.ok_or("it grants nothing")?;
    let Members(granted): Members<Granted<'_>> = serde_json::from_str(result.get())?;
    match granted.channel().and_then(|channel| desk.find(&granted.symbol, channel)) {
        Some(place) => desk.acknowledge(place),
        None => desk.unasked(),
    }
    Ok(())
}

/// A refusal names its symbol, or concerns all of its request.
fn refused(head: &Frame<'_>, request: Option<u64>, desk: &mut Desk<'_>) {
    let symbol = &*head.symbol;
    if request.is_none() && !symbol.is_empty() && !desk.knows(symbol) {
        return desk.complains(&head.error);
    }
    desk.refused(request, |slot| slot.address.symbol == symbol, false, &head.error);
}
