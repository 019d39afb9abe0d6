//! Publishing: a period's new rows and its file become its next file.
//!
//! Row groups that no new row touches are copied as they are, encoded bytes and page index; the others
//! are decoded, merged and encoded anew. The file is written aside, read back, synced and renamed.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use crate::disk::aside;
use crate::model::{Batch, Windows};
use crate::store::file::{Appending, FOOTER_KEY, Footer, Hashed, Opened, PeriodFile};
use crate::store::ledger::pairs;
use crate::store::merge::{Tally, keys, merge};
use crate::store::rows::{GROUP_ROWS, column_range, properties, schema, write_group};
use crate::store::series_folder::SeriesFolder;
use crate::store::{FileEntry, Mark, Part, Period, StoreError};
use crate::telemetry::{Reason, trace};

/// A file that now stands under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The period's name.
    pub period: String,
    /// Which of the period's files it is.
    pub part: Part,
    /// The file, for the ledger.
    pub entry: FileEntry,
    /// Bytes encoded anew.
    pub encoded_bytes: u64,
    /// Bytes copied as they were.
    pub copied_bytes: u64,
    /// The highest number of an update in it, where it is one of a book.
    pub last_ord: Option<i64>,
}

/// The outcome of a flush.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// The files, in the order they were written.
    pub files: Vec<Published>,
    /// Rows stored, revised and repeated.
    pub tally: Tally,
    /// Files of large periods that were written anew, with rows of the open file beside them or late ones.
    pub folds: u64,
}

/// An open file's reference to the file beside it.
#[derive(Clone, Copy)]
pub(crate) struct Beside {
    /// Its generation.
    pub(crate) generation: u64,
    /// Rows written into open files since one was folded.
    pub(crate) rewritten: u64,
    /// The generation it had while it still had rows that are in the open file now.
    pub(crate) out_of: Option<u64>,
}

/// A file to be written.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) place: &'a SeriesFolder,
    pub(crate) period: &'a Period,
    /// Higher than any generation of the series so far.
    pub(crate) generation: u64,
    /// Set for an open file: the file beside it.
    pub(crate) beside: Option<Beside>,
    /// Coverage of the series, these rows included.
    pub(crate) covered: &'a Windows,
    /// The last journal frame of the series that is in these rows.
    pub(crate) journal: Option<Mark>,
}

impl Order<'_> {
    fn part(&self) -> Part {
        if self.beside.is_some() { Part::Open } else { Part::File }
    }
}

/// A file that is written, read back and durable, and has not yet its name. Left alone, it is removed.
pub(crate) struct Prepared<'a> {
    place: &'a SeriesFolder,
    path: PathBuf,
    published: Published,
    /// The new rows, counted.
    tally: Tally,
    is_named: bool,
}

/// Writes `new`, rows of one period in order with each key once, together with the rows of `olds`: files of
/// the period, each with keys beyond those of the one before.
pub(crate) fn prepare<'a>(
    order: &Order<'a>,
    olds: &[&PeriodFile],
    new: &Batch,
) -> Result<Prepared<'a>, StoreError> {
    let path = order.place.path(&order.period.name, order.part());
    let shown = path.strip_prefix(order.place.layout.root()).unwrap_or(&path);
    let prepare = || {
        let aside = aside(&path);
        write_aside(order, olds, new, &aside)
            .and_then(|(mut published, tally)| {
                published.last_ord = read_back(order, &aside, &published)?;
                Ok((published, tally))
            })
            .inspect_err(|_| {
                let _ = order.place.disk.remove(&aside);
            })
    };
    let prepared = trace::parquet_write(shown).in_scope(|| {
        prepare()
            .inspect(|(written, _)| trace::wrote(written.entry.rows, written.entry.bytes))
            .inspect_err(|error| trace::failed(Reason::Storage.name(), error))
    });
    let (published, tally) = prepared?;
    Ok(Prepared { place: order.place, path, published, tally, is_named: false })
}

impl Prepared<'_> {
    /// Gives the file its name, in the place of what has it, durable.
    pub(crate) fn take_name(mut self) -> Result<(Published, Tally), StoreError> {
        let (disk, path) = (&self.place.disk, &self.path);
        disk.take_name(&aside(path), path).map_err(StoreError::io("renaming", path))?;
        self.is_named = true;
        let found = disk.look(path).map_err(StoreError::io("looking at", path))?;
        self.published.entry.modified = found.map_or(0, |found| found.modified);
        Ok((self.published.clone(), self.tally))
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if !self.is_named {
            let _ = self.place.disk.remove(&aside(&self.path));
        }
    }
}

