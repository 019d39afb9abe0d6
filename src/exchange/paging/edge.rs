//! A row at an edge of what was seen: where the next answer has to meet this one.

use crate::model::{Batch, Kind, Micros};

/// A row by its open or instant, and its id where it has one; without numbers, any of the rows of its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// When it opens or happened.
    pub at: Micros,
    /// The exchange's ids of the trades it may be; none where only the instant is known.
    ids: Vec<Box<str>>,
}

impl Edge {
    /// A row of which only the instant is known.
    #[must_use]
    pub fn at(at: Micros) -> Self {
        Edge { at, ids: Vec::new() }
    }

    /// The oldest row of an answer.
    #[must_use]
    pub fn oldest(rows: &Batch) -> Option<Self> {
        let row = (0..rows.len()).min_by_key(|row| rows.ts()[*row])?;
        Some(Edge::of(rows, row))
    }

    /// One row of a batch.
    pub(super) fn of(rows: &Batch, row: usize) -> Self {
        Edge { at: Micros(rows.ts()[row]), ids: id_of(rows, row).map(Box::from).into_iter().collect() }
    }

    /// Any of the rows of one instant: answers need not agree on their order.
    pub(super) fn instant(rows: &Batch, at: Micros) -> Self {
        let alike = (0..rows.len()).filter(|row| rows.ts()[*row] == at.0);
        Edge { at, ids: alike.filter_map(|row| id_of(rows, row)).map(Box::from).collect() }
    }

    /// The trade of a number.
    pub(super) fn numbered(rows: &Batch, number: u64) -> Option<Self> {
        let is_it = |row: &usize| id_of(rows, *row).and_then(|id| id.parse().ok()) == Some(number);
        (0..rows.len()).find(is_it).map(|row| Edge::of(rows, row))
    }

    /// Its number, where its id is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.ids.first()?.parse().ok()
    }

    /// Whether it is among the rows of an answer.
    pub(super) fn is_in(&self, rows: &Batch) -> bool {
        let same_id = |row| id_of(rows, row).is_none_or(|id| self.ids.iter().any(|own| **own == *id));
        let here = |(row, ts): (usize, &i64)| *ts == self.at.0 && (self.ids.is_empty() || same_id(row));
        rows.ts().iter().enumerate().any(here)
    }

    /// Whether two answers showed the same row.
    pub(super) fn is(&self, other: &Edge) -> bool {
        let unknown = self.ids.is_empty() || other.ids.is_empty();
        self.at == other.at && (unknown || self.ids.iter().any(|id| other.ids.contains(id)))
    }
}

fn id_of(rows: &Batch, row: usize) -> Option<&str> {
    (rows.kind() == Kind::Trades).then(|| rows.trades().get(row).id).flatten()
}
