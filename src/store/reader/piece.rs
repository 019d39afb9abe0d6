//! A few thousand rows of one series, only the columns that are asked for.

use std::ops::Range;

use crate::model::{Batch, Column, Field, Kind, Values, Window, fields, ts_index};

/// Rows that are decoded.
pub(super) struct Piece {
    /// The instant of each row; of a book the newest one up to it.
    pub(super) order: Vec<i64>,
    pub(super) columns: Vec<Column>,
    /// The first row that is not given yet.
    pub(super) next: usize,
}

/// The part of decoded rows that is kept.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) kind: Kind,
    pub(super) window: Window,
    /// Places among the fields of the kind.
    pub(super) columns: Vec<usize>,
}

impl Wanted {
    pub(super) fn field(&self, index: usize) -> &'static Field {
        &fields(self.kind)[index]
    }

    /// The part of a batch that is wanted; `None` if no row is.
    pub(super) fn of_batch(&self, rows: &Batch) -> Option<Piece> {
        let held = self.held(rows.ts(), 0..rows.len());
        let columns = self.columns.iter().map(|index| self.kept(*index, &rows.columns()[*index], &held));
        let columns = columns.collect();
        Piece::of(ts_of(rows.ts(), &held), columns)
    }

    /// The same of columns that were decoded: those of `decoded`, by their places, of which some rows count.
    pub(super) fn of_columns(&self, decoded: Vec<(usize, Column)>, counted: Range<usize>) -> Option<Piece> {
        let ts = decoded.iter().find(|(index, _)| *index == ts_index(self.kind));
        let Some((_, Column { values: Values::I64(ts), .. })) = ts else { return None };
        let held = self.held(ts, counted);
        let order = ts_of(ts, &held);
        let is_all = held.len() == 1 && held[0] == (0..ts.len());
        let mut decoded: Vec<(usize, Option<Column>)> =
            decoded.into_iter().map(|(index, column)| (index, Some(column))).collect();
        let columns = self.columns.iter().filter_map(|index| {
            let own = decoded.iter_mut().find(|(own, _)| own == index)?;
            match is_all {
                true => own.1.take(),
                false => own.1.as_ref().map(|column| self.kept(*index, column, &held)),
            }
        });
        let columns = columns.collect();
        Piece::of(order, columns)
    }

    fn kept(&self, index: usize, column: &Column, held: &[Range<usize>]) -> Column {
        let mut kept = Column::of(self.field(index));
        held.iter().for_each(|rows| kept.take(column, rows.clone()));
        kept
    }

    /// The rows in the window. Books are in the order of their updates, so each row is looked at.
    fn held(&self, ts: &[i64], rows: Range<usize>) -> Vec<Range<usize>> {
        let Window { from, until } = self.window;
        if self.kind != Kind::OrderBook {
            let own = &ts[rows.clone()];
            let (first, behind) =
                (own.partition_point(|ts| *ts < from.0), own.partition_point(|ts| *ts < until.0));
            let held = rows.start + first..rows.start + behind.max(first);
            return if held.is_empty() { Vec::new() } else { vec![held] };
        }
        let mut held: Vec<Range<usize>> = Vec::new();
        for row in rows.filter(|row| (from.0..until.0).contains(&ts[*row])) {
            match held.last_mut().filter(|last| last.end == row) {
                Some(last) => last.end = row + 1,
                None => held.push(row..row + 1),
            }
        }
        held
    }
}

fn ts_of(ts: &[i64], held: &[Range<usize>]) -> Vec<i64> {
    held.iter().flat_map(|rows| &ts[rows.clone()]).copied().collect()
}

impl Piece {
    fn of(order: Vec<i64>, columns: Vec<Column>) -> Option<Piece> {
        (!order.is_empty()).then_some(Piece { order, columns, next: 0 })
    }
}
