//! One period's Parquet file: what its footer says, whether it is ours, and its rows.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::StoreError;
use crate::store::rows::{key_range, read_group, schema};

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
    /// Rows in the file.
    pub rows: u64,
    /// What the file's series had covered within the period when it was written.
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

/// What lies at a period's path.
pub enum Opened {
    /// A file dccd wrote.
    Ours(Box<PeriodFile>),
    /// A Parquet file somebody else wrote.
    Foreign,
    /// Nothing that can be read, with the reason.
    Damaged(String),
}

/// A readable file of ours.
pub struct PeriodFile {
    path: PathBuf,
    file: File,
    metadata: ParquetMetaData,
    footer: Footer,
    kind: Kind,
}

/// Looks at the file at `path`, which should hold rows of `kind`; reads its footer only.
///
/// # Errors
/// Where the operating system refuses to read it.
pub fn open_period_file(path: &Path, kind: Kind) -> Result<Opened, StoreError> {
    let file = File::open(path).map_err(StoreError::io("opening", path))?;
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&file);
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
    let rows: i64 = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).sum();
    if u64::try_from(rows) != Ok(footer.rows) {
        return Ok(Opened::Damaged(format!("it holds {rows} rows and its footer says {}", footer.rows)));
    }
    Ok(Opened::Ours(Box::new(PeriodFile { path: path.to_owned(), file, metadata, footer, kind })))
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
    pub(crate) fn file(&self) -> &File {
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

    /// The rows of one row group.
    ///
    /// # Errors
    /// Where the bytes are not what the metadata says.
    pub fn group(&self, index: usize) -> Result<Batch, StoreError> {
        let failed = StoreError::parquet(&self.path);
        let handle = self.file.try_clone().map_err(StoreError::io("reading", &self.path))?;
        let reader = SerializedFileReader::new(handle).map_err(&failed)?;
        let group = reader.get_row_group(index).map_err(&failed)?;
        read_group(self.kind, group.as_ref()).map_err(&failed)
    }

    /// All rows, in order. For checks and small files: everything is in memory at once.
    ///
    /// # Errors
    /// Where the bytes are not what the metadata says.
    pub fn rows(&self) -> Result<Batch, StoreError> {
        let mut rows = Batch::of(self.kind);
        for index in 0..self.groups() {
            rows.take_all(&self.group(index)?);
        }
        Ok(rows)
    }

    /// The highest key: `ts`, or `ord` for books.
    #[must_use]
    pub fn last_key(&self) -> Option<i64> {
        self.metadata.row_groups().iter().filter_map(key_range).map(|range| range.end - 1).max()
    }

    /// Hashes the file from its first byte to its last.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn hashes(&self) -> Result<Hashes, StoreError> {
        hash_file(&self.path, self.footer.body_bytes).map_err(StoreError::io("reading", &self.path))
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
pub(crate) fn hash_file(path: &Path, body_bytes: u64) -> io::Result<Hashes> {
    let mut file = File::open(path)?;
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

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}