fn write_aside(
    order: &Order<'_>,
    olds: &[&PeriodFile],
    new: &Batch,
    aside: &Path,
) -> Result<(Published, Tally), StoreError> {
    let kind = order.place.series.kind();
    let failed = StoreError::parquet(aside);
    let file = order.place.disk.create_anew(aside).map_err(StoreError::io("creating", aside))?;
    let schema = schema(kind).map_err(&failed)?;
    let writer = SerializedFileWriter::new(Hashed::new(Appending(file)), schema, Arc::new(properties(kind)))
        .map_err(&failed)?;
    let mut out = Assembly {
        writer,
        waiting: Batch::of(kind),
        tally: Tally::default(),
        rows: 0,
        ends: None,
        copied: 0,
        path: aside,
    };
    out.assemble(olds, new)?;

    let Assembly { mut writer, tally, rows, ends, copied, .. } = out;
    writer.flush().map_err(StoreError::io("writing", aside))?;
    let body = writer.inner();
    let footer = Footer {
        series: order.place.series.to_string(),
        period: order.period.name.clone(),
        generation: order.generation,
        beside: order.beside.map(|beside| beside.generation),
        out_of: order.beside.and_then(|beside| beside.out_of),
        rewritten: order.beside.map_or(0, |beside| beside.rewritten),
        journal: order.journal,
        rows,
        covered: pairs(&order.covered.within(order.period.window)),
        body_bytes: body.bytes,
        body_sha256: body.digest(),
    };
    let text = serde_json::to_string(&footer)
        .map_err(|error| StoreError::io("encoding", aside)(std::io::Error::other(error)))?;
    writer.append_key_value_metadata(KeyValue::new(FOOTER_KEY.to_owned(), text));
    let hashed = writer.into_inner().map_err(&failed)?;
    let (bytes, sha256) = (hashed.bytes, hashed.digest());
    hashed.into_inner().0.sync().map_err(StoreError::io("syncing", aside))?;

    let (first, last) = ends.unwrap_or((0, 0));
    let (generation, journal) = (order.generation, order.journal);
    let entry = FileEntry { rows, bytes, sha256, generation, first, last, journal, ..FileEntry::default() };
    let published = Published {
        period: order.period.name.clone(),
        part: order.part(),
        entry,
        encoded_bytes: bytes.saturating_sub(copied),
        copied_bytes: copied,
        last_ord: None,
    };
    Ok((published, tally))
}

/// Reads what was written as a reader would and compares it with what was meant. Returns the highest number of an update,
/// where it is a book.
fn read_back(order: &Order<'_>, aside: &Path, written: &Published) -> Result<Option<i64>, StoreError> {
    let differs = |reason: &str| StoreError::ReadBack { path: aside.to_owned(), reason: reason.to_owned() };
    let file = match order.place.look_into(aside)? {
        Opened::Ours(file) => file,
        Opened::Foreign => return Err(differs("our entry is missing from its footer")),
        Opened::Damaged(reason) => return Err(differs(&reason)),
    };
    if file.footer().generation != order.generation || file.footer().rows != written.entry.rows {
        return Err(differs("its footer is another"));
    }
    let hashes = file.hashes()?;
    if hashes.whole != written.entry.sha256 || hashes.body != file.footer().body_sha256 {
        return Err(differs("its hash is another"));
    }
    Ok(file.last_ord())
}

/// The next file while it is put together, row group by row group.
struct Assembly<'a> {
    writer: SerializedFileWriter<Hashed<Appending>>,
    /// Rows that are in order after all groups written and before all still to come.
    waiting: Batch,
    tally: Tally,
    rows: u64,
    ends: Option<(i64, i64)>,
    copied: u64,
    path: &'a Path,
}

/// A group this full that no new row touches is copied; a smaller one is decoded and joined with its neighbours.
const COPY_ROWS: i64 = GROUP_ROWS as i64 / 2;
/// The last group is copied too when it is as good as full.
const FULL_ROWS: i64 = GROUP_ROWS as i64 / 16 * 15;

