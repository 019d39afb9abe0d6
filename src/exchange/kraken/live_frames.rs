//! The frames of Kraken's WebSockets, version 2.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
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
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    data: Data<'a>,
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
    /// The rows of this frame, as an array.
    pub(super) fn data(&self, frame: &'a str) -> Result<&'a str, Unreadable> {
        let array = self.data.0.and_then(|ends| ends.map_or(Some("[]"), |ends| array(frame, ends)));
        array.ok_or_else(|| "its data is no array of rows".into())
    }
}

/// The first and the last row of an array. To keep all of it as one value would take room for each frame.
#[derive(Default)]
struct Data<'a>(Option<Option<(&'a str, &'a str)>>);

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Ends)
    }
}

struct Ends;

impl<'de> Visitor<'de> for Ends {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut ends: Option<(&'de str, &'de str)> = None;
        while let Some(row) = seq.next_element::<&'de RawValue>()? {
            ends = Some((ends.map_or(row.get(), |(first, _)| first), row.get()));
        }
        Ok(Data(Some(ends)))
    }

    /// Some channels that are not listened to have an object there.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Data(None))
    }
}

/// The array that holds two rows of a frame and those between them.
fn array<'a>(frame: &'a str, (first, last): (&'a str, &'a str)) -> Option<&'a str> {
    let place = |row: &str| (row.as_ptr() as usize).checked_sub(frame.as_ptr() as usize);
    let open = frame.get(..place(first)?)?.rfind('[')?;
    let behind = place(last)? + last.len();
    let close = behind + frame.get(behind..)?.find(']')?;
    frame.get(open..=close)
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
    pub(super) fn is_book(&self) -> bool {
        &*self.channel == "book"
    }

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
