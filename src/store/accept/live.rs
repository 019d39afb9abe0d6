//! Accepting what live sessions heard: many series at once, with one write of the journal.

use std::borrow::Cow;
use std::sync::{Arc, MutexGuard};

use crate::model::{Batch, Kind, Series, Window};
use crate::store::accept::intake::Intake;
use crate::store::accept::rows::refused;
use crate::store::journal::{self, MOST_ROWS, Proof};
use crate::store::merge::{is_tidy, tidy};
use crate::store::{Mark, Store, StoreError, Writer};

/// Rows that a session of one series heard.
#[derive(Debug)]
pub struct LiveRows<'a> {
    /// A writer of the series.
    pub writer: &'a Writer,
    /// The rows; of a book, new updates without their numbers. They are copied only where they are not as they are kept.
    pub rows: Cow<'a, Batch>,
    /// The window that their ids prove to be covered, if they do.
    pub covered: Option<Window>,
}

impl Store {
    /// Accepts rows of many series with one write of the journal. Returns for each the frame that its first row is in,
    /// for [`Writer::vouch`]; `None` where there was nothing to accept. A series that comes twice takes a second write.
    ///
    /// # Errors
    /// Where the journal cannot be written. Nothing of that write is accepted then, and its windows' gaps have their
    /// reason.
    pub fn accept_live(&self, mut pages: Vec<LiveRows<'_>>) -> Result<Vec<Option<Mark>>, StoreError> {
        let mut marks = vec![None; pages.len()];
        // Updates of a book come in order, and get their numbers here.
        let is_untidy =
            |page: &&mut LiveRows<'_>| page.rows.kind() != Kind::OrderBook && !is_tidy(&page.rows);
        for page in pages.iter_mut().filter(is_untidy) {
            page.rows = Cow::Owned(tidy(page.rows.clone().into_owned()).0);
        }
        if pages.len() == 1 {
            self.accept_each(&pages, &[0], &mut marks)?;
            return Ok(marks);
        }
        let mut left: Vec<usize> = (0..pages.len()).collect();
        // Every gate is taken once, and all of them in one order, so that no two calls wait for each other.
        left.sort_by_key(|at| Arc::as_ptr(&pages[*at].writer.own));
        let is_one = |at: &usize, of: &usize| Arc::ptr_eq(&pages[*at].writer.own, &pages[*of].writer.own);
        if left.windows(2).all(|two| !is_one(&two[0], &two[1])) {
            self.accept_each(&pages, &left, &mut marks)?;
            return Ok(marks);
        }
        while !left.is_empty() {
            let (mut once, mut again) = (Vec::<usize>::new(), Vec::new());
            for at in left {
                let is_again = once.last().is_some_and(|last| is_one(last, &at));
                if is_again { again.push(at) } else { once.push(at) }
            }
            self.accept_each(&pages, &once, &mut marks)?;
            left = again;
        }
        Ok(marks)
    }

