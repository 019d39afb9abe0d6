//! Structures in the compact protocol of Thrift, in which Parquet has its footers and headers, walked before the Parquet library
//! reads them: it takes for numbers what has another type, and passes over flags, which take no bytes, as often as a list says.

use std::io::{BufRead, Read};

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::store::chunks::Chunks;

// Types of fields.
const YES: u8 = 1;
const NO: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
pub(super) const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
pub(super) const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// Structures and lists within one another. The deepest of Parquet are eight.
const MOST_DEPTH: usize = 32;
/// The end of a file: the length of its footer, and its mark.
const TAIL: u64 = 8;

/// The type of a field that the library takes for granted, in the structure within some fields.
pub(super) type TypeOf = fn(&[u16], u16) -> Option<u8>;

/// Walks a structure; tells each of its own numbers of 32 bits whose type is taken for granted.
///
/// # Errors
/// Where the library would read it otherwise, or without end.
pub(super) fn walk(from: &mut impl BufRead, type_of: TypeOf, each: &mut dyn FnMut(u16, i32)) -> Result<()> {
    Walk { from, type_of, within: Vec::new() }.fields(each)
}

/// Whether the footer of a file can be read in as many steps as it has bytes.
pub(crate) fn check_footer(file: &Chunks) -> Result<()> {
    // The library says what is wrong with an end that is none.
    let Some(end) = file.len().checked_sub(TAIL) else { return Ok(()) };
    let length = file.get_bytes(end, 4)?;
    let length = u32::from_le_bytes(length[..].try_into().unwrap_or_default());
    let Some(start) = end.checked_sub(u64::from(length)) else { return Ok(()) };
    let footer = file.get_bytes(start, length as usize)?;
    walk(&mut &*footer, |_, _| None, &mut |_, _| {})
}

struct Walk<'a, R> {
    from: &'a mut R,
    type_of: TypeOf,
    /// The fields that lead to what is walked; 0 for a list.
    within: Vec<u16>,
}

impl<R: BufRead> Walk<'_, R> {
    fn fields(&mut self, each: &mut dyn FnMut(u16, i32)) -> Result<()> {
        let mut field = 0_u16;
        loop {
            let head = byte(self.from)?;
            let (delta, kind) = (u16::from(head >> 4), head & 15);
            if kind == 0 {
                return Ok(());
            }
            field = if delta == 0 { zigzag(varint(self.from)?) as u16 } else { field.wrapping_add(delta) };
            let granted = (self.type_of)(&self.within, field);
            if granted.is_some_and(|granted| granted != kind) {
                return Err(damaged());
            }
            if granted == Some(I32) {
                each(field, zigzag(varint(self.from)?) as i32);
            } else {
                self.skip(kind, field)?;
            }
        }
    }

    fn skip(&mut self, kind: u8, field: u16) -> Result<()> {
        match kind {
            YES | NO => Ok(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => varint(self.from).map(|_| ()),
            DOUBLE => self.pass(8),
            UUID => self.pass(16),
            BINARY => {
                let length = varint(self.from)?;
                self.pass(length)
            }
            STRUCT => self.inside(field, |walk| walk.fields(&mut |_, _| {})),
            LIST | SET => self.inside(0, Walk::elements),
            _ => Err(damaged()),
        }
    }

    fn inside(&mut self, field: u16, walk: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.within.len() == MOST_DEPTH {
            return Err(damaged());
        }
        self.within.push(field);
        walk(self)?;
        self.within.pop();
        Ok(())
    }

    fn elements(&mut self) -> Result<()> {
        let head = byte(self.from)?;
        let (count, kind) = (u64::from(head >> 4), head & 15);
        let count = if count == 15 { varint(self.from)? } else { count };
        if count > 0 && matches!(kind, YES | NO) {
            return Err(damaged());
        }
        // Each takes a byte at least.
        (0..count).try_for_each(|_| self.skip(kind, 0))
    }

    fn pass(&mut self, mut length: u64) -> Result<()> {
        while length > 0 {
            let there = self.from.fill_buf()?.len();
            if there == 0 {
                return Err(damaged());
            }
            let passed = usize::try_from(length).map_or(there, |length| length.min(there));
            self.from.consume(passed);
            length -= passed as u64;
        }
        Ok(())
    }
}

/// A number of seven bits a byte.
pub(super) fn varint(from: &mut impl Read) -> Result<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(damaged())
}

fn byte(from: &mut impl Read) -> Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn damaged() -> ParquetError {
    ParquetError::General("it is damaged: its structures cannot be read".to_owned())
}

/// A number with a sign, of which the last bit is the sign.
fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_walked(bytes: &[u8]) -> bool {
        walk(&mut &*bytes, |_, _| None, &mut |_, _| {}).is_ok()
    }

    #[test]
    fn lists_are_walked_element_by_element() {
        // Two numbers; a text in a list of sixteen; a structure of nothing in a list of two.
        assert!(is_walked(&[0x19, 0x25, 2, 4, 0]));
        let texts: Vec<u8> = [0x19, 0xf8, 16].into_iter().chain([1, b'a'].repeat(16)).chain([0]).collect();
        assert!(is_walked(&texts));
        assert!(is_walked(&[0x19, 0x2c, 0, 0, 0]));
        assert!(!is_walked(&[0x19, 0x2c, 0, 0]), "its end is missing");
        assert!(!is_walked(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 2, 4, 0]), "it is longer than its bytes");
    }

    #[test]
    fn flags_without_end_and_lists_without_ground_are_refused() {
        assert!(is_walked(&[0x11, 0x12, 0x19, 0x01, 0]), "two flags, and a list of none");
        assert!(!is_walked(&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 7, 0]));
        assert!(!is_walked(&[0x1b, 0xff, 0xff, 0xff, 0xff, 7, 0x11, 0]), "a map");
        assert!(!is_walked(&[&[0x19][..], &[0x19; 64], &[0; 64]].concat()));
    }
}
