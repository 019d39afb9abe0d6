//! What an exchange tells of a row: columns it does not have stay unknown.

use dccd::model::{Batch, Candle, Kind};

/// The exchanges that tell no quote amount of a candle, and those that tell no number of trades.
const NO_QUOTE_VOLUME: [&str; 1] = ["coinbase"];
const NO_TRADES: [&str; 2] = ["bybit", "coinbase"];

/// Candles as an exchange tells them.
pub(crate) fn candles(exchange: &str, whole: &Batch) -> Batch {
    let mut told = Batch::of(Kind::Ohlc);
    let mut rows = told.candles_mut();
    for candle in whole.candles().iter() {
        rows.push(Candle {
            quote_volume: candle.quote_volume.filter(|_| !NO_QUOTE_VOLUME.contains(&exchange)),
            trades: candle.trades.filter(|_| !NO_TRADES.contains(&exchange)),
            ..candle
        });
    }
    told
}
