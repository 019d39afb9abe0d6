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

impl Bar {
    /// Its open.
    pub(super) fn opens(&self, row: Row) -> Result<Micros, RowFault> {
        row.instant_millis(self.0)
    }

    pub(super) fn candle(self, row: Row) -> Result<Candle, RowFault> {
        let ts = self.opens(row)?;
        let Bar(_, open, close, high, low, volume) = self;
        row.candle(Candle {
            ts,
            open: row.num(open)?,
            high: row.num(high)?,
            low: row.num(low)?,
            close: row.num(close)?,
            volume: row.positive(volume)?,
            quote_volume: None,
            trades: None,
        })
    }
}

impl Fill {
    /// Its instant.
    pub(super) fn at(&self, row: Row) -> Result<Micros, RowFault> {
        row.instant_millis(self.1)
    }

    pub(super) fn trade(self, row: Row) -> Result<TradeRow<'static>, RowFault> {
        let ts = self.at(row)?;
        let Fill(id, _, amount, price) = self;
        let side = match row.num(amount)? {
            amount if amount < 0.0 => Side::Sell,
            amount if amount > 0.0 => Side::Buy,
            _ => return Err(row.fault(OddFault::Value, "its amount is zero, which has no side")),
        };
        Ok(TradeRow {
            ts,
            id: TradeId::Number(row.id(id)?),
            price: row.positive(price)?,
            amount: row.positive(amount.size())?,
            side: Some(side),
        })
    }
}

impl WireRow<'_> for Bar {
    type Record = Candle;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        self.opens(row)
    }

    fn take(self, row: Row, _: Micros, _: &Page) -> Result<Taken<Candle>, Refused> {
        Ok(Taken::Row(self.candle(row)?))
    }
}

impl<'a> WireRow<'a> for Fill {
    type Record = TradeRow<'a>;

    fn ts(&self, row: Row, _: &Page) -> Result<Micros, RowFault> {
        self.at(row)
    }

    fn take(self, row: Row, _: Micros, _: &Page) -> Result<Taken<TradeRow<'a>>, Refused> {
        Ok(Taken::Row(self.trade(row)?))
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
