//! An open file as the Parquet library reads it.

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::disk::{Disk, Os, Reading};

/// An open file as the Parquet library reads it.
#[derive(Clone, Debug)]
pub(crate) struct Chunks(Arc<dyn Reading>);

impl Chunks {
    pub(crate) fn new(file: Arc<dyn Reading>) -> Self {
        Chunks(file)
    }

    /// A file of the operating system.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Os.open(path).map(Chunks)
    }

    /// Its bytes from a place on, without a buffer.
    pub(crate) fn cursor(&self, at: u64) -> Cursor {
        Cursor { file: Arc::clone(&self.0), at }
    }
}

/// Bytes of a file from a place on.
pub(crate) struct Cursor {
    file: Arc<dyn Reading>,
    at: u64,
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.bytes()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(self.cursor(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A file that is damaged may speak of any number of bytes.
        if start.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut bytes = vec![0; length];
        self.cursor(start).read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
