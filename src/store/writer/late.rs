//! What comes to a writer later than it should: frames of a process that ended, and rows of an earlier owner.

use std::time::Duration;

use super::{Accepted, EARLIER, Writer};
use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::journal::Rows;
use crate::store::{Mark, Note, Period, StoreError};

impl Writer {
    /// Takes a frame of a process that ended, unless files or ledger hold it.
    pub(crate) fn replay(&mut self, mark: Mark, page: Rows) {
        let holds = |own: &Mark| own.journal == mark.journal && own.position >= mark.position;
        if self.ledger.journal.as_ref().is_some_and(holds) {
            return;
        }
        if page.fence < self.ledger.fence {
            let page = self.late_page(page);
            self.waiting.take(page, mark);
            return;
        }
        let kind = self.place.series.kind();
        // Published, though the process ended before the ledger said so: rows and coverage are in those files. A
        // frame that was refused and stands there all the same is in none of them, so its coverage is not either.
        let files = self.ledger.files.iter().chain(&self.ledger.open_files);
        let published: Vec<Window> = files
            .filter(|(_, file)| file.journal.as_ref().is_some_and(holds))
            .filter_map(|(name, _)| Some(Period::named(kind, name)?.window))
            .collect();
        let is_new = |ts: i64| !published.iter().any(|window| window.holds(Micros(ts)));
        let new: Vec<usize> = (0..page.rows.len()).filter(|row| is_new(page.rows.ts()[*row])).collect();
        let mut covered: Windows = page.covered.into_iter().collect();
        published.iter().for_each(|window| covered.remove(*window));
        let to = if page.derived { &mut self.waiting.derived } else { &mut self.waiting.covered };
        to.extend(covered.iter());
        self.waiting.take(Rows { rows: page.rows.gather(&new), covered: None, ..page }, mark);
    }

    /// The newest instant that what is published or waits stands for.
    pub(crate) fn reach(&self) -> Option<Micros> {
        let waiting = self.waiting.covered.iter().map(|window| window.until).max();
        let rows = self.waiting.rows.ts().iter().max().map(|ts| Micros(*ts));
        waiting.max(rows).max(self.ledger.covered.last().map(|window| window.until))
    }

    /// From where what is published ends, or what waits begins, to the last instant that what waits speaks of.
    pub(crate) fn waiting_window(&self) -> Option<Window> {
        let windows = || self.waiting.covered.iter().chain(&self.waiting.derived).chain(&self.waiting.empty);
        let published = self.ledger.covered.last().map(|window| window.until);
        let from = windows().map(|window| window.from).chain(published).min()?;
        Window::new(from, windows().map(|window| window.until).max()?)
    }

    /// Accepts rows of an earlier ownership of the series: they prove nothing, and stand back where the series is
    /// covered. Gives how many were not there.
    ///
    /// # Errors
    /// See [`Writer::accept`].
    pub fn accept_late(&mut self, rows: Batch) -> Result<u64, StoreError> {
        let rows = self.outside_coverage(&rows);
        let taken = rows.len() as u64;
        self.accept(Accepted { rows, covered: None, empty: None, derived: false })?;
        Ok(taken)
    }

    /// What is left of a frame of an earlier ownership. Rows of books have no key over processes, so they are a
    /// gap; so is what was computed, which is computed again.
    pub(super) fn late_page(&mut self, page: Rows) -> Rows {
        let kind = self.place.series.kind();
        let is_lost = kind == Kind::OrderBook;
        if let Some((first, last)) = page.rows.ends().filter(|_| is_lost) {
            let window = Window::new(first, last + Duration::from_micros(1));
            window.into_iter().for_each(|window| self.note(Note { window, reason: EARLIER.to_owned() }));
        }
        let rows = match is_lost || page.derived {
            true => Batch::of(kind),
            false => self.outside_coverage(&page.rows),
        };
        Rows { rows, covered: None, empty: None, derived: false, fence: self.ledger.fence }
    }

    pub(super) fn outside_coverage(&self, rows: &Batch) -> Batch {
        let mut covered = self.ledger.covered.clone();
        self.waiting.covered.iter().chain(&self.waiting.derived).for_each(|window| covered.add(*window));
        let kept: Vec<usize> =
            (0..rows.len()).filter(|row| !covered.holds(Micros(rows.ts()[*row]))).collect();
        rows.gather(&kept)
    }
}
