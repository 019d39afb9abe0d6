//! Writes ZIP archives sequentially: no seeking, and only a record per entry is kept in memory.
//!
//! Sizes and checksums follow the data of their entry, as the format allows for streaming.
//!
//! Written by hand because the crate for workbooks kept temporary files, and panicked if one could not be written.

use std::io::{self, Write};

use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Version 2.0 of the format, deflate, names in UTF-8, and sizes after the data.
const VERSION: u16 = 20;
const FLAGS: u16 = 0x0808;
const DEFLATE: u16 = 8;
/// 1980-01-01, the earliest date of the format; a fixed date makes the output reproducible.
const DATE: u32 = 0x0021_0000;

/// An archive being written.
pub(crate) struct Zip<W: Write> {
    state: ZipState<W>,
    entries: Vec<Entry>,
}

enum ZipState<W: Write> {
    Between(Counted<W>),
    /// Inside an entry, whose bytes go in here.
    Within(DeflateEncoder<Counted<W>>, Hasher, u64),
    /// Lost to an earlier error.
    Lost,
}

struct Entry {
    name: String,
    from: u32,
    crc: u32,
    packed: u32,
    bytes: u32,
}

/// Counts the bytes written to a stream.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Zip<W> {
    pub(crate) fn new(out: W) -> Self {
        Zip { state: ZipState::Between(Counted { inner: out, bytes: 0 }), entries: Vec::new() }
    }

    /// Begins an entry, after ending the previous one.
    pub(crate) fn begin(&mut self, name: &str) -> io::Result<()> {
        let mut out = self.end()?;
        let entry = Entry { name: name.to_owned(), from: small(out.bytes)?, crc: 0, packed: 0, bytes: 0 };
        out.write_all(b"PK\x03\x04")?;
        out.write_all(&entry.head())?;
        out.write_all(&0_u16.to_le_bytes())?;
        out.write_all(name.as_bytes())?;
        self.entries.push(entry);
        self.state = ZipState::Within(DeflateEncoder::new(out, Compression::new(3)), Hasher::new(), 0);
        Ok(())
    }

    /// Finishes the archive.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let mut out = self.end()?;
        let from = small(out.bytes)?;
        for entry in &self.entries {
            out.write_all(b"PK\x01\x02")?;
            out.write_all(&VERSION.to_le_bytes())?;
            out.write_all(&entry.head())?;
            // No extra field, no comment, the first disk, no attributes.
            out.write_all(&[0; 12])?;
            out.write_all(&entry.from.to_le_bytes())?;
            out.write_all(entry.name.as_bytes())?;
        }
        let bytes = small(out.bytes - u64::from(from))?;
        let count = u16::try_from(self.entries.len()).map_err(|_| too_large())?;
        out.write_all(b"PK\x05\x06\0\0\0\0")?;
        out.write_all(&count.to_le_bytes())?;
        out.write_all(&count.to_le_bytes())?;
        out.write_all(&bytes.to_le_bytes())?;
        out.write_all(&from.to_le_bytes())?;
        out.write_all(&[0; 2])?;
        Ok(out.inner)
    }

    /// Ends the current entry.
    fn end(&mut self) -> io::Result<Counted<W>> {
        match std::mem::replace(&mut self.state, ZipState::Lost) {
            ZipState::Between(out) => Ok(out),
            ZipState::Lost => Err(io::Error::other("an earlier write failed")),
            ZipState::Within(deflating, crc, bytes) => {
                let mut out = deflating.finish()?;
                let Some(entry) = self.entries.last_mut() else { return Ok(out) };
                let head = 30 + entry.name.len() as u64;
                entry.packed = small(out.bytes - u64::from(entry.from) - head)?;
                (entry.crc, entry.bytes) = (crc.finalize(), small(bytes)?);
                out.write_all(b"PK\x07\x08")?;
                out.write_all(&entry.sizes())?;
                Ok(out)
            }
        }
    }
}

impl<W: Write> Write for Zip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let ZipState::Within(deflating, crc, count) = &mut self.state else {
            return Err(io::Error::other("no entry was begun"));
        };
        let written = deflating.write(bytes)?;
        crc.update(&bytes[..written]);
        *count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Entry {
    /// The fields that an entry's header and the central directory share, up to the length of the name.
    fn head(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(24);
        for value in [VERSION, FLAGS, DEFLATE] {
            head.extend_from_slice(&value.to_le_bytes());
        }
        head.extend_from_slice(&DATE.to_le_bytes());
        head.extend_from_slice(&self.sizes());
        head.extend_from_slice(&u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes());
        head
    }

    fn sizes(&self) -> [u8; 12] {
        let mut sizes = [0; 12];
        sizes[..4].copy_from_slice(&self.crc.to_le_bytes());
        sizes[4..8].copy_from_slice(&self.packed.to_le_bytes());
        sizes[8..].copy_from_slice(&self.bytes.to_le_bytes());
        sizes
    }
}

fn small(bytes: u64) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::other("it would be larger than 4 GiB; export fewer rows at a time, or CSV")
}
