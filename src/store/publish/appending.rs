//! The file that is written and the files that are copied from, in pieces that are worth a call each.
//!
//! The Parquet library copies eight kilobytes at a time, and every write looks at the lock of the data path first. What is
//! written is read back, and a checksum, which costs less than a second digest, tells whether it is the same.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use crc32fast::Hasher;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::disk::Writing;
use crate::store::chunks::{Chunks, Cursor};

/// Bytes that are read or written with one call.
const PIECE_BYTES: usize = 128 << 10;

/// A file being written, as the Parquet library writes.
pub(super) struct Appending(BufWriter<Unbuffered>);

struct Unbuffered {
    file: Arc<dyn Writing>,
    sum: Hasher,
}

impl Appending {
    /// Writes to a file.
    pub(super) fn to(file: Arc<dyn Writing>) -> Self {
        Appending(BufWriter::with_capacity(PIECE_BYTES, Unbuffered { file, sum: Hasher::new() }))
    }

    /// Writes what is left in memory and makes all of it durable; gives the checksum of all that was written.
    pub(super) fn sync(mut self) -> io::Result<u32> {
        self.0.flush()?;
        let Unbuffered { file, sum } = self.0.get_ref();
        file.sync()?;
        Ok(sum.clone().finalize())
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
        let written = self.file.append(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The checksum of a file as it is read.
pub(super) fn checksum(file: &Chunks) -> io::Result<u32> {
    let (mut file, mut sum, mut piece) = (file.cursor(0), Hasher::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(sum.finalize()),
            read => sum.update(&piece[..read]),
        }
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    use super::*;
    use crate::disk::{Disk as _, Os};

    #[test]
    fn a_byte_that_is_read_otherwise_than_it_was_written_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = Appending::to(Os.create(&path).unwrap());
        (0..100_000_u32).for_each(|number| file.write_all(&number.to_le_bytes()).unwrap());
        let sum = file.sync().unwrap();
        assert_eq!(checksum(&Chunks::open(&path).unwrap()).unwrap(), sum);

        File::options().write(true).open(&path).unwrap().write_all_at(&[1], 399_999).unwrap();
        assert_ne!(checksum(&Chunks::open(&path).unwrap()).unwrap(), sum);
    }
}
