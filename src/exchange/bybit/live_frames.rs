//! The frames of Bybit's sockets.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::profile::SPANS;
use crate::exchange::live::address::{Address, Channel};
use crate::exchange::reading::record::TradeRow;
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::wire::{Contracts, Int, Num, Text};
use crate::exchange::{Instrument, OddFault};
use crate::model::{Candle, Span};

/// Every message there is, as far as it is used: rows of a topic, or the answer to a request.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) topic: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) ts: Int,
    /// The time of the matching engine, of books.
    pub(super) cts: Int,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    pub(super) success: Option<bool>,
    #[serde(borrow)]
    pub(super) ret_msg: Text<'a>,
    pub(super) req_id: Int,
    #[serde(borrow)]
    pub(super) op: Text<'a>,
}

impl Frame<'_> {
    /// When the rows were so: of books the time of the matching engine.
    pub(super) fn told(&self) -> Int {
        if self.cts.get().is_some() { self.cts } else { self.ts }
    }
}

const TRADES: &str = "publicTrade";
const CANDLES: &str = "kline";
const BOOK: &str = "orderbook";

/// The channel and the symbol of a topic's name, where its rows are listened to.
pub(super) fn named(topic: &str) -> Option<(Channel, &str)> {
    let (kind, rest) = topic.split_once('.')?;
    match kind {
        TRADES => Some((Channel::Trades, rest)),
        CANDLES => {
            let (word, symbol) = rest.split_once('.')?;
            let own = SPANS.iter().find(|own| own.word == word)?;
            Some((Channel::Candles(own.span()), symbol))
        }
        BOOK => {
            let (depth, symbol) = rest.split_once('.')?;
            Some((Channel::Book(depth.parse().ok()?), symbol))
        }
        _ => None,
    }
}

/// Bybit's name of a topic.
pub(super) fn name(address: &Address) -> String {
    let symbol = &address.symbol;
    match address.channel {
        Channel::Trades => format!("{TRADES}.{symbol}"),
        Channel::Candles(span) => format!("{CANDLES}.{}.{symbol}", word(span)),
        Channel::Book(depth) => format!("{BOOK}.{depth}.{symbol}"),
    }
}

fn word(span: Span) -> &'static str {
    SPANS.iter().find(|own| own.span() == span).map_or("", |own| own.word)
}

/// Topics that are documented, as their names begin.
const KNOWN: [&str; 14] = [
    TRADES,
    CANDLES,
    BOOK,
    "tickers",
    "liquidation",
    "allLiquidation",
    "kline_lt",
    "tickers_lt",
    "lt",
    "insurance",
    "priceLimit",
    "adlAlert",
    "rpi",
    "system",
];

/// Whether a topic is documented; others may be listened to over the same address.
pub(super) fn is_known(topic: &str) -> bool {
    topic.split('.').next().is_some_and(|kind| KNOWN.contains(&kind))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct LiveTrade<'a> {
    #[serde(borrow)]
    i: Text<'a>,
    #[serde(rename = "T")]
    time: Int,
    #[serde(borrow)]
    pub(super) s: Text<'a>,
    p: Num,
    #[serde(borrow)]
    v: Contracts<'a>,
    /// The taker's.
    #[serde(borrow, rename = "S")]
    side: Text<'a>,
}

impl<'a> LiveTrade<'a> {
    /// The trade; where `instrument` is given its size counts contracts of it.
    pub(super) fn trade(self, row: Row, instrument: Option<&Instrument>) -> Result<TradeRow<'a>, RowFault> {
        let price = row.positive(self.p)?;
        let amount = match (instrument, self.v.count()) {
            (Some(instrument), Some(count)) => {
                let amount = instrument.base_amount(row.0, count, price);
                row.positive(Num::of(amount.map_err(|error| row.impossible(error))?))?
            }
            _ => row.positive(self.v.num())?,
        };
        Ok(TradeRow {
            ts: row.instant_millis(self.time)?,
            id: row.word_id(self.i)?,
            price,
            amount,
            side: Some(row.side(&self.side, "Buy", "Sell")?),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct LiveKline {
    start: Int,
    open: Num,
    high: Num,
    low: Num,
    close: Num,
    volume: Num,
    turnover: Num,
    /// Whether it is closed.
    confirm: Option<bool>,
}

impl LiveKline {
    /// The candle, and whether it is closed. Of inverse contracts the volume counts dollars and the turnover the base
    /// asset.
    pub(super) fn candle(&self, row: Row, is_inverse: bool) -> Result<(Candle, bool), RowFault> {
        let (volume, turnover) = (self.volume, self.turnover);
        let (base, quote) = if is_inverse { (turnover, volume) } else { (volume, turnover) };
        let candle = row.candle(Candle {
            ts: row.instant_millis(self.start)?,
            open: row.num(self.open)?,
            high: row.num(self.high)?,
            low: row.num(self.low)?,
            close: row.num(self.close)?,
            volume: row.positive(base)?,
            quote_volume: row.positive_if_any(quote)?,
            trades: None,
        })?;
        let is_closed =
            self.confirm.ok_or_else(|| row.fault(OddFault::Value, "it does not say whether it is closed"))?;
        Ok((candle, is_closed))
    }
}
