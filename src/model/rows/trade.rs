//! Trades.

use super::columns::{f64s, i64s, maybe, push_f64, push_i64, push_text};
use crate::model::{Batch, Column, Kind, Micros, Side, Values};

/// One public trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade<'a> {
    /// When it happened, by the exchange.
    pub ts: Micros,
    /// When we received it, for streams.
    pub ts_recv: Option<Micros>,
    /// The exchange's id.
    pub id: Option<&'a str>,
    /// Price.
    pub price: f64,
    /// Amount of the base asset.
    pub amount: f64,
    /// The taker's side.
    pub side: Option<Side>,
}

/// A view of trades, for appending or reading.
pub struct Trades<B>(B);

impl Batch {
    /// The trades of a batch of [`Kind::Trades`], to append to.
    ///
    /// # Panics
    /// If the batch is of another kind.
    pub fn trades_mut(&mut self) -> Trades<&mut Batch> {
        assert_eq!(self.kind, Kind::Trades);
        Trades(self)
    }

    /// The trades of a batch of [`Kind::Trades`], to read.
    ///
    /// # Panics
    /// If the batch is of another kind.
    #[must_use]
    pub fn trades(&self) -> Trades<&Batch> {
        assert_eq!(self.kind, Kind::Trades);
        Trades(self)
    }
}

impl Trades<&mut Batch> {
    /// Appends a trade.
    pub fn push(&mut self, row: Trade<'_>) {
        let [ts, ts_recv, id, price, amount, side] = &mut self.0.columns[..] else {
            unreachable!("a trade has six columns")
        };
        push_i64(ts, row.ts.0);
        maybe(ts_recv, row.ts_recv.map(|at| at.0), push_i64, 0);
        maybe(id, row.id, push_text, "");
        push_f64(price, row.price);
        push_f64(amount, row.amount);
        maybe(side, row.side.map(Side::name), push_text, "");
    }
}

impl<'a> Trades<&'a Batch> {
    /// The trade at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Trade<'a> {
        let columns = &self.0.columns;
        let text = |column: &'a Column| match &column.values {
            Values::Text(texts) if column.has(index) => Some(texts.get(index)),
            _ => None,
        };
        Trade {
            ts: Micros(i64s(&columns[0])[index]),
            ts_recv: columns[1].has(index).then(|| Micros(i64s(&columns[1])[index])),
            id: text(&columns[2]),
            price: f64s(&columns[3])[index],
            amount: f64s(&columns[4])[index],
            side: match text(&columns[5]) {
                Some("buy") => Some(Side::Buy),
                Some("sell") => Some(Side::Sell),
                _ => None,
            },
        }
    }

    /// Every trade in order.
    pub fn iter(&self) -> impl Iterator<Item = Trade<'a>> + 'a {
        let rows = Trades(self.0);
        (0..self.0.len()).map(move |index| rows.get(index))
    }
}
