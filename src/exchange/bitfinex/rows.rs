//! The rows of Bitfinex's pages: candles, trades and levels of a book, all bare arrays.

use serde::Deserialize;

use crate::exchange::reading::book_rows::{Level, Snapshot};
use crate::exchange::reading::decode::read;
use crate::exchange::reading::record::{TradeId, TradeRow};
use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::rows::{Refused, Taken, WireRow};
use crate::exchange::reading::shape::Columns;
use crate::exchange::reading::wire::{Int, Num};
use crate::exchange::{Answer, Exchange, Next, OddFault, Page, ParseError, Parsed};
use crate::model::{Batch, Candle, Micros, Side};

/// `[time, open, close, high, low, volume]`: close comes before high and low.
#[derive(Deserialize)]
pub(super) struct Bar(Int, Num, Num, Num, Num, Num);

/// `[id, time, amount, price]`: what was sold is negative.
#[derive(Deserialize)]
pub(super) struct Fill(Int, Int, Num, Num);

/// `[price, orders, amount]`: asks are negative.
type WireLevel = Columns<(Num, Int, Num)>;

impl WireRow<'_> for Bar {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        let Bar(_, open, close, high, low, volume) = self;
        Ok(Taken::Row(row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            quote_volume: None,
            trades: None,
        })?))
    }
}

impl<'a> WireRow<'a> for Fill {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        row.instant_millis(self.1)
    }

    fn take(self, row: Row, ts: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        let Fill(id, _, amount, price) = self;
        let side = match row.num(amount)? {
            amount if amount < 0.0 => Side::Sell,
            amount if amount > 0.0 => Side::Buy,
            _ => return Err(row.fault(OddFault::Value, "its amount is zero, which has no side").into()),
        };
        Ok(Taken::Row(TradeRow {
            ts,
            id: TradeId::Number(row.id(id)?),
            price: row.positive(price)?,
            amount: row.positive(amount.size())?,
            side: Some(side),
        }))
    }
}

pub(super) fn parse_book(
    exchange: &dyn Exchange,
    page: &Page,
    answer: &Answer<'_>,
    out: &mut Batch,
) -> Result<Parsed, ParseError> {
    let rows: Vec<WireLevel> = read(exchange, answer.body)?;
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    for (row, Columns((price, orders, amount))) in rows.into_iter().enumerate() {
        let (row, is_ask) = (Row(row), amount.get().is_some_and(|amount| amount < 0.0));
        let side = if is_ask { &mut asks } else { &mut bids };
        side.push(Level::read(row, price, amount.size())?.with_count(row, orders)?);
    }
    // The answer carries no time of its own.
    let (ts, received) = (answer.received, answer.received);
    let snapshot = Snapshot { ts, received, seq: None, depth: page.rows };
    snapshot.append(bids, asks, out)?;
    Ok(Next::ByTime.into())
}
