//! Rows that are accepted and not published, with what they prove.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Batch, Kind, Micros, Window};
use crate::store::journal::Rows;
use crate::store::merge::{keys, merge_onto};
use crate::store::{Mark, Note};

/// Accepted pages that are not published.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Rows in order; of a key asked twice the later answer. A publish shares them while it works.
    pub(super) rows: Arc<Batch>,
    since: Option<Instant>,
    pub(super) covered: Vec<Window>,
    pub(super) derived: Vec<Window>,
    pub(super) empty: Vec<Window>,
    /// Why windows are gaps, where rows could not be taken.
    pub(super) notes: Vec<Note>,
    /// The last journal frame that is in it.
    pub(super) last: Option<Mark>,
}

impl Waiting {
    pub(super) fn nothing(kind: Kind) -> Self {
        Waiting {
            rows: Arc::new(Batch::of(kind)),
            since: None,
            covered: Vec::new(),
            derived: Vec::new(),
            empty: Vec::new(),
            notes: Vec::new(),
            last: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none() && self.notes.is_empty()
    }

    /// How long the oldest of it has waited.
    pub(super) fn waited(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Takes what a frame holds, behind all frames before it.
    pub(super) fn take(&mut self, page: Rows, position: Mark) {
        self.add(page.rows);
        if page.derived {
            self.derived.extend(page.covered);
        } else {
            self.covered.extend(page.covered);
        }
        self.empty.extend(page.empty);
        self.last = Some(position);
        self.since.get_or_insert_with(Instant::now);
    }

    /// Takes what was accepted after all of this.
    pub(super) fn follow(&mut self, newer: Waiting) {
        self.add(Arc::unwrap_or_clone(newer.rows));
        self.covered.extend(newer.covered);
        self.derived.extend(newer.derived);
        self.empty.extend(newer.empty);
        self.notes.extend(newer.notes);
        self.last = newer.last.or(self.last);
        self.since = self.since.or(newer.since);
    }

    fn add(&mut self, rows: Batch) {
        if self.rows.is_empty() {
            self.rows = Arc::new(rows);
        } else {
            merge_onto(Arc::make_mut(&mut self.rows), &rows);
        }
    }

    /// Refused again and again, a window has one note.
    pub(super) fn note_refused(&mut self, note: Note) {
        self.notes.retain(|old| old.window.meet(note.window) != Some(old.window));
        self.notes.push(note);
    }

    /// Every window that its frames prove something of.
    pub(super) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.covered().chain(&self.empty)
    }

    /// The windows its rows are from, computed ones too.
    pub(super) fn covered(&self) -> impl Iterator<Item = &Window> {
        self.covered.iter().chain(&self.derived)
    }

    /// The highest number of an update, of a book.
    pub(super) fn last_key(&self) -> Option<i64> {
        keys(&self.rows).last().copied()
    }

    /// The newest instant its rows and the exchange's own coverage stand for.
    pub(super) fn reach(&self) -> Option<Micros> {
        let covered = self.covered.iter().map(|window| window.until).max();
        covered.max(self.rows.ts().iter().max().map(|ts| Micros(*ts)))
    }
}
