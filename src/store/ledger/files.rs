//! The entries of a ledger for the two files of a period.

use std::collections::BTreeMap;

use crate::model::{Micros, Window};
use crate::store::{FileEntry, Ledger, Mark, Part, Period, Published};

impl Ledger {
    /// How far the journal is in the files of a period.
    pub(crate) fn mark_of(&self, period: &str) -> Option<Mark> {
        let mark = |part| self.part(part).get(period)?.journal;
        mark(Part::Open).or_else(|| mark(Part::File))
    }

    pub(crate) fn part(&self, part: Part) -> &BTreeMap<String, FileEntry> {
        match part {
            Part::File => &self.files,
            Part::Open => &self.open_files,
        }
    }

    pub(crate) fn part_mut(&mut self, part: Part) -> &mut BTreeMap<String, FileEntry> {
        match part {
            Part::File => &mut self.files,
            Part::Open => &mut self.open_files,
        }
    }

    /// Enters a file that now stands under its name.
    pub(crate) fn enter(&mut self, published: &Published) {
        self.generation = self.generation.max(published.entry.generation);
        self.saw_ord(published.last_ord);
        self.part_mut(published.part).insert(published.period.clone(), published.entry.clone());
    }

    /// Forgets a file that is no longer there, and the windows its rows stood for: all of the period for its
    /// file, for an open one everything from the last row of the file beside it on. One that a remote holds is on
    /// remotes only from now on, and stays covered.
    pub(crate) fn drop_file(&mut self, period: &Period, part: Part, reason: &str) {
        let known = self.part_mut(part).get_mut(&period.name);
        if let Some(entry) = known.filter(|entry| !entry.remotes.is_empty()) {
            entry.remote_only = true;
            return;
        }
        let dropped = self.part_mut(part).remove(&period.name);
        self.lost_until = self.journal.or(self.lost_until);
        // Its entries about the journal hold only together with the file.
        let open = self.open_files.get_mut(&period.name).filter(|_| part == Part::File);
        open.into_iter().for_each(|open| open.journal = None);
        let beside = self.files.get(&period.name).filter(|_| part == Part::Open);
        let from = beside.map_or(period.window.from, |file| Micros(file.last));
        let is_empty = part == Part::Open && dropped.is_some_and(|open| open.rows == 0);
        if !is_empty {
            Window::new(from, period.window.until).into_iter().for_each(|lost| self.forget(lost, reason));
        }
    }
}
