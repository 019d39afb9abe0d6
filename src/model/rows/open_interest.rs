//! Samples of open interest.

use super::columns::{maybe, push_f64, push_i64};
use crate::model::{Batch, Kind, Micros};

/// One sample of open interest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenInterest {
    /// When it was taken.
    pub ts: Micros,
    /// Open contracts in the base asset.
    pub open_interest: f64,
    /// Their value in the quote asset, if the exchange sends it.
    pub open_interest_value: Option<f64>,
}

/// A view of open-interest samples, for appending.
pub struct OpenInterests<B>(B);

impl Batch {
    /// The samples of a batch of [`Kind::OpenInterest`], to append to.
    ///
    /// # Panics
    /// If the batch is of another kind.
    pub fn open_interest_mut(&mut self) -> OpenInterests<&mut Batch> {
        assert_eq!(self.kind, Kind::OpenInterest);
        OpenInterests(self)
    }
}

impl OpenInterests<&mut Batch> {
    /// Appends a sample.
    pub fn push(&mut self, row: OpenInterest) {
        let [ts, open_interest, value] = &mut self.0.columns[..] else {
            unreachable!("an open-interest sample has three columns")
        };
        push_i64(ts, row.ts.0);
        push_f64(open_interest, row.open_interest);
        maybe(value, row.open_interest_value, push_f64, 0.0);
    }
}
