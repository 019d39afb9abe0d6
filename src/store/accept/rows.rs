//! Accepting through a writer: rows pass the gate of their series, a frame at a time.

use std::time::Duration;

use crate::model::{Batch, Kind, Window};
use crate::store::accept::intake::Intake;
use crate::store::journal::{self, MOST_ROWS, Rows};
use crate::store::merge::{keys, tidy};
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
        let (rows, held) = intake.recent.without_held(rows);
        self.pass(&mut intake, Accepted { rows, ..page })?;
        Ok(repeats + held)
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
        let fence = intake.ledger.fence;
        frames_of(page, fence).try_for_each(|frame| self.journal(intake, frame))
    }

    fn journal(&self, intake: &mut Intake, page: Rows) -> Result<(), StoreError> {
        let frame = journal::page(self.series(), &page);
        let mark = self.shared.append(vec![(self.series(), frame)], page.rows.len());
        let mark = mark.inspect_err(|error| refused(intake, &page.rows, page.covered, error))?;
        intake.recent.keep(&page.rows, false);
        intake.waiting.take(page, mark);
        Ok(())
    }
}

/// The frames of a page. Its proof is in the frame of its last rows, so that it is never there without them.
fn frames_of(page: Accepted, fence: u64) -> impl Iterator<Item = Rows> {
    let Accepted { rows, covered, empty, derived } = page;
    let is_anything = !rows.is_empty() || covered.is_some() || empty.is_some();
    let count = if is_anything { rows.len().div_ceil(MOST_ROWS).max(1) } else { 0 };
    let mut whole = Some(rows);
    (1..=count).filter_map(move |number| {
        if number < count {
            let rows = whole.as_ref()?.slice((number - 1) * MOST_ROWS..number * MOST_ROWS);
            return Some(Rows { rows, covered: None, empty: None, derived, fence });
        }
        let rows = whole.take()?;
        let rows = if count == 1 { rows } else { rows.slice((count - 1) * MOST_ROWS..rows.len()) };
        Some(Rows { rows, covered, empty, derived, fence })
    })
}

/// Rows were not written: the gap of their window gets the reason.
pub(super) fn refused(intake: &mut Intake, rows: &Batch, covered: Option<Window>, error: &StoreError) {
    if rows.kind() == Kind::OrderBook {
        intake.refused_ord = intake.refused_ord.max(keys(rows).last().copied());
    }
    let reason = format!("its rows were not taken: {error}");
    let window = covered.or_else(|| {
        let (first, last) = rows.ends()?;
        Window::new(first, last + Duration::from_micros(1))
    });
    window
        .into_iter()
        .for_each(|window| intake.waiting.note_refused(Note { window, reason: reason.clone() }));
}
