//! A row at an edge of what was seen: where the next answer has to meet this one.

use crate::model::{Batch, Kind, Micros};

/// A row by its open or instant, and its id where it has one; without numbers, all the rows of its instant.
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

    /// All the rows of one instant: answers need not agree on their order.
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

    /// Whether all of it is among the rows of an answer.
    pub(super) fn is_in(&self, rows: &Batch) -> bool {
        let here = Edge::instant(rows, self.at);
        let shown = rows.ts().contains(&self.at.0);
        shown && (here.ids.is_empty() || self.ids.iter().all(|id| here.ids.contains(id)))
    }

    /// Whether any of it is among the rows of an answer.
    pub(super) fn is_partly_in(&self, rows: &Batch) -> bool {
        let here = Edge::instant(rows, self.at);
        self.is_in(rows) || self.ids.iter().any(|id| here.ids.contains(id))
    }

    /// Whether two answers showed the same rows.
    pub(super) fn is(&self, other: &Edge) -> bool {
        let unknown = self.ids.is_empty() || other.ids.is_empty();
        let all_in = |a: &Edge, b: &Edge| a.ids.iter().all(|id| b.ids.contains(id));
        self.at == other.at && (unknown || (all_in(self, other) && all_in(other, self)))
    }
}

fn id_of(rows: &Batch, row: usize) -> Option<&str> {
    (rows.kind() == Kind::Trades).then(|| rows.trades().get(row).id).flatten()
}
