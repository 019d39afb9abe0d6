//! Decoded rows of many series that wait on disk for their turn, so that pages are decoded whole: most of them
//! once, where they would be for every few rows.
//!
//! A page of one series holds thousands of rows. Of a thousand series they do not fit into memory, and each instant needs
//! one row of every series. They wait in a file without a name beside the journal, which the system removes with the
//! process. It is a help and no more: without room for it rows are decoded a few at a time, pages more often than once.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use arrow_buffer::ToByteSlice as _;
use rustix::fs::{Mode, OFlags, open, statvfs};

use crate::model::{Column, Texts, Values};
use crate::store::reader::piece::{Piece, Wanted};
use crate::store::{Layout, StoreError};

/// The most that waits, in bytes.
const MOST_BYTES: u64 = 2 << 30;
/// It takes no more than one in so many bytes that are free.
const FREE_SHARE: u64 = 8;
/// The room of a series is a whole number of these.
const BLOCK_BYTES: u64 = 64 << 10;

/// Rows that wait.
pub(super) struct Spill {
    layout: Layout,
    file: Option<File>,
    /// The end of the rooms of all series.
    end: u64,
    most: u64,
    /// The largest room of a series.
    largest: u64,
    slots: Vec<Slot>,
    encoded: Vec<u8>,
}

/// The room of one series and what waits in it.
#[derive(Clone, Default)]
struct Slot {
    at: u64,
    bytes: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Clone)]
struct Waiting {
    at: u64,
    bytes: usize,
    rows: usize,
}

impl Spill {
    /// Room for rows of some series. Nothing is on disk before rows are.
    pub(super) fn new(layout: &Layout, count: usize) -> Self {
        Spill {
            layout: layout.clone(),
            file: None,
            end: 0,
            most: MOST_BYTES,
            largest: 0,
            slots: vec![Slot::default(); count],
            encoded: Vec::new(),
        }
    }

    /// Whether a series has room, or there is enough for it by what others take.
    pub(super) fn has_room(&self, index: usize) -> bool {
        self.most > 0 && (self.slots[index].bytes > 0 || self.end + self.largest <= self.most)
    }

    /// Lets rows of a series wait in pieces of `most` rows; `false` if they cannot, and nothing more can then. None of it may
    /// wait already.
    pub(super) fn put(&mut self, index: usize, piece: &Piece, most: usize) -> bool {
        self.open();
        let is_there = self.write(index, piece, most);
        if !is_there {
            // Reading goes on, slower.
            self.most = 0;
        }
        is_there
    }

    fn write(&mut self, index: usize, piece: &Piece, most: usize) -> bool {
        let Some(file) = &self.file else { return false };
        self.encoded.clear();
        let mut waiting = VecDeque::new();
        let count = piece.order.len();
        for first in (0..count).step_by(most.max(1)) {
            let (rows, at) = (first..count.min(first + most.max(1)), self.encoded.len());
            encode(piece, &rows, &mut self.encoded);
            let bytes = self.encoded.len() - at;
            waiting.push_back(Waiting { at: at as u64, bytes, rows: rows.len() });
        }
        let needed = self.encoded.len() as u64;
        let slot = &mut self.slots[index];
        if needed > slot.bytes {
            // Pages of a series are of about one size.
            let bytes = (needed + needed / 8).next_multiple_of(BLOCK_BYTES);
            if self.end + bytes > self.most {
                return false;
            }
            (slot.at, slot.bytes) = (self.end, bytes);
            self.end += bytes;
            self.largest = self.largest.max(bytes);
        }
        if file.write_all_at(&self.encoded, slot.at).is_err() {
            return false;
        }
        waiting.iter_mut().for_each(|own| own.at += slot.at);
        slot.waiting = waiting;
        true
    }

