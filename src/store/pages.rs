//! Pages of columns that may be damaged: the Parquet library takes memory for as many numbers as a page of differences says
//! it has, before it looks for them, and ends the process where there is not that much.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;

use crate::store::decoding::decoded;

/// A column of a row group, to read rows of.
pub(crate) fn column_reader(group: &dyn RowGroupReader, index: usize) -> Result<ColumnReader> {
    decoded(|| {
        let column = group.metadata().column(index).column_descr_ptr();
        let pages = group.get_column_page_reader(index)?;
        let has_levels = (column.max_rep_level() > 0, column.max_def_level() > 0);
        Ok(get_column_reader(column, Box::new(CheckedPages { pages, has_levels })))
    })
}

/// Pages whose differences are as many as they have values, at most.
struct CheckedPages {
    pages: Box<dyn PageReader>,
    /// Levels of repetition, and of definition.
    has_levels: (bool, bool),
}

impl CheckedPages {
    fn checked(&self, page: Page) -> Result<Page> {
        let streams = match page.encoding() {
            Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            Encoding::DELTA_BYTE_ARRAY => 2,
            _ => return Ok(page),
        };
        let most = u64::from(page.num_values());
        let mut rest = self.values(&page).ok_or_else(|| contradicts("its levels"))?;
        for _ in 0..streams {
            rest = behind_differences(rest, most).ok_or_else(|| contradicts("its differences"))?;
        }
        Ok(page)
    }

    /// The bytes of a page behind its levels.
    fn values<'a>(&self, page: &'a Page) -> Option<&'a [u8]> {
        match page {
            Page::DataPage { buf, def_level_encoding, .. } => match self.has_levels {
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
            Page::DictionaryPage { buf, .. } => Some(buf as &Bytes),
        }
    }
}

fn contradicts(what: &str) -> ParquetError {
    ParquetError::General(format!("it is damaged: a page contradicts {what}"))
}

/// Bytes behind packed differences (DELTA_BINARY_PACKED), where these are of so many numbers at most and are all there.
fn behind_differences(bytes: &[u8], most: u64) -> Option<&[u8]> {
    let mut rest = bytes;
    let (block, parts, numbers) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
    number(&mut rest)?;
    if numbers > most {
        return None;
    }
    let per_part = block.checked_div(parts).filter(|own| own % 32 == 0 && own * parts == block)?;
    let mut left = numbers.saturating_sub(1);
    while left > 0 {
        number(&mut rest)?;
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

/// Takes a number of seven bits a byte.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.pages.get_next_page()?.map(|page| self.checked(page)).transpose()
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
        self.pages.take_deferred_dictionary()
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
    fn differences_of_more_numbers_than_a_page_has_are_refused() {
        assert_eq!(behind_differences(&differences(33), 32), None);
        let huge = [0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 2];
        assert_eq!(behind_differences(&huge, u64::from(u32::MAX)), None);
        assert_eq!(behind_differences(&[0xff; 12], 1), None);
        assert_eq!(behind_differences(&[0x80, 0x01, 0, 9, 2, 0], 9), None, "no parts");
    }
}
