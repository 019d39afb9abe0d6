//! New rows of one period where they lie: what waits is several megabytes, and a copy of it is memory that nothing needs.

use std::borrow::Cow;
use std::ops::Range;

use crate::model::Batch;
use crate::store::merge::keys;

/// Rows of one period, in order with each key once: a range of a batch.
#[derive(Clone, Copy)]
pub(crate) struct NewRows<'a> {
    batch: &'a Batch,
    from: usize,
    until: usize,
}

impl<'a> NewRows<'a> {
    /// All rows of a batch.
    pub(crate) fn all(batch: &'a Batch) -> Self {
        NewRows { batch, from: 0, until: batch.len() }
    }

    pub(crate) fn len(&self) -> usize {
        self.until - self.from
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn keys(&self) -> &'a [i64] {
        &keys(self.batch)[self.from..self.until]
    }

    /// Some of them.
    pub(crate) fn part(&self, rows: Range<usize>) -> Self {
        debug_assert!(rows.end <= self.len());
        NewRows { from: self.from + rows.start, until: self.from + rows.end, ..*self }
    }

    /// The batch, and the range in it.
    pub(super) fn lie(&self) -> (&'a Batch, Range<usize>) {
        (self.batch, self.from..self.until)
    }

    /// A batch of them alone, without a copy where it has no others.
    pub(super) fn alone(&self) -> Cow<'a, Batch> {
        self.batch.part(self.from..self.until)
    }
}
