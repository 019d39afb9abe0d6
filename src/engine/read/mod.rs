//! Stored rows of one or many series in the order of time, from one state.
//!
//! No engine is needed: files and journal are read as they are, beside a process that writes them.
//!
//! ```no_run
//! # fn rows() -> Result<(), Box<dyn std::error::Error>> {
//! use dccd::engine::read::{ReadRequest, read};
//!
//! let series = vec!["binance/BTC-USDT/ohlc/1h".parse()?, "kraken/BTC-USD/ohlc/1h".parse()?];
//! // The instants and the closes.
//! let request = ReadRequest { series, from: None, until: None, columns: vec![0, 4], limit: Some(1_000) };
//! let mut rows = read("data/crypto", &request)?;
//! while let Some(run) = rows.next_run()? {
//!     println!("{} rows of {}", run.rows.len(), run.series);
//! }
//! # Ok(())
//! # }
//! ```

mod ask;
mod columns;
mod lines;

use std::io::Write;
use std::path::PathBuf;

use thiserror::Error;

pub(crate) use self::ask::{AskError, Asked, Plan};
pub(crate) use self::lines::json_lines;
pub(crate) use crate::export::rows::RowFormat;
use crate::export::rows::{RowTable, RowWriter};
pub use crate::store::reader::{ReadRequest, RowReader, Run};
use crate::store::{Layout, StoreError};

/// Reads rows under a data path, which another process may be writing.
///
/// # Errors
/// If a ledger, the journal or a file in the range cannot be read, or a file is on remotes only.
pub fn read(data_path: impl Into<PathBuf>, request: &ReadRequest) -> Result<RowReader, StoreError> {
    RowReader::open(&Layout::new(data_path), request)
}

/// Why rows ended before the last.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// They cannot be read on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They cannot be written.
    #[error("the rows cannot be written")]
    Write(#[from] std::io::Error),
}

impl Plan {
    /// Takes the state that the rows are from.
    ///
    /// # Errors
    /// See [`read`].
    pub(crate) fn open(&self, layout: &Layout) -> Result<RowReader, StoreError> {
        RowReader::open(layout, &self.request)
    }

    /// Writes the rows; returns their number.
    ///
    /// # Errors
    /// If a file cannot be read, or the stream cannot be written.
    pub(crate) fn write(&self, mut rows: RowReader, out: impl Write + Send) -> Result<u64, WriteError> {
        let table = RowTable::of(&self.request.series, &self.request.columns);
        let mut writer = RowWriter::new(out, self.format, table)?;
        let mut written = 0;
        while let Some(run) = rows.next_run()? {
            writer.write(&run)?;
            written += run.rows.len() as u64;
        }
        writer.finish()?;
        Ok(written)
    }
}
