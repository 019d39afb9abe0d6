//! The levels of a book's snapshot, put in order, checked against one another and cut to the depth that was asked for.
//!
//! A book is true as a whole: a level without a price or an amount, one that is there twice and sides that cross
//! refuse all of it.

use crate::exchange::reading::row::{Row, RowFault};
use crate::exchange::reading::wire::{Int, Num};
use crate::exchange::{OddFault, Page, ParseError};
use crate::model::{Batch, BookLevel, Micros, Side};

/// One level of a side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Its price.
    pub price: f64,
    /// The amount resting there, in the base asset.
    pub amount: f64,
    /// The number of orders, if the exchange sends it.
    pub count: Option<i32>,
}

impl Level {
    /// A level that rests in a book: it has a price and an amount.
    ///
    /// # Errors
    /// When either is absent, zero, negative or no number.
    pub(crate) fn read(row: Row, price: Num, amount: Num) -> Result<Self, RowFault> {
        let above_zero = |num: Num, absent, other| match num.get() {
            Some(value) if value > 0.0 => Ok(value),
            _ => Err(row.fault(OddFault::Value, if num.is_absent() { absent } else { other })),
        };
        Ok(Level {
            price: above_zero(
                price,
                "a level of the book has no price",
                "a price of the book is zero, negative or no number",
            )?,
            amount: above_zero(
                amount,
                "a level of the book has no amount",
                "an amount of the book is zero, negative or no number",
            )?,
            count: None,
        })
    }

    /// The same with the number of its orders, where it is told.
    ///
    /// # Errors
    /// When that is no count.
    pub(crate) fn with_count(self, row: Row, orders: Int) -> Result<Self, RowFault> {
        let count = row.count_if_any(orders)?.map(i32::try_from).transpose();
        let count =
            count.map_err(|_| row.fault(OddFault::Value, "a level of the book has too many orders"))?;
        Ok(Level { count, ..self })
    }

    /// The same, where the amount counts contracts.
    ///
    /// # Errors
    /// When the listing does not say what a contract is.
    pub(crate) fn of_contracts(self, row: Row, page: &Page) -> Result<Self, ParseError> {
        Ok(Level { amount: page.instrument.base_amount(row.0, self.amount, self.price)?, ..self })
    }
}

/// The properties all levels of a snapshot share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    /// When the book was so, by the exchange where it says it.
    pub(crate) ts: Micros,
    pub(crate) received: Micros,
    pub(crate) seq: Option<i64>,
    /// The most levels of each side that are wanted.
    pub(crate) depth: u32,
}

impl Snapshot {
    /// Appends the best levels of both sides, in whatever order they came, bids first and the best of each side first.
    ///
    /// # Errors
    /// When there is no level, a price is there twice, or the best bid is not below the best ask.
    pub(crate) fn append(
        &self,
        mut bids: Vec<Level>,
        mut asks: Vec<Level>,
        out: &mut Batch,
    ) -> Result<(), ParseError> {
        if bids.is_empty() && asks.is_empty() {
            return Err(Row(0).impossible("the book has no level on either side".to_owned()).into());
        }
        order(&mut bids, "bid", |a, b| a > b)?;
        order(&mut asks, "ask", |a, b| a < b)?;
        if let (Some(bid), Some(ask)) = (bids.first(), asks.first())
            && bid.price >= ask.price
        {
            let reason =
                format!("the book is crossed: its best bid is {}, its best ask {}", bid.price, ask.price);
            return Err(Row(0).impossible(reason).into());
        }
        let depth = self.depth as usize;
        bids.truncate(depth);
        asks.truncate(depth);
        out.reserve(bids.len() + asks.len());
        let mut book = out.book_mut();
        for (side, levels) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for Level { price, amount, count } in levels {
                book.push(BookLevel {
                    ord: 0,
                    ts: self.ts,
                    ts_recv: self.received,
                    seq: self.seq,
                    is_snapshot: true,
                    side,
                    price,
                    amount,
                    count,
                });
            }
        }
        Ok(())
    }
}

/// Puts a side in order, best first; two levels of one price refuse it.
fn order(levels: &mut [Level], side: &str, is_better: impl Fn(f64, f64) -> bool) -> Result<(), ParseError> {
    let in_order = |levels: &[Level]| levels.windows(2).all(|pair| is_better(pair[0].price, pair[1].price));
    if in_order(levels) {
        return Ok(());
    }
    levels.sort_by(|a, b| {
        let ascending = a.price.total_cmp(&b.price);
        if is_better(1.0, 2.0) { ascending } else { ascending.reverse() }
    });
    match levels.windows(2).position(|pair| pair[0].price == pair[1].price) {
        None => Ok(()),
        Some(row) => {
            Err(Row(row).impossible(format!("the {side} at {} is there twice", levels[row].price)).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    const SNAPSHOT: Snapshot = Snapshot { ts: Micros(1), received: Micros(2), seq: Some(3), depth: 2 };

    fn levels(prices: &[f64]) -> Vec<Level> {
        prices.iter().map(|price| Level { price: *price, amount: 1.0, count: None }).collect()
    }

    fn append(bids: &[f64], asks: &[f64]) -> Result<Vec<(Side, f64)>, String> {
        let mut out = Batch::of(Kind::OrderBook);
        SNAPSHOT.append(levels(bids), levels(asks), &mut out).map_err(|error| error.to_string())?;
        Ok((0..out.len()).map(|row| out.book().get(row)).map(|level| (level.side, level.price)).collect())
    }

    #[test]
    fn the_best_levels_are_kept_in_whatever_order_they_came() {
        let best = [(Side::Bid, 9.0), (Side::Bid, 8.0), (Side::Ask, 10.0), (Side::Ask, 11.0)];
        for (bids, asks) in [([9.0, 8.0, 7.0], [10.0, 11.0, 12.0]), ([7.0, 9.0, 8.0], [12.0, 11.0, 10.0])] {
            assert_eq!(append(&bids, &asks).unwrap(), best);
        }
        assert_eq!(append(&[], &[10.0]).unwrap(), [(Side::Ask, 10.0)]);
    }

    #[test]
    fn doubled_levels_crossed_sides_and_none_refuse_the_book_and_say_so() {
        for (bids, asks, reason) in [
            (&[][..], &[][..], "the book has no level on either side"),
            (&[9.0, 8.0, 8.0], &[10.0], "the bid at 8 is there twice"),
            (&[9.0], &[10.0, 12.0, 11.0, 12.0], "the ask at 12 is there twice"),
            (&[9.0], &[9.0], "the book is crossed: its best bid is 9, its best ask 9"),
            (&[7.0, 9.5], &[12.0, 9.0], "the book is crossed: its best bid is 9.5, its best ask 9"),
        ] {
            let error = append(bids, asks).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
