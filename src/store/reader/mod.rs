//! Rows of one or many series in the order of time, from one state: what was published and what the journal held when
//! they were asked for.
//!
//! Decisions:
//!
//! * **The ledger is read first, then the journal, then the files are opened.** A frame of the journal is then in what was
//!   read of it, or in a file that is opened after it. A file says in its footer how far the journal is in it: frames up to
//!   there are passed over, so that no row is there twice. Where a file holds more than the journal did when that was
//!   read, all three are read again: what is given of a series is what was accepted of it up to one frame.
//! * **Open files stay as they are.** The newest files of each series are kept open from then on, whatever replaces them.
//!   Beyond [a bound](files::Room) the older ones are opened when their turn comes; one of these that was published
//!   meanwhile is read as it is then, whole.
//! * **A file is checked before its first row is given**, as in [`scan`](crate::store::scan), but each only when its turn
//!   comes: a reader that wants a few rows does not pay for all files. Large ones are trusted as published, as everywhere.
//! * **Rows are decoded a few thousand at a time**, fewer the more series there are, and only the columns that are asked
//!   for. With many series no decoder is kept between two pieces, since each holds a page of every column; pages are
//!   decoded whole then, and the rows whose turn is later [wait on disk](spill::Spill).
//! * Rows of a book stay in the order of their updates, whose instants may go back a little.

mod files;
mod frames;
mod group;
mod period;
mod piece;
mod request;
mod series;
mod spill;
mod state;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

use crate::model::{Column, Micros, Series, Window};
use crate::store::reader::piece::Piece;
pub use crate::store::reader::request::ReadRequest;
use crate::store::reader::series::SeriesRows;
use crate::store::reader::spill::Spill;
use crate::store::{Layout, StoreError};

/// Rows that are decoded and not given yet, of all series together.
const ROWS_AHEAD: usize = 393_216;
/// The most rows decoded at once of a series whose decoders are kept.
const MOST_PIECE_ROWS: usize = 8_192;
/// The most of one whose decoders are not: those of a page, which would be decoded once more for the next. A page ends with
/// the first batch of 8 192 rows behind 20 000.
const PAGE_ROWS: usize = 24_576;
/// The most of one that come back from disk at once.
const MOST_WAITED_ROWS: usize = 2_048;
/// The fewest: below that a page would be decoded again and again.
const LEAST_PIECE_ROWS: usize = 64;
/// With up to so many series their decoders are kept.
const MOST_DECODERS: usize = 8;

/// Rows of one or many series, oldest first.
pub struct RowReader {
    series: Vec<SeriesRows>,
    pieces: Vec<Option<Piece>>,
    /// The series that have a piece, by the instant of its next row. Rows of many series come at the same instants, so that
    /// the next row of one most often is the last of all: a sorted queue then costs less than a heap.
    order: VecDeque<(i64, usize)>,
    /// The series whose rows were given last.
    given: Option<usize>,
    piece_rows: usize,
    /// Rows of pages that are decoded whole wait there; `None` where pages are not.
    spill: Option<Spill>,
    left: Option<u64>,
    is_begun: bool,
}

/// Rows that follow one another and are of one series.
#[derive(Debug)]
pub struct Run<'a> {
    /// The series.
    pub series: &'a Series,
    /// Its place in the request.
    pub index: usize,
    /// The columns that were asked for, in that order.
    pub columns: &'a [Column],
    /// The rows of the columns.
    pub rows: Range<usize>,
}

impl RowReader {
    /// Takes the state of all series.
    ///
    /// # Errors
    /// If a ledger, the journal or a file in the range cannot be read, or a file is on remotes only.
    pub fn open(layout: &Layout, request: &ReadRequest) -> Result<Self, StoreError> {
        RowReader::open_with(layout, request, ROWS_AHEAD)
    }

