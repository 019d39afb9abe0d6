//! The rows of one period: its files, with what the journal holds beyond them merged in where it belongs.

use crate::model::{Batch, Column, Values, ts_index};
use crate::store::StoreError;
use crate::store::file::PeriodFile;
use crate::store::merge::{keys, merge};
use crate::store::reader::group::GroupRows;
use crate::store::reader::piece::{Piece, Wanted};
use crate::store::rows::column_range;

/// A place among the rows of a period.
pub(super) struct PeriodRows {
    files: Vec<PeriodFile>,
    file: usize,
    group: usize,
    open: Option<Open>,
    /// Rows of the journal that the files do not hold, in order with each key once.
    new: Batch,
    next_new: usize,
}

/// A row group that is being read.
struct Open {
    rows: GroupRows,
    /// The first row of the journal behind it, where some belong into it.
    new_until: Option<usize>,
    /// Rows whose key may go on in the next ones.
    held_back: Option<Batch>,
}

impl PeriodRows {
    pub(super) fn new(files: Vec<PeriodFile>, new: Batch) -> Self {
        PeriodRows { files, file: 0, group: 0, open: None, new, next_new: 0 }
    }

    /// Lets decoders go until the next rows are wanted.
    pub(super) fn rest(&mut self) {
        self.open.iter_mut().for_each(|open| open.rows.rest());
    }

    /// The next rows that are wanted, about `most` of them; `None` after the last.
    pub(super) fn next_piece(&mut self, wanted: &Wanted, most: usize) -> Result<Option<Piece>, StoreError> {
        loop {
            let piece = if self.open.is_some() {
                self.next_of_group(wanted, most)?
            } else {
                let Some(file) = self.files.get(self.file) else {
                    return Ok(self.next_new_rows(wanted, self.new.len(), most));
                };
                if self.group == file.groups() {
                    (self.file, self.group) = (self.file + 1, 0);
                    continue;
                }
                let Some(range) = file.group_keys(self.group) else {
                    let reason = format!("row group {} has no statistics", self.group);
                    return Err(StoreError::Damaged { path: file.path().to_owned(), reason });
                };
                let before = keys(&self.new).partition_point(|key| *key < range.start);
                if self.next_new < before && !range.is_empty() {
                    self.next_new_rows(wanted, before, most)
                } else {
                    self.open_group(wanted, range);
                    None
                }
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    /// Rows of the journal up to one; `None` if none of the next is wanted and all of them are passed.
    fn next_new_rows(&mut self, wanted: &Wanted, until: usize, most: usize) -> Option<Piece> {
        while self.next_new < until {
            let rows = self.next_new..until.min(self.next_new + most);
            self.next_new = rows.end;
            if let Some(piece) = wanted.of_batch(&self.new.slice(rows)) {
                return Some(piece);
            }
        }
        None
    }

    /// Opens the next row group, or passes over one that has nothing that is wanted.
    fn open_group(&mut self, wanted: &Wanted, range: std::ops::Range<i64>) {
        let file = &self.files[self.file];
        let inside = keys(&self.new).partition_point(|key| *key < range.end).max(self.next_new);
        let is_touched = inside > self.next_new;
        let ts = column_range(file.metadata().row_group(self.group), ts_index(wanted.kind));
        let may_hold =
            ts.is_none_or(|(first, last)| first < wanted.window.until.0 && last >= wanted.window.from.0);
        if range.is_empty() || !(may_hold || is_touched) {
            self.group += 1;
            return;
        }
        let mut columns = wanted.columns.clone();
        if is_touched {
            columns = (0..crate::model::fields(wanted.kind).len()).collect();
        } else {
            // The key tells which rows count, the instant which lie in the window.
            columns.extend([0, ts_index(wanted.kind)]);
            columns.sort_unstable();
            columns.dedup();
            if file.has_whole(self.group) && !wanted.columns.contains(&0) && ts_index(wanted.kind) != 0 {
                columns.retain(|column| *column != 0);
            }
        }
        self.open = Some(Open {
            rows: GroupRows::begin(wanted.kind, file, self.group, columns),
            new_until: is_touched.then_some(inside),
            held_back: None,
        });
    }

    fn next_of_group(&mut self, wanted: &Wanted, most: usize) -> Result<Option<Piece>, StoreError> {
        let (Some(open), Some(file)) = (&mut self.open, self.files.get(self.file)) else { return Ok(None) };
        let decoded = open.rows.next_rows(file, most)?;
        let is_last = open.rows.is_over();
        let piece = match open.new_until {
            None => {
                let count = decoded.first().map_or(0, |(_, column)| len(column));
                let is_whole = file.has_whole(self.group);
                let counted = match decoded.first() {
                    Some((0, Column { values: Values::I64(keys), .. })) if !is_whole => file.counted(keys),
                    _ => 0..count,
                };
                wanted.of_columns(decoded, counted)
            }
            Some(new_until) => {
                let columns = decoded.into_iter().map(|(_, column)| column).collect();
                let mut rows = Batch::from_columns(wanted.kind, columns);
                if !file.has_whole(self.group) {
                    rows = rows.slice(file.counted(keys(&rows)));
                }
                if let Some(mut held_back) = open.held_back.take() {
                    held_back.take_all(&rows);
                    rows = held_back;
                }
                let mut until = new_until;
                if let (false, Some(last)) = (is_last, keys(&rows).last().copied()) {
                    let keep = keys(&rows).partition_point(|key| *key < last);
                    open.held_back = Some(rows.slice(keep..rows.len()));
                    rows.truncate(keep);
                    until = until.min(keys(&self.new).partition_point(|key| *key < last));
                }
                let until = until.max(self.next_new);
                let (merged, _) = merge(&rows, &self.new.slice(self.next_new..until));
                self.next_new = until;
                wanted.of_batch(&merged)
            }
        };
        if is_last {
            self.open = None;
            self.group += 1;
        }
        Ok(piece)
    }
}

fn len(column: &Column) -> usize {
    match &column.values {
        Values::I64(values) => values.len(),
        Values::I32(values) => values.len(),
        Values::F64(values) => values.len(),
        Values::Bool(values) => values.len(),
        Values::Text(values) => values.len(),
    }
}
