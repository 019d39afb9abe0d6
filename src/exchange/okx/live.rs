//! OKX over WebSockets: trades, candles and books of spot markets, perpetual and dated contracts.
//!
//! Source: OKX API v5, "WebSocket" and "Order Book Trading". `trades-all` has every trade by itself, as history does, where
//! `trades` merges those of one order; it is sent over the business line, and books over the public one. Nothing tells
//! the time but rows. A connection on which nothing is sent for half a minute is closed: a ping asks for a word.

use std::time::Duration;

use serde_json::value::RawValue;

use super::live_book::Books;
use super::live_frames::{Arg, Frame, Kept, TRADES, name};
use super::profile::{ALL_MARKETS, SPANS};
use super::rows::{Fill, LiveBar};
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
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::shape::{Columns, Members};
use crate::model::{Kind, Market};

const BUSINESS: Line = Line {
    name: "business",
    host: "wss://ws.okx.com:8443",
    path: "/ws/v5/business",
    markets: ALL_MARKETS,
    // How many topics a connection bears is documented nowhere: each may have to be asked for anew within the limit of
    // an hour.
    limits: LineLimits {
        topics: 200,
        asks: Some(Rate::new(480, 3_600)),
        connects: Rate::new(3, 1),
        ..LineLimits::USUAL
    },
    lifetime: None,
    ping: Ping::USUAL,
};

const PUBLIC: Line = Line { name: "public", path: "/ws/v5/public", ..BUSINESS };

const ALL_TRADES: LiveOffer = LiveOffer {
    kind: Kind::Trades,
    markets: ALL_MARKETS,
    spans: &[],
    depths: &[],
    asks_for_books: false,
    line: &BUSINESS,
    ids_are_contiguous: true,
    grace: Duration::from_secs(5),
    recorded: true,
};

static OFFERS: [LiveOffer; 3] = [
    LiveOffer {
        kind: Kind::Ohlc,
        spans: &SPANS,
        ids_are_contiguous: false,
        grace: Duration::from_secs(10),
        ..ALL_TRADES
    },
    ALL_TRADES,
    LiveOffer {
        kind: Kind::OrderBook,
        depths: &[400],
        line: &PUBLIC,
        ids_are_contiguous: false,
        ..ALL_TRADES
    },
];

/// OKX's live offer.
pub(super) static LIVE: &dyn Live = &Spoken::<Speech> { offers: &OFFERS, dialect: Speech::default };

/// Trades of a frame wait here until all of it is read.
#[derive(Default)]
struct Speech {
    trades: Vec<TradeRow<'static>>,
    books: Books,
}

impl Dialect for Speech {
    fn exchange(&self) -> &'static str {
        "okx"
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

    fn counts_contracts(&self, topic: &Topic) -> bool {
        topic.series.pair().market() != Market::Spot
    }

    fn symbol(&self, topic: &Topic) -> Result<String, NotOffered> {
        let symbol = topic.instrument.symbol.clone();
        // Candles have a column in the base asset.
        let is_counted = self.counts_contracts(topic) && topic.series.kind() != Kind::Ohlc;
        if is_counted && topic.instrument.contract.is_none() {
            return Err(NotOffered::Sizeless { symbol });
        }
        Ok(symbol)
    }

