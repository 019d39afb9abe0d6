//! Levels of order books.

use super::columns::{f64s, i64s, maybe, push_f64, push_i64, push_text};
use crate::model::{Batch, Kind, Micros, Side, Values};

/// One level of a snapshot or of an update of a book.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BookLevel {
    /// Increments with every snapshot or update of the series; the store continues the numbering.
    pub ord: i64,
    /// The exchange's time of the book; if it sends none, its clock when the answer arrived.
    pub ts: Micros,
    /// When we received it.
    pub ts_recv: Micros,
    /// The exchange's sequence number.
    pub seq: Option<i64>,
    /// Whether this belongs to a whole book or to an update.
    pub is_snapshot: bool,
    /// Bid or ask.
    pub side: Side,
    /// Price of the level.
    pub price: f64,
    /// Amount resting there; zero in an update removes the level.
    pub amount: f64,
    /// Number of orders, if the exchange sends it.
    pub count: Option<i32>,
}

/// A view of book levels, for appending or reading.
pub struct BookRows<B>(B);

impl Batch {
    /// The book levels of a batch of [`Kind::OrderBook`], to append to.
    ///
    /// # Panics
    /// If the batch is of another kind.
    pub fn book_mut(&mut self) -> BookRows<&mut Batch> {
        assert_eq!(self.kind, Kind::OrderBook);
        BookRows(self)
    }

    /// The book levels of a batch of [`Kind::OrderBook`], to read.
    ///
    /// # Panics
    /// If the batch is of another kind.
    #[must_use]
    pub fn book(&self) -> BookRows<&Batch> {
        assert_eq!(self.kind, Kind::OrderBook);
        BookRows(self)
    }
}

impl BookRows<&mut Batch> {
    /// Appends a level.
    pub fn push(&mut self, row: BookLevel) {
        let [ord, ts, ts_recv, seq, is_snapshot, side, price, amount, count] = &mut self.0.columns[..] else {
            unreachable!("a book level has nine columns")
        };
        push_i64(ord, row.ord);
        push_i64(ts, row.ts.0);
        push_i64(ts_recv, row.ts_recv.0);
        maybe(seq, row.seq, push_i64, 0);
        if let Values::Bool(flags) = &mut is_snapshot.values {
            flags.push(row.is_snapshot);
        }
        push_text(side, row.side.name());
        push_f64(price, row.price);
        push_f64(amount, row.amount);
        maybe(
            count,
            row.count,
            |column, count| {
                if let Values::I32(counts) = &mut column.values {
                    counts.push(count);
                }
            },
            0,
        );
    }

    /// Numbers the updates of this batch from `first`, each by one more than the one before. Rows beside one another
    /// that share an `ord` keep sharing one.
    pub(crate) fn number_from(&mut self, first: i64) {
        let Values::I64(ords) = &mut self.0.columns[0].values else { return };
        let (mut before, mut next) = (None, first - 1);
        for ord in ords {
            if before != Some(*ord) {
                (before, next) = (Some(*ord), next + 1);
            }
            *ord = next;
        }
    }

    /// Puts updates that came late at an instant, so that none falls behind it.
    pub(crate) fn not_before(&mut self, instant: Micros) {
        let Values::I64(ts) = &mut self.0.columns[1].values else { return };
        ts.iter_mut().for_each(|ts| *ts = instant.0.max(*ts));
    }
}

impl BookRows<&Batch> {
    /// The `ord` of every row.
    #[must_use]
    #[doc(hidden)]
    pub fn ords(&self) -> &[i64] {
        i64s(&self.0.columns[0])
    }

    /// The level at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> BookLevel {
        let columns = &self.0.columns;
        let is_bid = matches!(&columns[5].values, Values::Text(sides) if sides.get(index) == "bid");
        BookLevel {
            ord: i64s(&columns[0])[index],
            ts: Micros(i64s(&columns[1])[index]),
            ts_recv: Micros(i64s(&columns[2])[index]),
            seq: columns[3].has(index).then(|| i64s(&columns[3])[index]),
            is_snapshot: matches!(&columns[4].values, Values::Bool(flags) if flags[index]),
            side: if is_bid { Side::Bid } else { Side::Ask },
            price: f64s(&columns[6])[index],
            amount: f64s(&columns[7])[index],
            count: match &columns[8].values {
                Values::I32(counts) if columns[8].has(index) => Some(counts[index]),
                _ => None,
            },
        }
    }
}
