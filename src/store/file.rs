//! One period's Parquet file: its footer, whether it is ours, and its rows.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, Os, Reading};
use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::bounds::rows_within;
use crate::store::chunks::Chunks;
use crate::store::decoding::decoded;
use crate::store::merge::keys;
use crate::store::pages::RowGroup;
use crate::store::rows::{key_range, read_group, schema};
use crate::store::thrift::check_footer;
use crate::store::{Mark, StoreError};

/// The key of our own entry in a Parquet footer. A file without it is foreign.
pub(crate) const FOOTER_KEY: &str = "dccd";

/// Our own entry in a Parquet footer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Footer {
    /// The series' text.
    pub series: String,
    /// The period's name.
    pub period: String,
    /// Grows with every file published for the series.
    pub generation: u64,
    /// For an open file the generation of the file it stands beside, 0 where there was none; absent in a
    /// period's file. What an open file that is not newer than its file has up to the last row of that one is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<u64>,
    /// For an open file that took the newest rows out of the file beside it: the generation of that file while it had
    /// them. It is right together with that one too, whose rows from its first one on are dead then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of: Option<u64>,
    /// For an open file: rows written into open files since one was folded.
    #[serde(default)]
    pub rewritten: u64,
    /// The last journal frame of the series that is in it.
    #[serde(default)]
    pub journal: Option<Mark>,
    /// Rows in the file.
    pub rows: u64,
    /// Windows of the period that the series covered when the file was written.
    pub covered: Vec<(i64, i64)>,
    /// Length of the body: everything before the page index and the footer.
    pub body_bytes: u64,
    /// SHA-256 of the body.
    pub body_sha256: String,
}

impl Footer {
    /// The coverage the footer records.
    #[must_use]
    pub fn windows(&self) -> Windows {
        self.covered.iter().filter_map(|(from, until)| Window::new(Micros(*from), Micros(*until))).collect()
    }
}

/// A file found at a period's path.
pub enum Opened {
    /// A file dccd wrote.
    Ours(Box<PeriodFile>),
    /// A Parquet file that another program wrote.
    Foreign,
    /// Nothing that can be read, with the reason.
    Damaged(String),
}

/// A readable file of ours.
#[derive(Clone)]
pub struct PeriodFile {
    path: PathBuf,
    file: Chunks,
    metadata: Arc<ParquetMetaData>,
    footer: Footer,
    kind: Kind,
    /// The keys whose rows count; those of others are in the file beside it.
    keys: Range<i64>,
}

/// Every key.
pub(crate) const ALL_KEYS: Range<i64> = i64::MIN..i64::MAX;

/// Looks at the file at `path`, which should hold rows of `kind`; reads its footer only.
///
/// # Errors
/// Where the operating system refuses to read it.
pub fn open_period_file(path: &Path, kind: Kind) -> Result<Opened, StoreError> {
    look_into(&Os, path, kind)
}

/// As [`open_period_file`], on any disk.
pub(crate) fn look_into(disk: &dyn Disk, path: &Path, kind: Kind) -> Result<Opened, StoreError> {
    look_at(disk.open(path).map_err(StoreError::io("opening", path))?, path, kind)
}

/// As [`look_into`], at a file that is open already.
pub(crate) fn look_at(file: Arc<dyn Reading>, path: &Path, kind: Kind) -> Result<Opened, StoreError> {
    let file = Chunks::new(file);
    let metadata = decoded(|| {
        check_footer(&file)?;
        ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(&file)
    });
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(error) => return Ok(Opened::Damaged(format!("its footer cannot be read: {error}"))),
    };
    let entries = metadata.file_metadata().key_value_metadata();
    let own = entries.and_then(|entries| entries.iter().find(|entry| entry.key == FOOTER_KEY));
    let Some(text) = own.and_then(|entry| entry.value.as_deref()) else { return Ok(Opened::Foreign) };
    let footer: Footer = match serde_json::from_str(text) {
        Ok(footer) => footer,
        Err(error) => return Ok(Opened::Damaged(format!("our entry in its footer cannot be read: {error}"))),
    };
    let expected = schema(kind).map_err(StoreError::parquet(path))?;
    if metadata.file_metadata().schema().get_fields() != expected.get_fields() {
        return Ok(Opened::Damaged("its columns are not those of its kind".to_owned()));
    }
    let rows = match rows_within(&metadata, file.len()) {
        Ok(rows) => rows,
        Err(why) => return Ok(Opened::Damaged(why)),
    };
    if rows != footer.rows {
        return Ok(Opened::Damaged(format!("it holds {rows} rows and its footer says {}", footer.rows)));
    }
    let (path, metadata) = (path.to_owned(), Arc::new(metadata));
    Ok(Opened::Ours(Box::new(PeriodFile { path, file, metadata, footer, kind, keys: ALL_KEYS })))
}

