//! Exports the rows of a series to files for other programs: CSV and Excel workbooks, batch by batch. Rows of many series
//! go to a stream in more formats.

mod csv;
pub mod rows;
mod stamp;
mod xlsx;
mod zip;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::disk::atomic;
use crate::model::{Batch, Kind};
use crate::store::{Scan, StoreError};

pub use csv::Csv;
pub use xlsx::Xlsx;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Comma-separated text.
    Csv,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    /// The format's name, which is also its files' extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
        }
    }
}

/// Why an export failed.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The rows could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be written.
    #[error("{} could not be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The file already exists.
    #[error("{} exists; give --force to replace it, or another --output", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The path is not a plain file.
    #[error("{} is no plain file, and stays as it is; name a file as --output, or use `--output -`", path.display())]
    NoFile {
        /// A device, a pipe or a folder.
        path: PathBuf,
    },
}

impl ExportError {
    fn write(path: &Path) -> impl Fn(io::Error) -> ExportError {
        move |source| ExportError::Write { path: path.to_owned(), source }
    }
}

/// Writes the rows as CSV to an open stream, such as standard output. Returns their number.
///
/// # Errors
/// If rows cannot be read or the stream cannot be written.
pub fn to_stream(kind: Kind, rows: Scan, out: &mut dyn Write) -> Result<u64, ExportError> {
    let failed = ExportError::write(Path::new("standard output"));
    let mut csv = Csv::new(io::BufWriter::with_capacity(1 << 16, out), kind).map_err(&failed)?;
    let written = each(rows, |batch| csv.write(batch).map_err(&failed))?;
    csv.finish().and_then(|mut out| out.flush()).map_err(&failed)?;
    Ok(written)
}

/// Writes the rows to a file, completely or not at all. Returns their number.
///
/// # Errors
/// If the file exists and `force` is not set, the path is not a plain file, rows cannot be read, or the file
/// cannot be written; an existing file is unchanged then.
pub fn to_file(kind: Kind, rows: Scan, format: Format, path: &Path, force: bool) -> Result<u64, ExportError> {
    if !force && path.exists() {
        return Err(ExportError::Exists { path: path.to_owned() });
    }
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(ExportError::NoFile { path: path.to_owned() });
    }
    // A link is kept: its target is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let aside = atomic::aside(&target);
    let written = write_aside(kind, rows, format, &aside, path).and_then(|written| {
        atomic::take_name(&aside, &target).map_err(ExportError::write(path))?;
        Ok(written)
    });
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&aside);
    })
}

fn write_aside(
    kind: Kind,
    rows: Scan,
    format: Format,
    aside: &Path,
    path: &Path,
) -> Result<u64, ExportError> {
    let failed = ExportError::write(path);
    let file = io::BufWriter::with_capacity(1 << 16, atomic::create(aside).map_err(&failed)?);
    let (file, written) = match format {
        Format::Csv => {
            let mut csv = Csv::new(file, kind).map_err(&failed)?;
            let written = each(rows, |batch| csv.write(batch).map_err(&failed))?;
            (csv.finish().map_err(&failed)?, written)
        }
        Format::Xlsx => {
            let mut xlsx = Xlsx::new(kind, file).map_err(&failed)?;
            let written = each(rows, |batch| xlsx.write(batch).map_err(&failed))?;
            (xlsx.finish().map_err(&failed)?, written)
        }
    };
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(&failed)?;
    Ok(written)
}

fn each(rows: Scan, mut write: impl FnMut(&Batch) -> Result<(), ExportError>) -> Result<u64, ExportError> {
    let mut written = 0;
    for batch in rows {
        let batch = batch?;
        write(&batch)?;
        written += batch.len() as u64;
    }
    Ok(written)
}
