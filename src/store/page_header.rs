//! Headers of pages that may be damaged: the Parquet library takes and clears as much memory as one says its page is without
//! compression, before it decompresses a byte of it.

use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};

use crate::store::chunks::{Chunks, Cursor};
use crate::store::thrift::{I32, STRUCT, walk};

/// The largest page that is read, in bytes: 32 times as many rows as a row group of ours has, of eight bytes each.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes that one of a page may stand for: Zstandard writes a block of 128 KiB in four.
const MOST_PER_BYTE: u64 = 32 << 10;

/// The field of a header that tells the length of its page without compression.
const UNCOMPRESSED: u16 = 2;

/// A file whose pages of one column are as long as they can be, at most.
pub(crate) struct CheckedHeaders {
    file: Chunks,
    /// Whether pages are fetched whole, with their headers.
    is_whole: bool,
    most: Most,
}

/// The length that no page of a column goes beyond, in bytes without compression.
#[derive(Clone, Copy)]
struct Most(u64);

/// Bytes from the header of a page on, which is checked once it is read: the library begins some readings without need.
pub(crate) struct FromHeader {
    file: BufReader<Cursor>,
    unchecked: Option<(Cursor, Most)>,
}

impl CheckedHeaders {
    pub(crate) fn new(file: Chunks, column: &ColumnChunkMetaData, is_whole: bool) -> Self {
        let bytes = u64::try_from(column.compressed_size()).unwrap_or(0);
        let most = Most(bytes.saturating_add(1).saturating_mul(MOST_PER_BYTE).min(MOST_BYTES));
        CheckedHeaders { file, is_whole, most }
    }
}

impl Most {
    fn check(self, header: &mut impl BufRead) -> Result<()> {
        let (claimed, Most(most)) = (uncompressed(header)?, self);
        if claimed <= most {
            return Ok(());
        }
        Err(ParquetError::General(format!(
            "a page of it would be {claimed} bytes long without compression, and {most} are the most that are read"
        )))
    }
}

impl Length for CheckedHeaders {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for CheckedHeaders {
    type T = FromHeader;

    fn get_read(&self, start: u64) -> Result<FromHeader> {
        // Two buffers only where a header is read.
        let unchecked = (!self.is_whole).then(|| (self.file.cursor(start), self.most));
        Ok(FromHeader { file: self.file.get_read(start)?, unchecked })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.file.get_bytes(start, length)?;
        if self.is_whole {
            self.most.check(&mut &*bytes)?;
        }
        Ok(bytes)
    }
}

impl Read for FromHeader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some((header, most)) = self.unchecked.take() {
            most.check(&mut BufReader::new(header)).map_err(io::Error::other)?;
        }
        self.file.read(buffer)
    }
}

/// The length of a page without compression, as its header tells it: the greatest one, if it tells several.
fn uncompressed(header: &mut impl BufRead) -> Result<u64> {
    let mut most = 0;
    walk(header, type_of, &mut |field, number| {
        if field == UNCOMPRESSED {
            most = most.max(u64::try_from(number).unwrap_or(0));
        }
    })?;
    Ok(most)
}

/// The types of fields in a header, and in what it holds: a page of data (5), a dictionary (7), or a page of data of the second
/// version (8).
fn type_of(within: &[u16], field: u16) -> Option<u8> {
    let numbers = match within {
        [] | [5] => 4,
        [7] => 2,
        [8] => 6,
        _ => 0,
    };
    match field {
        _ if (1..=numbers).contains(&field) => Some(I32),
        5..=8 if within.is_empty() => Some(STRUCT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use parquet::basic::{Compression, ZstdLevel};
    use parquet::column::page::PageReader as _;
    use parquet::file::page_index::offset_index::PageLocation;
    use parquet::file::serialized_reader::SerializedPageReader;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;
    use crate::model::Kind;
    use crate::store::rows::schema;

    /// A header as it is written: a page of data of 10 bytes, 21 without compression, with 3 values, plain.
    const HEADER: [u8; 17] = [0x15, 0, 0x15, 42, 0x15, 20, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0];

    #[test]
    fn the_length_of_a_page_without_compression_is_found_in_its_header() {
        assert_eq!(uncompressed(&mut &HEADER[..]).unwrap(), 21);
    }

    #[test]
    fn of_several_lengths_the_greatest_is_taken() {
        let mut twice = HEADER[..16].to_vec();
        // Field 2 once more, by its number.
        twice.extend([0x05, 4, 0x80, 0x80, 0x80, 0x80, 8, 0]);
        assert_eq!(uncompressed(&mut &twice[..]).unwrap(), 1 << 30);
    }

    #[test]
    fn a_page_that_would_be_longer_than_its_bytes_can_stand_for_is_refused() {
        // A gigabyte of three values, in ten bytes.
        let mut bytes = vec![0x15, 0, 0x15, 0x80, 0x80, 0x80, 0x80, 8];
        bytes.extend(&HEADER[4..]);
        bytes.extend([0; 10]);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let path = file.into_temp_path();
        let length = i64::try_from(bytes.len()).unwrap();
        let schema = SchemaDescriptor::new(schema(Kind::Funding).unwrap());
        let column = ColumnChunkMetaData::builder(Arc::clone(&schema.columns()[0]))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_data_page_offset(0)
            .set_total_compressed_size(length)
            .build()
            .unwrap();

        let place = PageLocation { offset: 0, compressed_page_size: 31, first_row_index: 0 };
        for places in [None, Some(vec![place])] {
            let file = CheckedHeaders::new(Chunks::open(&path).unwrap(), &column, places.is_some());
            let mut pages = SerializedPageReader::new(Arc::new(file), &column, 3, places).unwrap();
            let why = pages.get_next_page().unwrap_err().to_string();
            assert!(why.contains("would be 1073741824 bytes long without compression"), "{why}");
        }
    }

    #[test]
    fn headers_the_library_would_read_otherwise_are_refused() {
        let (mut text, mut inner, mut list) = (HEADER, HEADER, HEADER);
        text[2] = 0x18;
        inner[7] = 0x16;
        list[6] = 0x29;
        for header in
            [&HEADER[..12], &text, &inner, &list, &[0x5c; 64], &[0x15, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert!(uncompressed(&mut &header[..]).is_err(), "{header:x?}");
        }
    }
}