    /// The same with this many rows that are decoded and not given yet.
    fn open_with(layout: &Layout, request: &ReadRequest, ahead: usize) -> Result<Self, StoreError> {
        let window = Window {
            from: request.from.unwrap_or(Micros(i64::MIN)),
            until: request.until.unwrap_or(Micros(i64::MAX)),
        };
        let count = request.series.len().max(1);
        let most_rows = if count <= MOST_DECODERS { MOST_PIECE_ROWS } else { PAGE_ROWS };
        let series = state::take(layout, request, window, count <= MOST_DECODERS)?;
        let piece_rows = (ahead / count).clamp(LEAST_PIECE_ROWS, most_rows);
        // Who wants a few rows needs no whole page of every series.
        let wants_pages = request.limit.is_none_or(|limit| limit > ROWS_AHEAD as u64);
        let decodes_pages = count > MOST_DECODERS && piece_rows < PAGE_ROWS && wants_pages;
        Ok(RowReader {
            spill: decodes_pages.then(|| Spill::new(layout, count)),
            pieces: series.iter().map(|_| None).collect(),
            series,
            order: VecDeque::with_capacity(count),
            given: None,
            piece_rows,
            left: request.limit,
            is_begun: false,
        })
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// If a file cannot be read, or is damaged. Nothing more is given then.
    pub fn next_run(&mut self) -> Result<Option<Run<'_>>, StoreError> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let advanced = self.advance().inspect_err(|_| self.left = Some(0))?;
        let Some((index, rows)) = advanced else { return Ok(None) };
        let Some(piece) = &self.pieces[index] else { return Ok(None) };
        Ok(Some(Run { series: self.series[index].series(), index, columns: &piece.columns, rows }))
    }

    /// Goes past the next rows of one series, which are all before the next row of any other.
    fn advance(&mut self) -> Result<Option<(usize, Range<usize>)>, StoreError> {
        if !self.is_begun {
            self.is_begun = true;
            (0..self.series.len()).try_for_each(|index| self.queue(index))?;
        }
        if let Some(given) = self.given.take() {
            self.queue(given)?;
        }
        let Some((_, index)) = self.order.pop_front() else { return Ok(None) };
        let Some(piece) = &mut self.pieces[index] else { return Ok(None) };
        let rest = &piece.order[piece.next..];
        let count =
            self.order.front().map_or(rest.len(), |next| length_before(rest, |own| (own, index) < *next));
        let count = self.left.map_or(count, |left| count.min(usize::try_from(left).unwrap_or(usize::MAX)));
        self.left = self.left.map(|left| left - count as u64);
        let rows = piece.next..piece.next + count;
        piece.next = rows.end;
        self.given = Some(index);
        Ok(Some((index, rows)))
    }

    /// Makes sure that the next row of a series is known, and puts it among those of the others.
    fn queue(&mut self, index: usize) -> Result<(), StoreError> {
        if self.pieces[index].as_ref().is_none_or(|piece| piece.next == piece.order.len()) {
            // Before the next one is decoded.
            self.pieces[index] = None;
            self.pieces[index] = self.next_piece(index)?;
        }
        if let Some(piece) = &self.pieces[index] {
            let own = (piece.order[piece.next], index);
            match self.order.back() {
                Some(last) if *last > own => {
                    let place = self.order.partition_point(|other| *other < own);
                    self.order.insert(place, own);
                }
                _ => self.order.push_back(own),
            }
        }
        Ok(())
    }

    /// The next rows of a series: those that wait, or as many as are decoded at once.
    fn next_piece(&mut self, index: usize) -> Result<Option<Piece>, StoreError> {
        let own = &mut self.series[index];
        let Some(spill) = &mut self.spill else { return own.next_piece(self.piece_rows) };
        if let Some(piece) = spill.next(index, &own.wanted)? {
            return Ok(Some(piece));
        }
        let decodes_page = spill.has_room(index);
        let most = if decodes_page { PAGE_ROWS } else { self.piece_rows };
        let Some(piece) = own.next_piece(most)? else { return Ok(None) };
        let waited = self.piece_rows.min(MOST_WAITED_ROWS);
        if piece.order.len() <= waited || !decodes_page {
            return Ok(Some(piece));
        }
        if !spill.put(index, &piece, waited) {
            return Ok(Some(piece));
        }
        spill.next(index, &own.wanted)
    }
}

/// How many of some sorted instants come first, of which the first does: most often that is all.
fn length_before(sorted: &[i64], is_before: impl Fn(i64) -> bool) -> usize {
    let mut reach = 1;
    while sorted.get(reach).is_some_and(|own| is_before(*own)) {
        reach *= 2;
    }
    let from = reach / 2;
    let until = sorted.len().min(reach);
    from + sorted[from..until].partition_point(|own| is_before(*own))
}
