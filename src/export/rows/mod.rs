//! Rows of one or many series as one stream: CSV, JSON lines, Arrow or Parquet, written as they are read.
//!
//! With many series the first columns say which one a row is of.

mod arrow;
mod columns;
mod parquet;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};
use std::sync::Arc;

use crate::store::reader::Run;

use self::arrow::ArrowRows;
use self::parquet::ParquetRows;
pub use self::table::RowTable;
use self::text::{CsvRows, JsonRows};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// Comma-separated text with a header.
    Csv,
    /// A JSON object a row, each on a line.
    Jsonl,
    /// The stream format of Apache Arrow.
    Arrow,
    /// One Parquet file.
    Parquet,
}

impl RowFormat {
    /// Every format.
    pub const ALL: [RowFormat; 4] = [RowFormat::Csv, RowFormat::Jsonl, RowFormat::Arrow, RowFormat::Parquet];

    /// The format's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RowFormat::Csv => "csv",
            RowFormat::Jsonl => "jsonl",
            RowFormat::Arrow => "arrow",
            RowFormat::Parquet => "parquet",
        }
    }

    /// The type of its content on the web.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            RowFormat::Csv => "text/csv; charset=utf-8",
            RowFormat::Jsonl => "application/x-ndjson",
            RowFormat::Arrow => "application/vnd.apache.arrow.stream",
            RowFormat::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Whether it is text that a terminal can show.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, RowFormat::Csv | RowFormat::Jsonl)
    }
}

/// Writes rows in one of the formats.
pub struct RowWriter<W: Write + Send>(Format<W>);

enum Format<W: Write + Send> {
    Csv(CsvRows<W>),
    Jsonl(JsonRows<W>),
    Arrow(Box<ArrowRows<W>>),
    Parquet(Box<ParquetRows<W>>),
}

impl<W: Write + Send> RowWriter<W> {
    /// Writes what comes before the first row.
    ///
    /// # Errors
    /// An I/O error of the stream.
    pub fn new(out: W, format: RowFormat, table: RowTable) -> io::Result<Self> {
        let table = Arc::new(table);
        Ok(RowWriter(match format {
            RowFormat::Csv => Format::Csv(CsvRows::new(out, table)?),
            RowFormat::Jsonl => Format::Jsonl(JsonRows::new(out, table)),
            RowFormat::Arrow => Format::Arrow(Box::new(ArrowRows::new(out, table)?)),
            RowFormat::Parquet => Format::Parquet(Box::new(ParquetRows::new(out, table)?)),
        }))
    }

    /// Writes rows, or keeps them until there are enough of them.
    ///
    /// # Errors
    /// An I/O error of the stream.
    pub fn write(&mut self, run: &Run<'_>) -> io::Result<()> {
        match &mut self.0 {
            Format::Csv(own) => own.write(run),
            Format::Jsonl(own) => own.write(run),
            Format::Arrow(own) => own.write(run),
            Format::Parquet(own) => own.write(run),
        }
    }

    /// Writes what comes after the last row; returns the stream, flushed.
    ///
    /// # Errors
    /// An I/O error of the stream.
    pub fn finish(self) -> io::Result<W> {
        let mut out = match self.0 {
            Format::Csv(own) => own.finish()?,
            Format::Jsonl(own) => own.finish()?,
            Format::Arrow(own) => own.finish()?,
            Format::Parquet(own) => own.finish()?,
        };
        out.flush()?;
        Ok(out)
    }
}
