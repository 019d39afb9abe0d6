//! Late arrivals: frames of a process that ended, and rows of an earlier owner.

use std::time::Duration;

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::accept::intake::Intake;
use crate::store::journal::{Entry, Rows};
use crate::store::{Mark, Note, Period};

/// Why rows of a book that an earlier owner took are a gap.
pub(crate) const EARLIER: &str = "book rows of an earlier owner of the series were set aside";

impl Intake {
    /// Takes a frame of a process that ended, unless files or ledger hold it.
    pub(crate) fn replay(&mut self, mark: Mark, entry: Entry) {
        if self.ledger.journal.is_some_and(|own| own.holds(mark)) {
            return;
        }
        match entry {
            Entry::Page(_, page) => self.replay_page(mark, page),
            Entry::Vouch(_, vouch) => self.replay_vouch(mark, vouch),
            Entry::Unfillable(_, own) => self.replay_unfillable(mark, &own),
            Entry::Stopped => {}
        }
    }

    fn replay_page(&mut self, mark: Mark, page: Rows) {
        if page.fence < self.ledger.fence {
            let page = self.late_page(page);
            self.waiting.take(page, mark);
            return;
        }
        // Published, though the process ended before the ledger said so: rows and coverage are in those files. A
        // frame that was refused and stands there all the same is in none of them, so its coverage is not either.
        let published = self.in_files(mark);
        let is_new = |ts: i64| !published.iter().any(|window| window.holds(Micros(ts)));
        let new: Vec<usize> = (0..page.rows.len()).filter(|row| is_new(page.rows.ts()[*row])).collect();
        let mut covered: Windows = page.covered.into_iter().collect();
        published.iter().for_each(|window| covered.remove(*window));
        let to = if page.derived { &mut self.waiting.derived } else { &mut self.waiting.covered };
        to.extend(covered.iter());
        self.waiting.take(Rows { rows: page.rows.gather(&new), covered: None, ..page }, mark);
    }

    /// The windows of the periods whose files hold every row of a frame that lies in them.
    pub(super) fn in_files(&self, mark: Mark) -> Vec<Window> {
        let files = self.ledger.files.iter().chain(&self.ledger.open_files);
        files
            .filter(|(_, file)| file.journal.is_some_and(|own| own.holds(mark)))
            .filter_map(|(name, _)| Some(Period::named(self.kind, name)?.window))
            .collect()
    }

    /// Reduces a frame of an earlier ownership to what still counts. Rows of books have no key over processes, so they are a
    /// gap; so is what was computed, which is computed again.
    fn late_page(&mut self, page: Rows) -> Rows {
        let is_lost = self.kind == Kind::OrderBook;
        if let Some((first, last)) = page.rows.ends().filter(|_| is_lost) {
            let window = Window::new(first, last + Duration::from_micros(1));
            window.into_iter().for_each(|window| self.note(Note { window, reason: EARLIER.to_owned() }));
        }
        let rows = match is_lost || page.derived {
            true => Batch::of(self.kind),
            false => self.outside_coverage(&page.rows),
        };
        Rows { rows, covered: None, empty: None, derived: false, fence: self.ledger.fence }
    }
}
