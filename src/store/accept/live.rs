//! Accepting what live sessions heard: many series at once, with one write of the journal.

use std::sync::{Arc, MutexGuard};

use crate::model::{Batch, Kind, Window};
use crate::store::accept::intake::Intake;
use crate::store::accept::page::Accepted;
use crate::store::accept::rows::{frames_of, refused};
use crate::store::journal::{self, Rows};
use crate::store::merge::tidy;
use crate::store::{Mark, Store, StoreError, Writer};

/// Rows that a session of one series heard.
#[derive(Debug)]
pub struct LiveRows<'a> {
    /// A writer of the series.
    pub writer: &'a Writer,
    /// The rows; of a book, new updates without their numbers.
    pub rows: Batch,
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
        let mut left: Vec<usize> = (0..pages.len()).collect();
        // Every gate is taken once, and all of them in one order, so that no two calls wait for each other.
        left.sort_by_key(|at| Arc::as_ptr(&pages[*at].writer.own));
        for page in &mut pages {
            let none = Batch::of(page.rows.kind());
            page.rows = tidy(std::mem::replace(&mut page.rows, none)).0;
        }
        while !left.is_empty() {
            let (mut once, mut again) = (Vec::<usize>::new(), Vec::new());
            for at in left {
                let is_again = once
                    .last()
                    .is_some_and(|last| Arc::ptr_eq(&pages[*last].writer.own, &pages[at].writer.own));
                if is_again { again.push(at) } else { once.push(at) }
            }
            self.accept_each(&mut pages, &once, &mut marks)?;
            left = again;
        }
        Ok(marks)
    }

    fn accept_each(
        &self,
        pages: &mut [LiveRows<'_>],
        once: &[usize],
        marks: &mut [Option<Mark>],
    ) -> Result<(), StoreError> {
        let mut taking: Vec<Taking<'_>> = Vec::with_capacity(once.len());
        for at in once {
            let LiveRows { writer, rows, covered } = &mut pages[*at];
            let rows = std::mem::replace(rows, Batch::of(rows.kind()));
            taking.push(Taking::new(writer, rows, *covered));
        }
        let frames = taking.iter().flat_map(|own| {
            let series = own.writer.series();
            own.frames.iter().map(move |rows| (series, journal::page(series, rows)))
        });
        let frames: Vec<_> = frames.collect();
        if !frames.is_empty() {
            let rows = taking.iter().flat_map(|own| &own.frames).map(|frame| frame.rows.len()).sum();
            let first = self.0.append(frames, rows);
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
        let marks = store.accept_live(vec![LiveRows { writer: self, rows, covered }])?;
        Ok(marks.into_iter().next().flatten())
    }
}

/// Rows of a series behind its gate, about to be written.
struct Taking<'a> {
    writer: &'a Writer,
    intake: MutexGuard<'a, Intake>,
    frames: Vec<Rows>,
    /// Some rows are held at another instant, in frames from this one on.
    held: Option<Mark>,
}

impl<'a> Taking<'a> {
    fn new(writer: &'a Writer, mut rows: Batch, covered: Option<Window>) -> Self {
        let intake = writer.own.intake();
        if rows.kind() == Kind::OrderBook {
            rows.book_mut().number_from(intake.next_ord());
        }
        let (rows, held) = intake.recent.without_held(rows);
        let held = if held > 0 { intake.earliest() } else { None };
        let page = Accepted { rows, covered, empty: None, derived: false };
        let frames = frames_of(page, intake.ledger.fence).collect();
        Taking { writer, intake, frames, held }
    }

    /// They are in the journal from `next` on; returns the first mark that a word for them has to name.
    fn take(&mut self, next: &mut Mark) -> Option<Mark> {
        let first = *next;
        let frames = std::mem::take(&mut self.frames);
        let is_any = !frames.is_empty();
        for frame in frames {
            self.intake.recent.keep(&frame.rows, true);
            self.intake.waiting.take(frame, *next);
            next.position += 1;
        }
        self.held.or(is_any.then_some(first))
    }

    fn refuse(&mut self, error: &StoreError) {
        let frames = std::mem::take(&mut self.frames);
        frames.iter().for_each(|frame| refused(&mut self.intake, frame, error));
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
