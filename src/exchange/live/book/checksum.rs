//! Checksums that exchanges send of their books.

use crate::exchange::live::book::kept::Book;
use crate::exchange::live::book::side::BookSide;

/// A way to reckon a checksum; all are CRC32 of texts as they came over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The ten best asks, then the ten best bids, price then amount, without points and leading zeros.
    Digits,
    /// Twenty-five levels, bid and ask in turns, price and amount joined by colons; a side that has no more is passed
    /// over.
    Colons,
}

/// The longest text that is summed: twenty-five levels of both sides.
const MOST_BYTES: usize = 25 * 2 * 2 * 24;

/// A text that is put together.
struct Text {
    length: usize,
    bytes: [u8; MOST_BYTES],
}

impl Text {
    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    #[inline]
    fn push_all(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// A number without its point and its leading zeros.
    #[inline]
    fn push_digits(&mut self, bytes: &[u8]) {
        let digits = bytes.iter().filter(|byte| **byte != b'.').skip_while(|byte| **byte == b'0');
        digits.for_each(|byte| self.push(*byte));
    }
}

impl Checksum {
    /// How many levels of each side it covers.
    #[must_use]
    pub fn levels(self) -> usize {
        match self {
            Checksum::Digits => 10,
            Checksum::Colons => 25,
        }
    }

    /// The checksum of a book.
    pub(crate) fn of(self, book: &Book) -> u32 {
        let mut text = Text { length: 0, bytes: [0; MOST_BYTES] };
        match self {
            Checksum::Digits => {
                self.put_digits(book.asks(), &mut text);
                self.put_digits(book.bids(), &mut text);
            }
            Checksum::Colons => self.put_colons(book, &mut text),
        }
        crc32fast::hash(&text.bytes[..text.length])
    }

    fn put_digits(self, side: &BookSide, text: &mut Text) {
        for written in side.written().take(self.levels()) {
            text.push_digits(written.price.bytes());
            text.push_digits(written.amount.bytes());
        }
    }

    fn put_colons(self, book: &Book, text: &mut Text) {
        let (mut bids, mut asks) = (book.bids().written(), book.asks().written());
        for _ in 0..self.levels() {
            for written in [bids.next(), asks.next()].into_iter().flatten() {
                for part in [written.price, written.amount] {
                    if text.length > 0 {
                        text.push(b':');
                    }
                    text.push_all(part.bytes());
                }
            }
        }
    }
}
