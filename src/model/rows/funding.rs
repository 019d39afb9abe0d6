//! Funding rates.

use super::columns::{maybe, push_f64, push_i64};
use crate::model::{Batch, Kind, Micros};

/// One funding rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FundingRate {
    /// When it was paid.
    pub ts: Micros,
    /// The rate as a fraction.
    pub rate: f64,
    /// The mark price at payment, if the exchange sends it.
    pub mark_price: Option<f64>,
}

/// A view of funding rates, for appending.
pub struct FundingRates<B>(B);

impl Batch {
    /// The funding rates of a batch of [`Kind::Funding`], to append to.
    ///
    /// # Panics
    /// If the batch is of another kind.
    pub fn funding_mut(&mut self) -> FundingRates<&mut Batch> {
        assert_eq!(self.kind, Kind::Funding);
        FundingRates(self)
    }
}

impl FundingRates<&mut Batch> {
    /// Appends a rate.
    pub fn push(&mut self, row: FundingRate) {
        let [ts, rate, mark_price] = &mut self.0.columns[..] else {
            unreachable!("a funding rate has three columns")
        };
        push_i64(ts, row.ts.0);
        push_f64(rate, row.rate);
        maybe(mark_price, row.mark_price, push_f64, 0.0);
    }
}
