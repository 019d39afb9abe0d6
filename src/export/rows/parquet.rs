//! One Parquet file, encoded as the store encodes its own.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use crate::export::rows::columns::Waiting;
use crate::export::rows::table::RowTable;
use crate::store::reader::Run;
use crate::store::{properties_of, schema_of, write_columns};

/// Rows of a row group: half of what the store takes, which is in memory twice here.
const GROUP_ROWS: usize = 65_536;

/// Rows as a Parquet file.
pub(super) struct ParquetRows<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    waiting: Waiting,
}

impl<W: Write + Send> ParquetRows<W> {
    pub(super) fn new(out: W, table: Arc<RowTable>) -> io::Result<Self> {
        let schema = schema_of(&table.fields).map_err(refused)?;
        let properties = properties_of(&table.fields).build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(refused)?;
        Ok(ParquetRows { writer, waiting: Waiting::new(table, GROUP_ROWS) })
    }

    pub(super) fn write(&mut self, run: &Run<'_>) -> io::Result<()> {
        let mut taken = 0;
        while taken < run.rows.len() {
            taken += self.waiting.take(run, taken);
            if self.waiting.is_full() {
                self.drain()?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.drain()?;
        self.writer.into_inner().map_err(refused)
    }

    fn drain(&mut self) -> io::Result<()> {
        let rows = self.waiting.rows;
        if rows == 0 {
            return Ok(());
        }
        let columns = self.waiting.drain();
        write_columns(&mut self.writer, &[(&columns[..], 0..rows)]).map_err(refused)
    }
}

/// The stream's own error, where that is why.
fn refused(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(own) => *own,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
