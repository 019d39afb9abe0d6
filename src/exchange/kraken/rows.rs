//! The rows of Kraken's pages: candles, trades and levels of a book.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::cursor::next_page;
use super::envelope::{Keyed, OfPair, read_result};
use crate::exchange::error::malformed;
use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::record::{Record, TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Refused, Source, Taken, WireRow};
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::exchange::{Answer, Decimal, Exchange, Next, OddFault, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, Micros};

/// `[open time, open, high, low, close, vwap, volume, trades]`.
#[derive(Deserialize)]
pub(super) struct Ohlc(Int, Num, Num, Num, Num, IgnoredAny, Num, Int);

/// `[price, volume, time, "b" or "s", "m" or "l", miscellaneous, id]`; the side is the taker's.
#[derive(Deserialize)]
struct Fill<'a>(
    Num,
    Num,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] Text<'a>,
    IgnoredAny,
    IgnoredAny,
    Int,
);

#[derive(Deserialize)]
struct Depth {
    asks: Vec<WireLevel>,
    bids: Vec<WireLevel>,
}

/// `[price, amount, time of the level in seconds]`.
type WireLevel = Columns<(Num, Num)>;

pub(super) fn parse_trades(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let mut pair = OfPair::default();
    let rows = source.read::<Columns<Fill<'_>>>(&mut pair)?;
    let cursor = pair.cursor.ok_or_else(|| malformed(source.body, "its `last` is no cursor"))?;
    let newest = rows.kept.iter().map(Record::ts).max();
    let full = rows.came >= source.page.rows as usize;
    let next = next_page(source.page.ask, newest, cursor, full)?;
    Ok(rows.append(next, out))
}

impl WireRow<'_> for Ohlc {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_secs(self.0)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        let Ohlc(_, open, high, low, close, _, volume, trades) = self;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            // The mean price is rounded, so that its product with the volume is no amount that was traded.
            quote_volume: None,
            trades: row.count_if_any(trades)?,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill<'a> {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        micros(self.2).ok_or_else(|| row.fault(OddFault::Time, "its time is absent or no number"))
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let Fill(price, amount, _, side, _, _, id) = self;
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(id)?),
            price: row.positive(price)?,
            amount: row.positive(amount)?,
            side: Some(row.side(&side, "b", "s")?),
        }))
    }
}

/// The microsecond a number of seconds lies in. By its digits: a float has not all of them.
fn micros(secs: &RawValue) -> Option<Micros> {
    let digits = secs.get().trim_matches('"');
    Decimal::parse(digits)?.millionths().map(Micros)
}

pub(super) fn parse_depth(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let Keyed { rows: depth, .. }: Keyed<Depth, IgnoredAny> = read_result(exchange, answer.body)?;
    let side = |levels: Vec<WireLevel>| {
        let level = |(row, Columns((price, amount)))| Level::read(Row(row), price, amount);
        levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()
    };
    // Levels say when they changed; the book says no time of its own.
    let (ts, received) = (answer.received, answer.received);
    let snapshot = Snapshot { ts, received, seq: None, depth: page.rows };
    snapshot.append(side(depth.bids)?, side(depth.asks)?, out)?;
    Ok(Next::ByTime.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_to_their_microsecond_and_not_rounded() {
        let read = |json: &str| micros(serde_json::from_str(json).unwrap());
        for json in ["1762795433.9717445", "\"1762795433.9717445\"", "1.7627954339717445e9"] {
            assert_eq!(read(json), Some(Micros(1_762_795_433_971_744)), "{json}");
        }
        assert_eq!(read("1688669602"), Some(Micros(1_688_669_602_000_000)));
        for json in ["\"\"", "null", "-1.5", "1e300", "99999999999999999999", "[1]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
