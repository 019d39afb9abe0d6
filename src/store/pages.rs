//! Pages of columns that may be damaged: the Parquet library takes memory for as many words or numbers as a dictionary or a
//! page of differences says it has, before it looks for them, and ends the process where there is not that much.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::page_index::RowGroupPageIndex;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use crate::store::chunks::Chunks;
use crate::store::decoding::decoded;
use crate::store::page_header::CheckedHeaders;
use crate::store::thrift::varint;

/// A row group of a file, to read columns of.
pub(crate) struct RowGroup<'a> {
    file: &'a Chunks,
    metadata: &'a RowGroupMetaData,
    page_index: RowGroupPageIndex,
}

impl<'a> RowGroup<'a> {
    pub(crate) fn new(file: &'a Chunks, metadata: &'a ParquetMetaData, index: usize) -> Self {
        let page_index = metadata.page_index_for_row_group(index);
        RowGroup { file, metadata: metadata.row_group(index), page_index }
    }

    pub(crate) fn metadata(&self) -> &'a RowGroupMetaData {
        self.metadata
    }

    /// A column, to read rows of.
    pub(crate) fn column(&self, index: usize) -> Result<ColumnReader> {
        decoded(|| {
            let own = self.metadata.column(index);
            let column = own.column_descr_ptr();
            let has_levels = (column.max_rep_level() > 0, column.max_def_level() > 0);
            let rows = usize::try_from(self.metadata.num_rows())?;
            let places = self.page_index.page_locations(index).cloned();
            let file = Arc::new(CheckedHeaders::new(self.file.clone(), own, places.is_some()));
            let pages = SerializedPageReader::new(file, own, rows, places)?;
            Ok(get_column_reader(column, Box::new(CheckedPages { pages, has_levels })))
        })
    }
}

/// Words of a dictionary that are read; other writers leave it at a megabyte.
const MOST_WORDS: usize = 4 << 20;

/// Pages that have the words, or the differences, that they say they have.
struct CheckedPages {
    pages: SerializedPageReader<CheckedHeaders>,
    /// Levels of repetition, and of definition.
    has_levels: (bool, bool),
}

/// Checks a page of a column that has levels of repetition, and of definition, or not.
fn check(page: &Page, has_levels: (bool, bool)) -> Result<()> {
    if let Page::DictionaryPage { buf, num_values, .. } = page {
        let is_there = *num_values as usize <= buf.len().min(MOST_WORDS);
        return is_there.then_some(()).ok_or_else(|| contradicts("its words"));
    }
    let streams = match page.encoding() {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Ok(()),
    };
    let most = u64::from(page.num_values());
    let mut rest = values(page, has_levels).ok_or_else(|| contradicts("its levels"))?;
    for _ in 0..streams {
        rest = behind_differences(rest, most).ok_or_else(|| contradicts("its differences"))?;
    }
    Ok(())
}

/// The bytes of a page behind its levels.
fn values(page: &Page, has_levels: (bool, bool)) -> Option<&[u8]> {
    match page {
        Page::DataPage { buf, def_level_encoding, .. } => match has_levels {
            (false, false) => Some(buf),
            (false, true) if *def_level_encoding == Encoding::RLE => {
                let (length, rest) = buf.split_first_chunk::<4>()?;
                rest.get(u32::from_le_bytes(*length) as usize..)
            }
            _ => None,
        },
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            buf.get((*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)?..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

fn contradicts(what: &str) -> ParquetError {
    ParquetError::General(format!("it is damaged: a page contradicts {what}"))
}

/// Bytes behind packed differences (DELTA_BINARY_PACKED), where these are of so many numbers at most and are all there.
fn behind_differences(bytes: &[u8], most: u64) -> Option<&[u8]> {
    let mut rest = bytes;
    let mut number = || varint(&mut rest).ok();
    let (block, parts, numbers) = (number()?, number()?, number()?);
    number()?;
    if numbers > most {
        return None;
    }
    let per_part = block.checked_div(parts).filter(|own| own % 32 == 0 && own * parts == block)?;
    let mut left = numbers.saturating_sub(1);
    while left > 0 {
        varint(&mut rest).ok()?;
        let (widths, packed) = rest.split_at_checked(usize::try_from(parts).ok()?)?;
        rest = packed;
        for width in widths {
            if left == 0 {
                break;
            }
            let bits = per_part.checked_mul(u64::from(*width))?;
            rest = rest.get(usize::try_from(bits / 8).ok()?..)?;
            left = left.saturating_sub(per_part);
        }
    }
    Some(rest)
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.as_ref().map(|page| check(page, self.has_levels)).transpose()?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.pages.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        let page = self.pages.take_deferred_dictionary()?;
        page.as_ref().map(|page| check(page, self.has_levels)).transpose()?;
        Ok(page)
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 128 numbers in 4 parts of 32, in 3 bits the first 32, in none the others.
    const DIFFERENCES: [u8; 7] = [0x80, 0x01, 4, 33, 2, 0, 3];

    fn differences(numbers: u8) -> Vec<u8> {
        let mut bytes = DIFFERENCES.to_vec();
        bytes[3] = numbers;
        bytes.extend([0, 0, 0]);
        bytes.extend([0xa5; 12]);
        bytes.extend(b"behind");
        bytes
    }

    #[test]
    fn what_follows_differences_is_found_where_all_of_them_are_there() {
        assert_eq!(behind_differences(&differences(33), 33).unwrap(), b"behind");
        assert_eq!(
            behind_differences(&differences(129), 200),
            None,
            "the page has a block less than it says"
        );
        assert_eq!(behind_differences(&differences(33)[..20], 33), None);
    }

    #[test]
    fn a_dictionary_of_more_words_than_it_has_bytes_is_refused() {
        let words = |num_values| {
            let buf = vec![0; 8].into();
            Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false }
        };
        assert!(check(&words(8), (false, false)).is_ok());
        assert!(check(&words(9), (false, false)).is_err());
        assert!(check(&words(u32::MAX), (false, false)).is_err());
    }

    #[test]
    fn differences_of_more_numbers_than_a_page_has_are_refused() {
        assert_eq!(behind_differences(&differences(33), 32), None);
        let huge = [0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 2];
        assert_eq!(behind_differences(&huge, u64::from(u32::MAX)), None);
        assert_eq!(behind_differences(&[0xff; 12], 1), None);
        assert_eq!(behind_differences(&[0x80, 0x01, 0, 9, 2, 0], 9), None, "no parts");
    }
}
