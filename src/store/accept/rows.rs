//! Accepting through a writer: rows pass the gate of their series, a frame at a time.

use std::time::Duration;

use crate::model::{Batch, Window};
use crate::store::accept::intake::Intake;
use crate::store::journal::{MOST_ROWS, Rows};
use crate::store::merge::tidy;
use crate::store::{Accepted, Note, StoreError, Writer};

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

    fn pass(&self, intake: &mut Intake, page: Accepted) -> Result<(), StoreError> {
        let Accepted { rows, covered, empty, derived } = page;
        if rows.is_empty() && covered.is_none() && empty.is_none() {
            return Ok(());
        }
        let (mut from, fence) = (0, intake.ledger.fence);
        // The proof of a page is in the frame of its last rows, so that it is never there without them.
        while rows.len() - from > MOST_ROWS {
            let part = rows.slice(from..from + MOST_ROWS);
            self.journal(intake, Rows { rows: part, covered: None, empty: None, derived, fence })?;
            from += MOST_ROWS;
        }
        let rows = if from == 0 { rows } else { rows.slice(from..rows.len()) };
        self.journal(intake, Rows { rows, covered, empty, derived, fence })
    }

    fn journal(&self, intake: &mut Intake, page: Rows) -> Result<(), StoreError> {
        match self.shared.append(self.series(), &page) {
            Ok(mark) => {
                intake.waiting.take(page, mark);
                Ok(())
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
