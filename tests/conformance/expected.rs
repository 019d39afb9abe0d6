//! The rows tests expect, by what tells them apart; whatever an exchange does not say is unknown.

use dccd::model::{BookLevel, Candle, Micros, Side, Trade};

use crate::read::RECEIVED;

/// A candle by its open, high, low and close, without a quote volume or a number of trades.
pub(crate) fn candle(ts: Micros, [open, high, low, close]: [f64; 4], volume: f64) -> Candle {
    Candle { ts, open, high, low, close, volume, quote_volume: None, trades: None }
}

/// A trade as it comes over REST.
pub(crate) fn trade(ts: Micros, id: &str, price: f64, amount: f64, side: Side) -> Trade<'_> {
    Trade { ts, ts_recv: None, id: Some(id), price, amount, side: Some(side) }
}

/// A level of a snapshot without a sequence or a number of orders.
pub(crate) fn level(ts: Micros, side: Side, price: f64, amount: f64) -> BookLevel {
    let (ord, ts_recv, is_snapshot) = (0, RECEIVED, true);
    BookLevel { ord, ts, ts_recv, seq: None, is_snapshot, side, price, amount, count: None }
}
