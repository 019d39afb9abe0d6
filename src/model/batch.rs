//! Rows as columns: filled by parsers, merged by the store, stored in files.

use std::borrow::Cow;
use std::ops::Range;

use crate::model::schema::ts_index;
use crate::model::{Column, Kind, Micros, Values, fields};

/// Rows of one kind, column by column, in the order of [`fields`].
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub(super) kind: Kind,
    pub(super) columns: Vec<Column>,
}

impl Batch {
    /// An empty batch of a kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Batch { kind, columns: fields(kind).iter().map(Column::of).collect() }
    }

    /// A batch from columns read from a file, in the order of [`fields`].
    pub(crate) fn from_columns(kind: Kind, columns: Vec<Column>) -> Self {
        debug_assert_eq!(columns.len(), fields(kind).len());
        Batch { kind, columns }
    }

    /// The kind of the rows.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The columns, in the order of [`fields`].
    #[must_use]
    #[doc(hidden)]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ts().len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `ts` column: microseconds UTC.
    #[must_use]
    pub fn ts(&self) -> &[i64] {
        let Values::I64(ts) = &self.columns[ts_index(self.kind)].values else {
            unreachable!("ts is a time in every kind")
        };
        ts
    }

    /// The first and the last instant of sorted rows.
    #[must_use]
    pub fn ends(&self) -> Option<(Micros, Micros)> {
        Some((Micros(*self.ts().first()?), Micros(*self.ts().last()?)))
    }

    /// The bytes of its values, with a flag for each that may be null and a length for each text.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The memory that it takes, in bytes, with the little room that is kept for rows to come.
    pub(crate) fn memory(&self) -> usize {
        self.columns.iter().map(Column::memory).sum()
    }

    /// Reserves space for this many more rows.
    #[doc(hidden)]
    pub fn reserve(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.reserve(rows));
    }

    /// Reserves space for this many more rows, and little beside it: for rows that wait for long.
    pub(crate) fn reserve_close(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.reserve_close(rows));
    }

    /// Appends a range of rows of another batch of the same kind.
    #[doc(hidden)]
    pub fn take(&mut self, from: &Batch, rows: Range<usize>) {
        debug_assert_eq!(self.kind, from.kind);
        for (to, own) in self.columns.iter_mut().zip(&from.columns) {
            to.take(own, rows.clone());
        }
    }

    /// Appends all rows of another batch of the same kind.
    #[doc(hidden)]
    pub fn take_all(&mut self, from: &Batch) {
        self.take(from, 0..from.len());
    }

    /// The rows of `order`, in that order; adjacent ones are copied together.
    #[must_use]
    #[doc(hidden)]
    pub fn gather(&self, order: &[usize]) -> Batch {
        let mut out = Batch::of(self.kind);
        let mut rest = order;
        while let Some(&first) = rest.first() {
            let run = rest.iter().zip(first..).take_while(|(row, next)| *row == next).count();
            out.take(self, first..first + run);
            rest = &rest[run..];
        }
        out
    }

    /// Keeps the first `rows` rows.
    #[doc(hidden)]
    pub fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    /// The rows of a range.
    #[must_use]
    #[doc(hidden)]
    pub fn slice(&self, rows: Range<usize>) -> Batch {
        let mut out = Batch::of(self.kind);
        out.take(self, rows);
        out
    }

    /// The rows of a range, without a copy where these are all.
    pub(crate) fn part(&self, rows: Range<usize>) -> Cow<'_, Batch> {
        if rows == (0..self.len()) { Cow::Borrowed(self) } else { Cow::Owned(self.slice(rows)) }
    }

    /// Whether row `a` here equals row `b` of `other` in every column.
    #[must_use]
    #[doc(hidden)]
    pub fn same_row(&self, a: usize, other: &Batch, b: usize) -> bool {
        self.columns.iter().zip(&other.columns).all(|(own, theirs)| own.same(a, theirs, b))
    }

    /// Whether the rows are sorted by `ts`; duplicates are allowed.
    #[must_use]
    #[doc(hidden)]
    pub fn in_order(&self) -> bool {
        self.ts().is_sorted()
    }
}