    /// The next rows of a series that wait.
    pub(super) fn next(&mut self, index: usize, wanted: &Wanted) -> Result<Option<Piece>, StoreError> {
        let Some(waiting) = self.slots[index].waiting.pop_front() else { return Ok(None) };
        let Some(file) = &self.file else { return Ok(None) };
        self.encoded.resize(waiting.bytes, 0);
        let read = file.read_exact_at(&mut self.encoded, waiting.at);
        let piece = read.and_then(|()| decode(&self.encoded, waiting.rows, wanted));
        let unread = |source| StoreError::io("reading rows that wait in", &self.layout.own())(source);
        piece.map(Some).map_err(unread)
    }

    /// No more than so many bytes wait.
    #[cfg(test)]
    pub(super) fn limit_to(&mut self, bytes: u64) {
        self.most = bytes;
    }

    #[cfg(test)]
    pub(super) fn holds_any(&self) -> bool {
        self.end > 0
    }

    /// Makes the file when the first rows come; once it cannot be, it is not tried again.
    fn open(&mut self) {
        if self.file.is_none() && self.most > 0 {
            let folder = self.layout.own();
            let free = statvfs(&folder).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
            self.most = self.most.min(free / FREE_SHARE);
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            match open(&folder, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => self.file = Some(File::from(file)),
                Err(_) => self.most = 0,
            }
        }
    }
}

fn encode(piece: &Piece, rows: &Range<usize>, out: &mut Vec<u8>) {
    out.extend_from_slice(piece.order[rows.clone()].to_byte_slice());
    for column in &piece.columns {
        if let Some(present) = &column.present {
            out.extend(present[rows.clone()].iter().map(|own| u8::from(*own)));
        }
        match &column.values {
            Values::I64(own) => out.extend_from_slice(own[rows.clone()].to_byte_slice()),
            Values::I32(own) => out.extend_from_slice(own[rows.clone()].to_byte_slice()),
            Values::F64(own) => out.extend_from_slice(own[rows.clone()].to_byte_slice()),
            Values::Bool(own) => out.extend(own[rows.clone()].iter().map(|own| u8::from(*own))),
            Values::Text(own) => {
                let (bytes, ends) = own.slice(rows.clone());
                out.extend_from_slice(ends.to_byte_slice());
                out.extend_from_slice(bytes);
            }
        }
    }
}

fn decode(bytes: &[u8], rows: usize, wanted: &Wanted) -> io::Result<Piece> {
    let mut rest = Rest(bytes);
    let order = rest.numbers(rows, i64::from_ne_bytes)?;
    let mut columns = Vec::with_capacity(wanted.columns.len());
    for index in &wanted.columns {
        let mut column = Column::of(wanted.field(*index));
        if let Some(present) = &mut column.present {
            *present = rest.flags(rows)?;
        }
        match &mut column.values {
            Values::I64(own) => *own = rest.numbers(rows, i64::from_ne_bytes)?,
            Values::I32(own) => *own = rest.numbers(rows, i32::from_ne_bytes)?,
            Values::F64(own) => *own = rest.numbers(rows, f64::from_ne_bytes)?,
            Values::Bool(own) => *own = rest.flags(rows)?,
            Values::Text(own) => {
                let ends = rest.numbers(rows, u32::from_ne_bytes)?;
                let bytes = rest.take(ends.last().map_or(0, |end| *end as usize))?;
                *own = Texts::of_parts(bytes.to_vec(), ends);
            }
        }
        columns.push(column);
    }
    Ok(Piece { order, columns, next: 0 })
}

/// Bytes that are not decoded yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, count: usize) -> io::Result<&'b [u8]> {
        let (own, rest) = self.0.split_at_checked(count).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(own)
    }

    fn numbers<const BYTES: usize, T>(
        &mut self,
        rows: usize,
        number: impl Fn([u8; BYTES]) -> T,
    ) -> io::Result<Vec<T>> {
        let (own, _) = self.take(rows * BYTES)?.as_chunks::<BYTES>();
        Ok(own.iter().map(|bytes| number(*bytes)).collect())
    }

    fn flags(&mut self, rows: usize) -> io::Result<Vec<bool>> {
        Ok(self.take(rows)?.iter().map(|flag| *flag != 0).collect())
    }
}
