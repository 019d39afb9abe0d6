//! The file layouts of Python dccd 2.x and 3.x: exchanges, column names, and the unit of their instants.
//!
//! | | 2.x | 3.x |
//! |---|---|---|
//! | `TS` | seconds, also with a fraction | nanoseconds |
//! | candles | open high low close volume quoteVolume weightedAverage | open high low close volume quote_volume trades |
//! | trades | tid price amount type | price amount side tid |
//! | order book | side price amount count, or side rank price cum_amount vwab | side price amount count is_snapshot |
//! | funding | - | rate mark_price |
//! | open interest | - | open_interest open_interest_value |
//!
//! 3.x merges its rows into 2.x files without converting the seconds, so the version is determined row by row.

use parquet::basic::TimeUnit;

use crate::import::raw::{RawFile, number, whole};
use crate::model::{Column, Kind, Micros, Values};

/// The exchanges that the two versions supported.
pub(crate) const EXCHANGES: [&str; 8] =
    ["binance", "bitfinex", "bitmex", "bybit", "coinbase", "kraken", "krakenfutures", "okx"];

/// The generation of the program that wrote a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Era {
    Two,
    Three,
}

/// The column with the instants.
pub(crate) const TS: &str = "TS";

/// Columns that only 2.x wrote.
const OF_TWO: [&str; 6] = ["quoteVolume", "weightedAverage", "type", "rank", "cum_amount", "vwab"];

/// How to read the instants of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    unit: Option<TimeUnit>,
    era: Era,
}

impl Clock {
    pub(crate) fn of(file: &RawFile) -> Self {
        let era = if OF_TWO.iter().any(|name| file.has(name)) { Era::Two } else { Era::Three };
        Clock { unit: file.time_unit(TS), era }
    }

    /// The instant of a row and the version that wrote it. `None` if it has no instant.
    pub(crate) fn read(&self, ts: &Column, row: usize) -> Option<(Micros, Era)> {
        if let Some(unit) = self.unit {
            return Some((micros(whole(ts, row)?, unit), self.era));
        }
        if let Values::F64(_) = &ts.values {
            let value = number(ts, row)?;
            if value.abs() < 1e11 {
                return Some((Micros((value * 1e6).round() as i64), Era::Two));
            }
        }
        let value = whole(ts, row)?;
        Some(match value.unsigned_abs() {
            0..100_000_000_000 => (Micros::from_secs(value), Era::Two),
            100_000_000_000..100_000_000_000_000 => (Micros::from_millis(value), self.era),
            100_000_000_000_000..100_000_000_000_000_000 => (Micros(value), self.era),
            _ => (micros(value, TimeUnit::NANOS), Era::Three),
        })
    }
}

/// Rounded to the nearest microsecond: 3.x converted float seconds to nanoseconds, which are off by up to 250.
fn micros(value: i64, unit: TimeUnit) -> Micros {
    match unit {
        TimeUnit::MILLIS => Micros::from_millis(value),
        TimeUnit::MICROS => Micros(value),
        TimeUnit::NANOS => Micros(value.saturating_add(500).div_euclid(1_000)),
    }
}

/// The columns that identify a file of this kind as theirs.
pub(crate) fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Ohlc => &[TS, "open", "high", "low", "close", "volume"],
        Kind::Trades => &[TS, "price", "amount"],
        Kind::OrderBook => &[TS, "side", "price"],
        Kind::Funding => &[TS, "rate"],
        Kind::OpenInterest => &[TS, "open_interest"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: Values) -> Column {
        Column { values, present: None }
    }

    #[test]
    fn seconds_are_of_2_and_nanoseconds_of_3_also_side_by_side() {
        let clock = Clock { unit: None, era: Era::Three };
        let ts = column(Values::I64(vec![1_704_067_200, 1_704_067_200_123_456_789]));
        assert_eq!(clock.read(&ts, 0), Some((Micros(1_704_067_200_000_000), Era::Two)));
        assert_eq!(clock.read(&ts, 1), Some((Micros(1_704_067_200_123_457), Era::Three)));
        let float = column(Values::F64(vec![1_704_067_200.123, f64::NAN]));
        assert_eq!(clock.read(&float, 0), Some((Micros(1_704_067_200_123_000), Era::Two)));
        assert_eq!(clock.read(&float, 1), None);
    }

    #[test]
    fn instants_whose_type_says_their_unit_are_read_in_it() {
        let two = Clock { unit: Some(TimeUnit::MILLIS), era: Era::Two };
        let ts = column(Values::I64(vec![1_704_067_200_123]));
        assert_eq!(two.read(&ts, 0), Some((Micros(1_704_067_200_123_000), Era::Two)));
    }
}
