//! Rows that wait until there are enough of them to be written together.

use std::sync::Arc;

use crate::export::rows::table::RowTable;
use crate::model::{Column, Values};
use crate::store::reader::Run;

/// Rows, with the columns that name their series.
pub(super) struct Waiting {
    table: Arc<RowTable>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: usize,
    most: usize,
}

impl Waiting {
    pub(super) fn new(table: Arc<RowTable>, most: usize) -> Self {
        let columns = table.fields.iter().map(Column::of).collect();
        Waiting { table, columns, rows: 0, most }
    }

    /// Takes as many rows as fit; returns how many.
    pub(super) fn take(&mut self, run: &Run<'_>, from: usize) -> usize {
        let count = (run.rows.len() - from).min(self.most - self.rows);
        let rows = run.rows.start + from..run.rows.start + from + count;
        let labels = &self.table.labels[run.index];
        for (column, label) in self.columns.iter_mut().zip(labels) {
            if let Values::Text(texts) = &mut column.values {
                (0..count).for_each(|_| texts.push(label));
            }
        }
        for (to, own) in self.columns.iter_mut().skip(labels.len()).zip(run.columns) {
            to.take(own, rows.clone());
        }
        self.rows += count;
        count
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows == self.most
    }

    /// All that waits; nothing does afterwards.
    pub(super) fn drain(&mut self) -> Vec<Column> {
        self.rows = 0;
        let empty = self.table.fields.iter().map(Column::of).collect();
        std::mem::replace(&mut self.columns, empty)
    }
}
