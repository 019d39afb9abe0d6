//! The rows of Coinbase Exchange's pages: candles, trades and levels of a book.

use serde::Deserialize;

use crate::exchange::error::malformed;
use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::decode::read;
use crate::exchange::reading::record::{Record, TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Bare, Refused, Source, Taken, WireRow};
use crate::exchange::reading::shape::{Columns, Members};
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::exchange::{Answer, Ask, Exchange, Next, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, Micros};

/// `[time, low, high, open, close, volume]`: low and high come before open.
#[derive(Deserialize)]
pub(super) struct WireCandle(Int, Num, Num, Num, Num, Num);

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTrade<'a> {
    trade_id: Int,
    /// The side of the order that was in the book.
    #[serde(borrow)]
    side: Text<'a>,
    size: Num,
    price: Num,
    #[serde(borrow)]
    time: Text<'a>,
}

/// `[price, size, number of orders]`.
type WireLevel = Columns<(Num, Num, Int)>;

#[derive(Deserialize)]
struct WireBook {
    sequence: Int,
    bids: Vec<WireLevel>,
    asks: Vec<WireLevel>,
}

impl WireRow<'_> for WireCandle {
    type Record = Candle;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_secs(self.0)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        let WireCandle(_, low, high, open, close, volume) = self;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            // It tells neither; they stay unknown.
            quote_volume: None,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for WireTrade<'a> {
    type Record = TradeRow<'a>;

    #[inline]
    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.rfc3339(&self.time)
    }

    #[inline]
    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(self.trade_id)?),
            price: row.positive(self.price)?,
            amount: row.positive(self.size)?,
            // It names the side of the maker; the taker is the other one.
            side: Some(row.side(&self.side, "sell", "buy")?),
        }))
    }
}

/// Ids grow with time.
pub(super) fn parse_trades(source: Source<'_, '_>, out: &mut Batch) -> Result<Parsed, ParseError> {
    let rows = source.read::<Members<WireTrade<'_>>>(&mut Bare)?;
    let ends = rows.kept.first().and_then(Record::number).zip(rows.kept.last().and_then(Record::number));
    // A page cut short lacks its oldest rows, after which the walk would not look; rows set aside are not lacking.
    if let (Ask::FromId(id), Some((oldest, _))) = (source.page.ask, ends)
        && oldest.saturating_sub(id.max(1)) > rows.odd().len() as u64
    {
        let reason = format!("it begins with trade {oldest}, trade {id} was asked for");
        return Err(malformed(source.body, reason));
    }
    Ok(rows.append(ends.map_or(Next::ByTime, |(_, newest)| Next::FromId(newest)), out))
}

pub(super) fn parse_book(
    exchange: &dyn Exchange,
    answer: &Answer<'_>,
    levels: u32,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let Members(wire) = read::<Members<WireBook>>(exchange, answer.body)?;
    let side = |levels: Vec<WireLevel>| {
        let level = |(row, Columns((price, size, orders)))| {
            Level::read(Row(row), price, size)?.with_count(Row(row), orders)
        };
        levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, RowFault>>()
    };
    let seq = Row(0).count_if_any(wire.sequence)?;
    let snapshot = Snapshot { ts: answer.received, received: answer.received, seq, depth: levels };
    snapshot.append(side(wire.bids)?, side(wire.asks)?, out)?;
    Ok(Next::ByTime.into())
}