    fn accept_each(
        &self,
        pages: &[LiveRows<'_>],
        once: &[usize],
        marks: &mut [Option<Mark>],
    ) -> Result<(), StoreError> {
        let mut frames = Vec::with_capacity(once.len());
        let mut taking: Vec<Taking<'_>> = Vec::with_capacity(once.len());
        taking.extend(once.iter().map(|at| Taking::new(&pages[*at], &mut frames)));
        if !frames.is_empty() {
            let rows = taking.iter().map(|own| own.rows.len()).sum();
            let first = self.0.append_live(frames, rows);
            let mut next = match first {
                Ok(first) => first,
                Err(error) => {
                    taking.iter_mut().for_each(|own| own.refuse(&error));
                    return Err(error);
                }
            };
            for (own, at) in taking.iter_mut().zip(once) {
                marks[*at] = own.take(&mut next);
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Accepts rows that a live session heard, new updates where they are of a book, with the window that their ids
    /// prove to be covered, if they do. Returns the frame that the first of them is in, for [`Writer::vouch`].
    ///
    /// # Errors
    /// See [`Writer::accept`].
    pub fn accept_live(&self, rows: Batch, covered: Option<Window>) -> Result<Option<Mark>, StoreError> {
        let store = Store(Arc::clone(&self.shared));
        let marks = store.accept_live(vec![LiveRows { writer: self, rows: Cow::Owned(rows), covered }])?;
        Ok(marks.into_iter().next().flatten())
    }
}

/// Rows of a series behind its gate, about to be written.
struct Taking<'a> {
    intake: MutexGuard<'a, Intake>,
    rows: Cow<'a, Batch>,
    covered: Option<Window>,
    /// The number of their frames.
    frames: u64,
    /// Some rows are held at another instant, in frames from this one on.
    held: Option<Mark>,
}

impl<'a> Taking<'a> {
    /// Adds the frames of its rows to those that are to be written.
    fn new(page: &'a LiveRows<'a>, frames: &mut Vec<(&'a Series, Vec<u8>)>) -> Self {
        let LiveRows { writer, rows, covered } = page;
        let (intake, mut rows) = (writer.own.intake(), Cow::Borrowed(&**rows));
        if rows.kind() == Kind::OrderBook {
            let mut book = rows.to_mut().book_mut();
            book.number_from(intake.next_ord());
            intake.newest_update().into_iter().for_each(|newest| book.not_before(newest));
        }
        let mut held = None;
        if let Some(others) = intake.recent.others(&rows) {
            rows = Cow::Owned(others);
            held = intake.earliest();
        }
        let before = frames.len();
        let encoded = frames_of(writer.series(), &rows, *covered, intake.ledger.fence);
        frames.extend(encoded.map(|frame| (writer.series(), frame)));
        let count = (frames.len() - before) as u64;
        Taking { intake, rows, covered: *covered, frames: count, held }
    }

    /// They are in the journal from `next` on; returns the first mark that a word for them has to name.
    fn take(&mut self, next: &mut Mark) -> Option<Mark> {
        if self.frames == 0 {
            return self.held;
        }
        let first = *next;
        next.position += self.frames;
        self.intake.recent.keep(&self.rows, true);
        self.intake.waiting.take_live(&self.rows, self.covered, (first, self.frames));
        self.held.or(Some(first))
    }

    fn refuse(&mut self, error: &StoreError) {
        if self.frames > 0 {
            refused(&mut self.intake, &self.rows, self.covered, error);
        }
    }
}

/// The frames of rows. What they prove is in the frame of the last of them, so that it is never there without them.
fn frames_of(
    series: &Series,
    rows: &Batch,
    covered: Option<Window>,
    fence: u64,
) -> impl Iterator<Item = Vec<u8>> {
    let is_nothing = rows.is_empty() && covered.is_none();
    let mut next = if is_nothing { None } else { Some(0) };
    std::iter::from_fn(move || {
        let from = next.take()?;
        let until = end_of_frame(rows, from);
        next = (until < rows.len()).then_some(until);
        let covered = covered.filter(|_| next.is_none());
        let proof = Proof { covered, fence, ..Proof::default() };
        Some(match (from, next) {
            (0, None) => journal::page_of(series, rows, proof),
            _ => journal::page_of(series, &rows.slice(from..until), proof),
        })
    })
}

/// Where the frame that begins at a row ends. An update of a book is in one frame, unless it is longer than any.
fn end_of_frame(rows: &Batch, from: usize) -> usize {
    let until = rows.len().min(from + MOST_ROWS);
    if rows.kind() != Kind::OrderBook || until == rows.len() {
        return until;
    }
    let book = rows.book();
    let ords = book.ords();
    let whole = (from..until).rev().find(|row| ords[*row] != ords[row + 1]).map_or(until, |last| last + 1);
    if whole > from { whole } else { until }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
