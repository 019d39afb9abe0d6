//! Candles.

use super::columns::{f64s, i64s, maybe, push_f64, push_i64};
use crate::model::{Batch, Kind, Micros};

/// One candle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Its open time.
    pub ts: Micros,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded amount of the base asset.
    pub volume: f64,
    /// Traded amount of the quote asset, if the exchange sends it.
    pub quote_volume: Option<f64>,
    /// Number of trades, if the exchange sends it.
    pub trades: Option<i64>,
}

/// A view of candles, for appending or reading.
pub struct Candles<B>(B);

impl Batch {
    /// The candles of a batch of [`Kind::Ohlc`], to append to.
    ///
    /// # Panics
    /// If the batch is of another kind.
    pub fn candles_mut(&mut self) -> Candles<&mut Batch> {
        assert_eq!(self.kind, Kind::Ohlc);
        Candles(self)
    }

    /// The candles of a batch of [`Kind::Ohlc`], to read.
    ///
    /// # Panics
    /// If the batch is of another kind.
    #[must_use]
    pub fn candles(&self) -> Candles<&Batch> {
        assert_eq!(self.kind, Kind::Ohlc);
        Candles(self)
    }
}

impl Candles<&mut Batch> {
    /// Appends a candle.
    pub fn push(&mut self, row: Candle) {
        let [ts, open, high, low, close, volume, quote_volume, trades] = &mut self.0.columns[..] else {
            unreachable!("a candle has eight columns")
        };
        push_i64(ts, row.ts.0);
        push_f64(open, row.open);
        push_f64(high, row.high);
        push_f64(low, row.low);
        push_f64(close, row.close);
        push_f64(volume, row.volume);
        maybe(quote_volume, row.quote_volume, push_f64, 0.0);
        maybe(trades, row.trades, push_i64, 0);
    }
}

impl<'a> Candles<&'a Batch> {
    /// The candle at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Candle {
        let columns = &self.0.columns;
        Candle {
            ts: Micros(i64s(&columns[0])[index]),
            open: f64s(&columns[1])[index],
            high: f64s(&columns[2])[index],
            low: f64s(&columns[3])[index],
            close: f64s(&columns[4])[index],
            volume: f64s(&columns[5])[index],
            quote_volume: columns[6].has(index).then(|| f64s(&columns[6])[index]),
            trades: columns[7].has(index).then(|| i64s(&columns[7])[index]),
        }
    }

    /// Every candle in order.
    pub fn iter(&self) -> impl Iterator<Item = Candle> + 'a {
        let rows = Candles(self.0);
        (0..self.0.len()).map(move |index| rows.get(index))
    }
}
