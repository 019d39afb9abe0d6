//! Accepting through a writer: rows pass the gate of their series, a frame at a time.

use std::time::Duration;

use crate::model::{Batch, Kind, Window};
use crate::store::accept::intake::Intake;
use crate::store::journal::{self, MOST_ROWS, Rows};
use crate::store::merge::tidy;
use crate::store::{Accepted, Mark, Note, StoreError, Writer};

impl Writer {
    /// Accepts the rows of one answer with what they prove: when this returns they survive the end of the
    /// process. Returns how many the answer itself repeated.
    ///
    /// # Errors
    /// Where the journal cannot be written. Nothing is accepted then, and the window's gap has its reason.
    pub fn accept(&self, page: Accepted) -> Result<u64, StoreError> {
        let (rows, repeats) = tidy(page.rows);
        let mut intake = self.own.intake();
        let rows = if page.derived { intake.without_own(&rows) } else { rows };
        self.pass(&mut intake, Accepted { rows, ..page })?;
        Ok(repeats)
    }

    /// Accepts rows that a live session heard, new updates where they are of a book, with the window that their ids
    /// prove to be covered, if they do. Returns the frame that the first of them is in, for [`Writer::vouch`].
    ///
    /// # Errors
    /// See [`Writer::accept`].
    pub fn accept_live(&self, rows: Batch, covered: Option<Window>) -> Result<Option<Mark>, StoreError> {
        let (mut rows, _) = tidy(rows);
        let mut intake = self.own.intake();
        if rows.kind() == Kind::OrderBook {
            rows.book_mut().number_from(intake.next_ord());
        }
        self.pass(&mut intake, Accepted { rows, covered, empty: None, derived: false })
    }

    /// Accepts new updates of a book, numbered on from the highest number that was ever given in the series.
    ///
    /// # Errors
    /// See [`Writer::accept`].
    pub fn accept_updates(&self, page: Accepted) -> Result<u64, StoreError> {
        let (mut rows, repeats) = tidy(page.rows);
        let mut intake = self.own.intake();
        rows.book_mut().number_from(intake.next_ord());
        self.pass(&mut intake, Accepted { rows, ..page })?;
        Ok(repeats)
    }

    /// Accepts rows that another process or a copy held: they prove nothing, and stand back where the series is
    /// covered. Returns how many were not there.
    ///
    /// # Errors
    /// See [`Writer::accept`].
    pub fn accept_late(&self, rows: Batch) -> Result<u64, StoreError> {
        let (rows, _) = tidy(rows);
        let mut intake = self.own.intake();
        let rows = intake.outside_coverage(&rows);
        let taken = rows.len() as u64;
        self.pass(&mut intake, Accepted { rows, covered: None, empty: None, derived: false })?;
        Ok(taken)
    }

    /// Returns the mark of the first frame.
    fn pass(&self, intake: &mut Intake, page: Accepted) -> Result<Option<Mark>, StoreError> {
        let Accepted { rows, covered, empty, derived } = page;
        if rows.is_empty() && covered.is_none() && empty.is_none() {
            return Ok(None);
        }
        let (mut from, mut first, fence) = (0, None, intake.ledger.fence);
        // The proof of a page is in the frame of its last rows, so that it is never there without them.
        while rows.len() - from > MOST_ROWS {
            let part = rows.slice(from..from + MOST_ROWS);
            let mark =
                self.journal(intake, Rows { rows: part, covered: None, empty: None, derived, fence })?;
            first.get_or_insert(mark);
            from += MOST_ROWS;
        }
        let rows = if from == 0 { rows } else { rows.slice(from..rows.len()) };
        let mark = self.journal(intake, Rows { rows, covered, empty, derived, fence })?;
        Ok(first.or(Some(mark)))
    }

    fn journal(&self, intake: &mut Intake, page: Rows) -> Result<Mark, StoreError> {
        let frame = journal::page(self.series(), &page);
        match self.shared.append(vec![(self.series(), frame)], page.rows.len()) {
            Ok(mark) => {
                intake.waiting.take(page, mark);
                Ok(mark)
            }
            Err(error) => {
                let reason = format!("its rows were not taken: {error}");
                let window = page.covered.or_else(|| {
                    let (first, last) = page.rows.ends()?;
                    Window::new(first, last + Duration::from_micros(1))
                });
                window
                    .into_iter()
                    .for_each(|window| intake.waiting.note_refused(Note { window, reason: reason.clone() }));
                Err(error)
            }
        }
    }
}
