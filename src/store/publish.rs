//! Publishing: a period's new rows and its file become its next file.
//!
//! Row groups that no new row touches are copied as they are, encoded bytes and page index; the others
//! are decoded, merged and encoded anew. The file is written aside, read back, synced and renamed.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use crate::atomic;
use crate::model::{Batch, Series, Windows};
use crate::store::file::{FOOTER_KEY, Footer, Hashed, Opened, PeriodFile, hash_file, open_period_file};
use crate::store::ledger::pairs;
use crate::store::merge::{Tally, keys, merge};
use crate::store::rows::{GROUP_ROWS, column_range, key_range, properties, schema, write_group};
use crate::store::{FileEntry, Period, StoreError};

/// A file that now stands under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The period's name.
    pub period: String,
    /// The file, for the ledger.
    pub entry: FileEntry,
    /// What became of the rows that were published.
    pub tally: Tally,
    /// Bytes encoded anew.
    pub encoded_bytes: u64,
    /// Bytes copied as they were.
    pub copied_bytes: u64,
}

/// What to publish.
pub(crate) struct Order<'a> {
    pub(crate) series: &'a Series,
    pub(crate) period: &'a Period,
    /// The folder of the series.
    pub(crate) folder: &'a Path,
    /// Higher than any generation of the series so far.
    pub(crate) generation: u64,
    /// What the series covers, these rows included.
    pub(crate) covered: &'a Windows,
}

/// Publishes `new`, rows of one period in order with each key once, together with the rows of `old`.
pub(crate) fn publish(
    order: &Order<'_>,
    old: Option<&PeriodFile>,
    new: &Batch,
) -> Result<Published, StoreError> {
    let path = order.folder.join(order.period.file_name());
    let aside = atomic::aside(&path);
    let published = write_aside(order, old, new, &aside)
        .and_then(|written| {
            read_back(order, &aside, &written)?;
            atomic::take_name(&aside, &path).map_err(StoreError::io("renaming", &path))?;
            Ok(written)
        })
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&aside);
        })?;
    let modified = modified(&path).map_err(StoreError::io("looking at", &path))?;
    Ok(Published { entry: FileEntry { modified, ..published.entry }, ..published })
}

/// When a file was last modified, in microseconds since the epoch.
pub(crate) fn modified(path: &Path) -> std::io::Result<i64> {
    let since =
        std::fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn write_aside(
    order: &Order<'_>,
    old: Option<&PeriodFile>,
    new: &Batch,
    aside: &Path,
) -> Result<Published, StoreError> {
    let kind = order.series.kind();
    let failed = StoreError::parquet(aside);
    let file = atomic::create(aside).map_err(StoreError::io("creating", aside))?;
    let schema = schema(kind).map_err(&failed)?;
    let writer =
        SerializedFileWriter::new(Hashed::new(file), schema, Arc::new(properties(kind))).map_err(&failed)?;
    let mut out = Assembly {
        writer,
        waiting: Batch::of(kind),
        tally: Tally::default(),
        rows: 0,
        ends: None,
        copied: 0,
        path: aside,
    };
    out.assemble(old, new)?;

    let Assembly { mut writer, tally, rows, ends, copied, .. } = out;
    writer.flush().map_err(StoreError::io("writing", aside))?;
    let body = writer.inner();
    let footer = Footer {
        series: order.series.to_string(),
        period: order.period.name.clone(),
        generation: order.generation,
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
    hashed.into_inner().sync_all().map_err(StoreError::io("syncing", aside))?;

    let (first, last) = ends.unwrap_or((0, 0));
    let entry = FileEntry { rows, bytes, sha256, generation: order.generation, first, last, modified: 0 };
    Ok(Published {
        period: order.period.name.clone(),
        entry,
        tally,
        encoded_bytes: bytes.saturating_sub(copied),
        copied_bytes: copied,
    })
}

/// Reads what was written as a reader would and compares it with what was meant.
fn read_back(order: &Order<'_>, aside: &Path, written: &Published) -> Result<(), StoreError> {
    let differs = |reason: &str| StoreError::ReadBack { path: aside.to_owned(), reason: reason.to_owned() };
    let file = match open_period_file(aside, order.series.kind())? {
        Opened::Ours(file) => file,
        Opened::Foreign => return Err(differs("our entry is missing from its footer")),
        Opened::Damaged(reason) => return Err(differs(&reason)),
    };
    if file.footer().generation != order.generation || file.footer().rows != written.entry.rows {
        return Err(differs("its footer is another"));
    }
    let hashes = hash_file(aside, file.footer().body_bytes).map_err(StoreError::io("reading", aside))?;
    if hashes.whole != written.entry.sha256 || hashes.body != file.footer().body_sha256 {
        return Err(differs("its hash is another"));
    }
    Ok(())
}

/// The next file while it is put together, row group by row group.
struct Assembly<'a> {
    writer: SerializedFileWriter<Hashed<File>>,
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

impl Assembly<'_> {
    fn assemble(&mut self, old: Option<&PeriodFile>, new: &Batch) -> Result<(), StoreError> {
        let new_keys = keys(new);
        let mut next = 0;
        for index in 0..old.map_or(0, PeriodFile::groups) {
            let Some(file) = old else { break };
            let group = file.metadata().row_group(index);
            let Some(range) = key_range(group) else {
                let reason = format!("row group {index} of the file before it has no statistics");
                return Err(StoreError::ReadBack { path: file.path().to_owned(), reason });
            };
            let before = new_keys.partition_point(|key| *key < range.start);
            let inside = new_keys.partition_point(|key| *key < range.end);
            self.wait(new, next..before)?;
            next = inside;
            let untouched = before == inside;
            let is_last = index + 1 == file.groups();
            let full = group.num_rows() >= GROUP_ROWS as i64;
            if untouched && (full || (group.num_rows() >= COPY_ROWS && !is_last)) {
                self.drain(1)?;
                self.copy(file, index)?;
            } else {
                let (merged, tally) = merge(&file.group(index)?, &new.slice(before..inside));
                self.tally.add(tally);
                self.waiting.take_all(&merged);
                self.drain(GROUP_ROWS)?;
            }
        }
        self.wait(new, next..new.len())?;
        self.drain(1)
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

    /// Writes waiting rows as long as at least `least` of them wait.
    fn drain(&mut self, least: usize) -> Result<(), StoreError> {
        let mut from = 0;
        while self.waiting.len() - from >= least {
            let until = self.waiting.len().min(from + GROUP_ROWS);
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