    fn message(&self, verb: Verb, request: u64, topics: &[&Address]) -> String {
        let arg = |topic: &&Address| {
            let symbol = serde_json::to_string(&topic.symbol).unwrap_or_default();
            format!(r#"{{"channel":"{}","instId":{symbol}}}"#, name(topic.channel))
        };
        let args: Vec<String> = topics.iter().map(arg).collect();
        format!(r#"{{"id":"{request}","op":"{}","args":[{}]}}"#, verb.word(), args.join(","))
    }

    fn has_pings(&self) -> bool {
        true
    }

    fn ping(&self, _: u64) -> Option<String> {
        Some("ping".to_owned())
    }

    fn read(&mut self, frame: &str, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
        // Trades as they come read in one go; whatever else there may be is read part by part.
        if let Some((symbol, data)) = trades_of(frame) {
            let place = frame_handler.find(symbol, Channel::Trades);
            if place.is_some_and(|place| self.gather_trades(place, symbol, data, frame_handler)) {
                self.put_trades(place, data, frame_handler);
                return Ok(());
            }
        }
        if frame == "pong" {
            return Ok(());
        }
        let Members(head): Members<Frame<'_>> = serde_json::from_str(frame)?;
        match (&head.arg, head.data) {
            (Some(Members(arg)), Some(data)) => self.rows(arg, &head.action, data.get(), frame_handler),
            _ => answer(&head, frame_handler),
        }
    }
}

/// The symbol and the rows of a frame of trades, as nearly all of them are set out.
fn trades_of(frame: &str) -> Option<(&str, &str)> {
    let rest = frame.strip_prefix(r#"{"arg":{"channel":""#)?.strip_prefix(TRADES)?;
    let (symbol, rest) = rest.strip_prefix(r#"","instId":""#)?.split_once('"')?;
    let data = rest.strip_prefix(r#"},"data":"#)?.strip_suffix('}')?;
    (!symbol.contains('\\')).then_some((symbol, data))
}

impl Speech {
    fn rows(
        &mut self,
        arg: &Arg<'_>,
        action: &str,
        data: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        let symbol = &*arg.instrument;
        let channel = match arg.kept() {
            Some(Kept::Book) => return self.books.read_data(action, symbol, data, frame_handler),
            Some(Kept::Rows(channel)) => channel,
            None => {
                if arg.is_known() {
                    frame_handler.unasked();
                } else if arg.channel.is_empty() {
                    return Err("it is of no channel".into());
                } else {
                    frame_handler.unknown();
                }
                return Ok(());
            }
        };
        let Some(place) = frame_handler.find(symbol, channel) else {
            frame_handler.unasked();
            return Ok(());
        };
        match channel {
            Channel::Trades => self.read_trades(place, symbol, data, frame_handler),
            _ => read_candles(place, channel, data, frame_handler),
        }
    }

    fn read_trades(
        &mut self,
        place: Place,
        symbol: &str,
        data: &str,
        frame_handler: &mut FrameHandler<'_>,
    ) -> Result<(), Unreadable> {
        if self.gather_trades(place, symbol, data, frame_handler) {
            self.put_trades(Some(place), data, frame_handler);
            return Ok(());
        }
        // One that cannot be true costs itself and no other.
        let rows: Vec<&RawValue> = serde_json::from_str(data)?;
        for row in rows {
            match serde_json::from_str::<Members<Fill<'_>>>(row.get()) {
                Ok(Members(fill)) if fill.instrument() == symbol => {
                    let trade = traded(&fill, place, frame_handler);
                    if let Some(Ok(trade)) = &trade {
                        frame_handler.hear(Ok(trade.ts));
                    }
                    trade.into_iter().for_each(|trade| frame_handler.trade(place, trade, row.get()));
                }
                Ok(_) => frame_handler.lose(row.get(), "its instrument is another than its channel's"),
                Err(_) => frame_handler.misshapen(place, Channel::Trades, row.get()),
            }
        }
        Ok(())
    }

    /// Reads all trades of an array; `false` if one of them cannot be read or cannot be true.
    fn gather_trades(
        &mut self,
        place: Place,
        symbol: &str,
        data: &str,
        frame_handler: &FrameHandler<'_>,
    ) -> bool {
        self.trades.clear();
        let is_whole =
            each_row(data, |Members(fill): Members<Fill<'_>>| match traded(&fill, place, frame_handler) {
                Some(Ok(trade)) if fill.instrument() == symbol && frame_handler.may_be_traded(&trade) => {
                    self.trades.push(trade);
                    true
                }
                _ => false,
            });
        is_whole.unwrap_or(false)
    }

    fn put_trades(&mut self, place: Option<Place>, data: &str, frame_handler: &mut FrameHandler<'_>) {
        let Some(place) = place else { return };
        if !self.trades.is_sorted_by_key(Record::number) {
            self.trades.sort_by_key(Record::number);
        }
        for trade in self.trades.drain(..) {
            frame_handler.hear(Ok(trade.ts));
            frame_handler.trade(place, Ok(trade), data);
        }
    }
}

/// The trade of a topic's row; none where the topic is gone.
fn traded(
    fill: &Fill<'_>,
    place: Place,
    frame_handler: &FrameHandler<'_>,
) -> Option<Result<TradeRow<'static>, RowFault>> {
    let (market, instrument) = (frame_handler.market(place)?, frame_handler.instrument(place)?);
    Some(fill.trade(Row(0), market, instrument))
}

/// Frames of candles have no time of their own: a candle that is closed tells that its end is past, one that runs that its
/// beginning is.
fn read_candles(
    place: Place,
    channel: Channel,
    data: &str,
    frame_handler: &mut FrameHandler<'_>,
) -> Result<(), Unreadable> {
    let rows: Vec<&RawValue> = serde_json::from_str(data)?;
    for row in rows {
        let (Ok(Columns(bar)), Some(market)) =
            (serde_json::from_str::<Columns<LiveBar<'_>>>(row.get()), frame_handler.market(place))
        else {
            frame_handler.misshapen(place, channel, row.get());
            continue;
        };
        let read = bar.candle(Row(0), market);
        let is_closed = matches!(read, Ok((_, true)));
        let opens = read.as_ref().ok().map(|(candle, _)| candle.ts);
        frame_handler.candle(place, read.map(|(candle, _)| candle), is_closed, row.get());
        opens.into_iter().for_each(|opens| frame_handler.hear_candle(place, opens, is_closed));
    }
    Ok(())
}

/// The answer to a request, or a word of its own.
fn answer(head: &Frame<'_>, frame_handler: &mut FrameHandler<'_>) -> Result<(), Unreadable> {
    let request = head.id.get().and_then(|id| u64::try_from(id).ok());
    let words = match (&*head.msg, &*head.code) {
        (msg, "") => msg.to_owned(),
        (msg, code) => format!("{msg} (code {code})"),
    };
    match (&*head.event, &*head.code) {
        ("subscribe", _) => {
            let Some(Members(arg)) = &head.arg else { return Err("it grants nothing".into()) };
            let place = match arg.kept() {
                Some(Kept::Book) => frame_handler.find_book(&arg.instrument),
                Some(Kept::Rows(channel)) => frame_handler.find(&arg.instrument, channel),
                None => None,
            };
            match place {
                Some(place) => frame_handler.acknowledge(place),
                None => frame_handler.unasked(),
            }
        }
        ("unsubscribe", _) => {}
        ("error", TOO_MANY) => frame_handler.slow_down(&words),
        ("error", _) => {
            let names = |word: &str| head.msg.split(|c: char| !is_of_name(c)).any(|own| own == word);
            let is_named = |address: &Address| names(&address.symbol) && names(&name(address.channel));
            frame_handler.refused(request, |slot| is_named(&slot.address), false, &words);
        }
        ("notice", _) => frame_handler.closes(&words),
        (event, _) if event.starts_with("channel-conn-count") => frame_handler.unasked(),
        ("", _) => return Err("it is of no documented kind".into()),
        _ => frame_handler.unknown(),
    }
    Ok(())
}

/// The code of too many requests.
const TOO_MANY: &str = "60014";

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}