impl PeriodFile {
    /// Our entry in its footer.
    #[must_use]
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The Parquet metadata with the page index.
    #[must_use]
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    /// The open file, to copy encoded bytes from.
    pub(crate) fn file(&self) -> &Chunks {
        &self.file
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many row groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// The same file, of which only rows of these keys count.
    #[must_use]
    pub(crate) fn narrowed(&self, keys: Range<i64>) -> Self {
        let keys = self.keys.start.max(keys.start)..self.keys.end.min(keys.end);
        PeriodFile { keys, ..self.clone() }
    }

    /// The keys of a row group that count, half-open, as its statistics tell them.
    #[must_use]
    pub(crate) fn group_keys(&self, index: usize) -> Option<Range<i64>> {
        let range = key_range(self.metadata.row_group(index))?;
        Some(range.start.max(self.keys.start)..range.end.min(self.keys.end))
    }

    /// Whether all rows of a row group count.
    #[must_use]
    pub(crate) fn has_whole(&self, index: usize) -> bool {
        let range = key_range(self.metadata.row_group(index));
        self.keys == ALL_KEYS
            || range.is_some_and(|range| self.keys.start <= range.start && range.end <= self.keys.end)
    }

    /// The rows of one row group.
    ///
    /// # Errors
    /// Where the bytes contradict the metadata.
    pub fn group(&self, index: usize) -> Result<Batch, StoreError> {
        let failed = StoreError::parquet(&self.path);
        let rows = read_group(self.kind, &self.row_group(index)).map_err(&failed)?;
        if self.has_whole(index) {
            return Ok(rows);
        }
        Ok(rows.slice(self.counted(keys(&rows))))
    }

    /// A row group, to read columns of.
    pub(crate) fn row_group(&self, index: usize) -> RowGroup<'_> {
        RowGroup::new(&self.file, &self.metadata, index)
    }

    /// The rows that count of those with the given keys, in order.
    pub(crate) fn counted(&self, keys: &[i64]) -> Range<usize> {
        let until = |key: i64| keys.partition_point(|own| *own < key);
        let (from, until) = (until(self.keys.start), until(self.keys.end));
        from..until.max(from)
    }

    /// All rows, in order. For checks and small files: everything is in memory at once.
    ///
    /// # Errors
    /// Where the bytes contradict the metadata.
    pub fn rows(&self) -> Result<Batch, StoreError> {
        let mut rows = Batch::of(self.kind);
        for index in 0..self.groups() {
            rows.take_all(&self.group(index)?);
        }
        Ok(rows)
    }

    /// The highest key: `ts`, or `ord` for books. Where not all rows count, none of those that do is higher.
    #[must_use]
    pub fn last_key(&self) -> Option<i64> {
        self.filled().map(|range| range.end - 1).max()
    }

    /// The highest number of an update, where it is a file of a book.
    #[must_use]
    pub(crate) fn last_ord(&self) -> Option<i64> {
        self.last_key().filter(|_| self.kind == Kind::OrderBook)
    }

    /// The lowest key. Where not all rows count, none of those that do is lower.
    #[must_use]
    pub fn first_key(&self) -> Option<i64> {
        self.filled().map(|range| range.start).min()
    }

    fn filled(&self) -> impl Iterator<Item = Range<i64>> + '_ {
        (0..self.groups()).filter_map(|index| self.group_keys(index)).filter(|range| !range.is_empty())
    }

    /// Hashes the file from its first byte to its last.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn hashes(&self) -> Result<Hashes, StoreError> {
        hash(&self.file, self.footer.body_bytes).map_err(StoreError::io("reading", &self.path))
    }
}

/// The hashes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Of its body.
    pub body: String,
    /// Of the whole file.
    pub whole: String,
    /// Its length.
    pub bytes: u64,
}

/// Hashes a file whose body has the given length.
fn hash(file: &Chunks, body_bytes: u64) -> io::Result<Hashes> {
    let mut file = file.cursor(0);
    let mut sink = Hashed::new(io::sink());
    let mut body = None;
    let mut chunk = vec![0; 1 << 18];
    loop {
        let left = body_bytes.saturating_sub(sink.bytes);
        if left == 0 && body.is_none() {
            body = Some(sink.digest());
        }
        let want = if body.is_some() {
            chunk.len()
        } else {
            chunk.len().min(usize::try_from(left).unwrap_or(chunk.len()))
        };
        let read = file.read(&mut chunk[..want])?;
        if read == 0 {
            break;
        }
        sink.write_all(&chunk[..read])?;
    }
    let whole = sink.digest();
    Ok(Hashes { body: body.unwrap_or_else(|| whole.clone()), whole, bytes: sink.bytes })
}

/// A writer that hashes and counts what passes through it.
pub(crate) struct Hashed<W> {
    inner: W,
    context: Context,
    /// Bytes written so far.
    pub(crate) bytes: u64,
}

impl<W> Hashed<W> {
    pub(crate) fn new(inner: W) -> Self {
        Hashed { inner, context: Context::new(&SHA256), bytes: 0 }
    }

    /// SHA-256 of everything written so far, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        hex(self.context.clone().finish().as_ref())
    }

    pub(crate) fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buf)?;
        self.context.update(&buf[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
