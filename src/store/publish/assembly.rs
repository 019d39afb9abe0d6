//! A period's next file while it is put together, row group by row group.

use std::borrow::Cow;
use std::path::Path;

use parquet::column::writer::ColumnCloseResult;
use parquet::file::writer::SerializedFileWriter;

use crate::model::Kind;
use crate::store::StoreError;
use crate::store::file::{Hashed, PeriodFile};
use crate::store::merge::{Tally, merge};
use crate::store::publish::appending::{Appending, Spliced};
use crate::store::publish::new_rows::NewRows;
use crate::store::publish::queue::Queue;
use crate::store::rows::{GROUP_ROWS, column_range, write_group};

type Writer = SerializedFileWriter<Hashed<Appending>>;

/// All row groups are written.
pub(super) struct Assembled {
    /// What is left to be written is the footer.
    pub(super) writer: Writer,
    /// The new rows, counted.
    pub(super) tally: Tally,
    /// All rows.
    pub(super) rows: u64,
    /// The lowest and the highest instant.
    pub(super) ends: Option<(i64, i64)>,
    /// Bytes copied as they were.
    pub(super) copied: u64,
}

/// The next file while it is put together.
pub(super) struct Assembly<'a> {
    out: Assembled,
    kind: Kind,
    /// Rows that are in order after all groups written and before all still to come.
    waiting: Queue<'a>,
    path: &'a Path,
}

/// A group this full that no new row touches is copied; a smaller one is decoded and joined with its neighbours.
const COPY_ROWS: i64 = GROUP_ROWS as i64 / 2;
/// The last group is copied too when it is as good as full.
const FULL_ROWS: i64 = GROUP_ROWS as i64 / 16 * 15;

impl<'a> Assembly<'a> {
    pub(super) fn new(writer: Writer, kind: Kind, path: &'a Path) -> Self {
        let out = Assembled { writer, tally: Tally::default(), rows: 0, ends: None, copied: 0 };
        Assembly { out, kind, waiting: Queue::default(), path }
    }

    /// Writes the rows of files, each with keys beyond those of the one before, together with new ones.
    pub(super) fn assemble(
        mut self,
        olds: &[&PeriodFile],
        new: NewRows<'a>,
    ) -> Result<Assembled, StoreError> {
        let mut next = 0;
        for (at, old) in olds.iter().enumerate() {
            for index in 0..old.groups() {
                let is_last = at + 1 == olds.len() && index + 1 == old.groups();
                next = self.group(old, index, is_last, new, next)?;
            }
        }
        self.wait(new.part(next..new.len()));
        self.drain(1)?;
        Ok(self.out)
    }

    /// Takes a row group of an old file together with the new rows that belong before or into it, `new` from
    /// `next` on; returns the first new row that lies behind it.
    fn group(
        &mut self,
        old: &PeriodFile,
        index: usize,
        is_last: bool,
        new: NewRows<'a>,
        next: usize,
    ) -> Result<usize, StoreError> {
        let group = old.metadata().row_group(index);
        let Some(range) = old.group_keys(index) else {
            let reason = format!("row group {index} has no statistics");
            return Err(StoreError::Damaged { path: old.path().to_owned(), reason });
        };
        if range.is_empty() {
            return Ok(next);
        }
        let before = new.keys().partition_point(|key| *key < range.start);
        let inside = new.keys().partition_point(|key| *key < range.end);
        self.wait(new.part(next..before));
        let full = group.num_rows() >= FULL_ROWS;
        let is_untouched = before == inside && old.has_whole(index);
        if is_untouched && (full || (group.num_rows() >= COPY_ROWS && !is_last)) {
            self.drain(1)?;
            self.copy(old, index)?;
        } else {
            let held = old.group(index)?;
            let merged = if before == inside {
                held
            } else {
                let (merged, tally) = merge(&held, &new.part(before..inside).alone());
                self.out.tally.add(tally);
                merged
            };
            let rows = 0..merged.len();
            self.waiting.push(Cow::Owned(merged), rows);
            self.drain(GROUP_ROWS + 1)?;
        }
        Ok(inside)
    }

    /// Takes new rows that no group of the old file reaches.
    fn wait(&mut self, new: NewRows<'a>) {
        let (batch, rows) = new.lie();
        self.out.tally.added += rows.len() as u64;
        self.waiting.push(Cow::Borrowed(batch), rows);
    }

    /// Writes waiting rows as long as at least `least` of them wait; with 1 all of them.
    fn drain(&mut self, least: usize) -> Result<(), StoreError> {
        while self.waiting.len() >= least {
            let rows = self.waiting.group(least == 1);
            let parts = self.waiting.first(rows);
            write_group(&mut self.out.writer, &parts).map_err(StoreError::parquet(self.path))?;
            let ts = || parts.iter().flat_map(|(batch, rows)| &batch.ts()[rows.clone()]).copied();
            self.out.count(rows as u64, ts().min(), ts().max());
            self.waiting.advance(rows);
        }
        Ok(())
    }

    /// Copies a row group as it is.
    fn copy(&mut self, file: &PeriodFile, index: usize) -> Result<(), StoreError> {
        let failed = StoreError::parquet(self.path);
        let metadata = file.metadata().row_group(index);
        let page_index = file.metadata().page_index();
        let mut group = self.out.writer.next_row_group().map_err(&failed)?;
        for (at, column) in metadata.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                rows_written: u64::try_from(metadata.num_rows()).unwrap_or(0),
                metadata: column.clone(),
                bloom_filter: None,
                column_index: page_index.and_then(|pages| pages.column_index(index, at)).cloned(),
                offset_index: page_index.and_then(|pages| pages.offset_index(index, at)).cloned(),
            };
            self.out.copied += close.bytes_written;
            group.append_column(&Spliced(file.file()), close).map_err(&failed)?;
        }
        group.close().map_err(&failed)?;
        let ts = crate::model::ts_index(self.kind);
        let range = column_range(metadata, ts);
        self.out.count(
            u64::try_from(metadata.num_rows()).unwrap_or(0),
            range.map(|range| range.0),
            range.map(|range| range.1),
        );
        Ok(())
    }
}

impl Assembled {
    fn count(&mut self, rows: u64, first: Option<i64>, last: Option<i64>) {
        self.rows += rows;
        if let (Some(first), Some(last)) = (first, last) {
            let (oldest, newest) = self.ends.unwrap_or((first, last));
            self.ends = Some((oldest.min(first), newest.max(last)));
        }
    }
}
