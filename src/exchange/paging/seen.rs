//! The rows of one answer as the walk looks at them.

use crate::exchange::paging::hole::numbered;
use crate::exchange::{Offer, ParseError};
use crate::model::{Batch, Micros};

/// The rows of an answer, with the numbers they have where ids are contiguous.
pub(super) struct Seen<'a> {
    pub(super) rows: &'a Batch,
    /// One a row; `None` where ids are no contiguous numbers.
    pub(super) numbers: Option<Vec<u64>>,
}

impl<'a> Seen<'a> {
    /// # Errors
    /// When ids should be numbers and one is not.
    pub(super) fn of(rows: &'a Batch, offer: &Offer) -> Result<Self, ParseError> {
        let number = |row| numbered(rows, row).map(|(number, _)| number);
        let numbers = offer.ids_are_contiguous.then(|| (0..rows.len()).map(number).collect());
        Ok(Seen { rows, numbers: numbers.transpose()? })
    }

    /// Whether none of its rows lies before an instant.
    pub(super) fn is_newer_than(&self, at: Micros) -> bool {
        self.rows.ts().iter().all(|own| *own >= at.0)
    }

    /// The rows of the answer in the order of their numbers, or as they came.
    pub(super) fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        if let Some(numbers) = &self.numbers {
            order.sort_by_key(|row| numbers[*row]);
        }
        order
    }
}
