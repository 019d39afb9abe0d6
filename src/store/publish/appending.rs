//! The file that is written and the files that are copied from, in pieces that are worth a call each.
//!
//! The Parquet library copies eight kilobytes at a time, and every write looks at the lock of the data path first.

use std::io::{self, BufReader, BufWriter, Write};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::disk::Writing;
use crate::store::chunks::{Chunks, Cursor};

/// Bytes that are read or written with one call.
const PIECE_BYTES: usize = 128 << 10;

/// A file being written, as the Parquet library writes.
pub(super) struct Appending(BufWriter<Unbuffered>);

struct Unbuffered(Arc<dyn Writing>);

impl Appending {
    /// Writes to a file.
    pub(super) fn to(file: Arc<dyn Writing>) -> Self {
        Appending(BufWriter::with_capacity(PIECE_BYTES, Unbuffered(file)))
    }

    /// Writes what is left in memory and makes all of it durable.
    pub(super) fn sync(mut self) -> io::Result<()> {
        self.0.flush()?;
        self.0.get_ref().0.sync()
    }
}

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open file that whole columns are copied from.
pub(super) struct Spliced<'a>(pub(super) &'a Chunks);

impl Length for Spliced<'_> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Spliced<'_> {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(PIECE_BYTES, self.0.cursor(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes, ParquetError> {
        self.0.get_bytes(start, length)
    }
}