impl Assembly<'_> {
    fn assemble(&mut self, olds: &[&PeriodFile], new: &Batch) -> Result<(), StoreError> {
        let mut next = 0;
        for (at, old) in olds.iter().enumerate() {
            for index in 0..old.groups() {
                let is_last = at + 1 == olds.len() && index + 1 == old.groups();
                next = self.group(old, index, is_last, new, next)?;
            }
        }
        self.wait(new, next..new.len())?;
        self.drain(1)
    }

    /// Takes a row group of an old file together with the new rows that belong before or into it, `new` from
    /// `next` on; returns the first new row that lies behind it.
    fn group(
        &mut self,
        old: &PeriodFile,
        index: usize,
        is_last: bool,
        new: &Batch,
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
        let before = keys(new).partition_point(|key| *key < range.start);
        let inside = keys(new).partition_point(|key| *key < range.end);
        self.wait(new, next..before)?;
        let full = group.num_rows() >= FULL_ROWS;
        let is_untouched = before == inside && old.has_whole(index);
        if is_untouched && (full || (group.num_rows() >= COPY_ROWS && !is_last)) {
            self.drain(1)?;
            self.copy(old, index)?;
        } else {
            let (merged, tally) = merge(&old.group(index)?, &new.slice(before..inside));
            self.tally.add(tally);
            self.waiting.take_all(&merged);
            self.drain(GROUP_ROWS)?;
        }
        Ok(inside)
    }

    /// Takes new rows that no group of the old file reaches, a row group at a time.
    fn wait(&mut self, new: &Batch, mut rows: Range<usize>) -> Result<(), StoreError> {
        self.tally.added += rows.len() as u64;
        while !rows.is_empty() {
            let until = rows.end.min(rows.start + GROUP_ROWS.saturating_sub(self.waiting.len()).max(1));
            self.waiting.take(new, rows.start..until);
            rows.start = until;
            self.drain(GROUP_ROWS)?;
        }
        Ok(())
    }

    /// Writes waiting rows as long as at least `least` of them wait; with 1 all of them.
    fn drain(&mut self, least: usize) -> Result<(), StoreError> {
        let mut from = 0;
        while self.waiting.len() - from >= least {
            let until = self.group_end(from, least == 1);
            write_group(&mut self.writer, &self.waiting, from..until)
                .map_err(StoreError::parquet(self.path))?;
            let ts = &self.waiting.ts()[from..until];
            self.count(ts.len() as u64, ts.iter().min().copied(), ts.iter().max().copied());
            from = until;
        }
        if from > 0 {
            self.waiting = self.waiting.slice(from..self.waiting.len());
        }
        Ok(())
    }

    /// Where the row group that begins at `from` ends. Rows of one key stay in one group, so that a merge
    /// into it meets all of them.
    fn group_end(&self, from: usize, is_all: bool) -> usize {
        let keys = keys(&self.waiting);
        let until = keys.len().min(from + GROUP_ROWS);
        if (is_all && until == keys.len()) || keys.get(until).is_some_and(|next| *next != keys[until - 1]) {
            return until;
        }
        let run = from + keys[from..until].partition_point(|key| *key < keys[until - 1]);
        if run > from { run } else { until + keys[until..].partition_point(|key| *key == keys[until - 1]) }
    }

    /// Copies a row group as it is.
    fn copy(&mut self, file: &PeriodFile, index: usize) -> Result<(), StoreError> {
        let failed = StoreError::parquet(self.path);
        let metadata = file.metadata().row_group(index);
        let page_index = file.metadata().page_index();
        let mut group = self.writer.next_row_group().map_err(&failed)?;
        for (at, column) in metadata.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                rows_written: u64::try_from(metadata.num_rows()).unwrap_or(0),
                metadata: column.clone(),
                bloom_filter: None,
                column_index: page_index.and_then(|pages| pages.column_index(index, at)).cloned(),
                offset_index: page_index.and_then(|pages| pages.offset_index(index, at)).cloned(),
            };
            self.copied += close.bytes_written;
            group.append_column(file.file(), close).map_err(&failed)?;
        }
        group.close().map_err(&failed)?;
        let ts = crate::model::ts_index(self.waiting.kind());
        let range = column_range(metadata, ts);
        self.count(
            u64::try_from(metadata.num_rows()).unwrap_or(0),
            range.map(|range| range.0),
            range.map(|range| range.1),
        );
        Ok(())
    }

    fn count(&mut self, rows: u64, first: Option<i64>, last: Option<i64>) {
        self.rows += rows;
        if let (Some(first), Some(last)) = (first, last) {
            let (oldest, newest) = self.ends.unwrap_or((first, last));
            self.ends = Some((oldest.min(first), newest.max(last)));
        }
    }
}
