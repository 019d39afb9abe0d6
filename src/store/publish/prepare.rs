//! Publishing: a period's new rows and its file become its next file.
//!
//! Row groups that no new row touches are copied as they are, encoded bytes and page index; the others
//! are decoded, merged and encoded anew. The file is written aside, read back, synced and renamed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::metadata::KeyValue;
use parquet::file::reader::Length as _;
use parquet::file::writer::SerializedFileWriter;

use crate::disk::aside;
use crate::model::Windows;
use crate::store::file::{FOOTER_KEY, Footer, Hashed, Opened, PeriodFile};
use crate::store::ledger::pairs;
use crate::store::merge::Tally;
use crate::store::publish::appending::{Appending, checksum};
use crate::store::publish::assembly::{Assembled, Assembly};
use crate::store::publish::new_rows::NewRows;
use crate::store::rows::{properties, schema};
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
    new: NewRows<'_>,
) -> Result<Prepared<'a>, StoreError> {
    let path = order.place.path(&order.period.name, order.part());
    let shown = path.strip_prefix(order.place.layout.root()).unwrap_or(&path);
    let prepare = || {
        let aside = aside(&path);
        write_aside(order, olds, new, &aside)
            .and_then(|(mut published, tally, sum)| {
                published.last_ord = read_back(order, &aside, &published, sum)?;
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

/// Writes a file aside; gives the checksum of its bytes too.
fn write_aside(
    order: &Order<'_>,
    olds: &[&PeriodFile],
    new: NewRows<'_>,
    aside: &Path,
) -> Result<(Published, Tally, u32), StoreError> {
    let kind = order.place.series.kind();
    let failed = StoreError::parquet(aside);
    let file = order.place.disk.create_anew(aside).map_err(StoreError::io("creating", aside))?;
    let schema = schema(kind).map_err(&failed)?;
    let into = Hashed::new(Appending::to(file));
    let writer = SerializedFileWriter::new(into, schema, Arc::new(properties(kind))).map_err(&failed)?;
    let Assembled { mut writer, tally, rows, ends, copied } =
        Assembly::new(writer, kind, aside).assemble(olds, new)?;
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
    let sum = hashed.into_inner().sync().map_err(StoreError::io("syncing", aside))?;

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
    Ok((published, tally, sum))
}

/// Reads what was written as a reader would and compares it with what was meant. Returns the highest number of an update,
/// where it is a book.
fn read_back(
    order: &Order<'_>,
    aside: &Path,
    written: &Published,
    sum: u32,
) -> Result<Option<i64>, StoreError> {
    let differs = |reason: &str| StoreError::ReadBack { path: aside.to_owned(), reason: reason.to_owned() };
    let file = match order.place.look_into(aside)? {
        Opened::Ours(file) => file,
        Opened::Foreign => return Err(differs("our entry is missing from its footer")),
        Opened::Damaged(reason) => return Err(differs(&reason)),
    };
    if file.footer().generation != order.generation || file.footer().rows != written.entry.rows {
        return Err(differs("its footer is another"));
    }
    let read = checksum(file.file()).map_err(StoreError::io("reading", aside))?;
    if file.file().len() != written.entry.bytes || read != sum {
        return Err(differs("its bytes are not those that were written"));
    }
    Ok(file.last_ord())
}
