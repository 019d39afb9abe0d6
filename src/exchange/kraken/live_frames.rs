//! The frames of Kraken's WebSockets, version 2.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::profile::SPANS;
use crate::exchange::live::address::Channel;
use crate::exchange::live::dialect::Unreadable;
use crate::exchange::reading::record::{TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::model::Candle;

/// The parts that tell frames apart: their channel, or the method they answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) channel: Text<'a>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    pub(super) timestamp: Text<'a>,
    pub(super) method: Text<'a>,
    pub(super) success: Option<bool>,
    pub(super) result: Option<&'a RawValue>,
    pub(super) error: Text<'a>,
    /// Too many messages are answered in another form.
    #[serde(rename = "Error")]
    pub(super) rate_error: Text<'a>,
    pub(super) symbol: Text<'a>,
    pub(super) req_id: Int,
    pub(super) time_out: Text<'a>,
}

impl<'a> Frame<'a> {
    pub(super) fn data(&self) -> Result<&'a str, Unreadable> {
        Ok(self.data.ok_or("it has no data")?.get())
    }
}

/// A channel that was granted.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Granted<'a> {
    #[serde(borrow)]
    channel: Text<'a>,
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    interval: Int,
}

impl Granted<'_> {
    pub(super) fn channel(&self) -> Option<Channel> {
        match &*self.channel {
            "trade" => Some(Channel::Trades),
            "ohlc" => candles(self.interval),
            _ => None,
        }
    }
}

/// The state of the whole exchange.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct System<'a> {
    #[serde(borrow)]
    pub(super) system: Text<'a>,
}

/// A JSON number by its text.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
struct Written<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl Written<'_> {
    fn num(self) -> Num {
        self.0.map_or_else(Num::default, |raw| Num::written(raw.get()))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireTrade<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    /// The taker's.
    #[serde(borrow)]
    side: Text<'a>,
    #[serde(borrow)]
    price: Written<'a>,
    #[serde(borrow)]
    qty: Written<'a>,
    trade_id: Int,
    #[serde(borrow)]
    timestamp: Text<'a>,
}

impl WireTrade<'_> {
    pub(super) fn trade(&self, row: Row) -> Result<TradeRow<'static>, RowFault> {
        Ok(TradeRow {
            ts: row.rfc3339(&self.timestamp)?,
            id: TradeId::Number(row.id(self.trade_id)?),
            price: row.positive(self.price.num())?,
            amount: row.positive(self.qty.num())?,
            side: Some(row.side(&self.side, "buy", "sell")?),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireCandle<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(borrow)]
    open: Written<'a>,
    #[serde(borrow)]
    high: Written<'a>,
    #[serde(borrow)]
    low: Written<'a>,
    #[serde(borrow)]
    close: Written<'a>,
    trades: Int,
    #[serde(borrow)]
    volume: Written<'a>,
    #[serde(borrow)]
    interval_begin: Text<'a>,
    interval: Int,
}

impl WireCandle<'_> {
    pub(super) fn channel(&self) -> Option<Channel> {
        candles(self.interval)
    }

    pub(super) fn candle(&self, row: Row) -> Result<Candle, RowFault> {
        row.candle(Candle {
            ts: row.rfc3339(&self.interval_begin)?,
            open: row.num(self.open.num())?,
            high: row.num(self.high.num())?,
            low: row.num(self.low.num())?,
            close: row.num(self.close.num())?,
            volume: row.positive(self.volume.num())?,
            // As over REST: the mean price is rounded.
            quote_volume: None,
            trades: row.count_if_any(self.trades)?,
        })
    }
}

/// The candles of so many minutes.
fn candles(interval: Int) -> Option<Channel> {
    let secs = interval.get()?.checked_mul(60)?;
    let own = SPANS.iter().find(|own| i64::from(own.secs) == secs)?;
    Some(Channel::Candles(own.span()))
}
