//! The account of a series while it is written: the ledger, and what was accepted beyond it. Nothing here touches a file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::accept::full::{is_full, is_just_full};
use crate::store::accept::recent::RecentTrades;
use crate::store::accept::waiting::Waiting;
use crate::store::{FileEntry, Ledger, Mark, Note};

/// Why two empty answers settle a window.
pub(super) const TWO_EMPTY: &str = "the exchange answered twice that it has nothing here";

/// The ledger of a series, and what was accepted that it does not account for yet.
#[derive(Debug)]
pub(crate) struct Intake {
    /// The number of writers; with none of them, only `waiting` is kept.
    pub(crate) writers: usize,
    pub(super) kind: Kind,
    pub(super) ledger: Arc<Ledger>,
    /// The ledger as it is on disk differs from `ledger`.
    pub(super) unwritten: bool,
    /// How far the ledger on disk settles the journal.
    pub(super) on_disk: Option<Mark>,
    pub(super) recent: RecentTrades,
    /// The highest number of an update that was refused, of a book: it may stand in the journal all the same.
    pub(super) refused_ord: Option<i64>,
    pub(super) waiting: Waiting,
    /// Taken by the publish under way; accepted before everything in `waiting`.
    pub(super) taken: Option<Waiting>,
}

impl Intake {
    pub(super) fn new(kind: Kind) -> Self {
        Intake {
            writers: 0,
            kind,
            ledger: Arc::default(),
            unwritten: false,
            on_disk: None,
            recent: RecentTrades::default(),
            refused_ord: None,
            waiting: Waiting::nothing(kind),
            taken: None,
        }
    }

    /// Begins with the ledger of a series that was just made to agree with its files.
    pub(crate) fn open(&mut self, ledger: Ledger, unwritten: bool) {
        self.on_disk = ledger.journal;
        (self.ledger, self.unwritten) = (Arc::new(ledger), unwritten);
    }

    /// The ledger as it stands now.
    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Changes the ledger; the next publish writes it.
    pub(crate) fn account(&mut self, change: impl FnOnce(&mut Ledger)) {
        let before = Arc::clone(&self.ledger);
        change(Arc::make_mut(&mut self.ledger));
        self.unwritten |= self.ledger != before;
    }

    /// Everything accepted and not published, the oldest first.
    pub(super) fn unpublished(&self) -> impl Iterator<Item = &Waiting> {
        self.taken.iter().chain([&self.waiting])
    }

    /// Rows of it.
    pub(crate) fn waiting_rows(&self) -> usize {
        self.unpublished().map(|waiting| waiting.rows.len()).sum()
    }

    /// The bytes of it.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.unpublished().map(Waiting::bytes).sum()
    }

    /// Whether something waits that no publish has taken.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How long the oldest of what no publish has taken has waited.
    pub(crate) fn waited(&self) -> Option<Duration> {
        self.waiting.waited()
    }

    /// Whether enough waits, or long enough, that it should be published.
    pub(crate) fn wants_flush(&self, longest: Duration) -> bool {
        is_full(&self.waiting.rows) || self.waiting.waited().is_some_and(|waited| waited >= longest)
    }

    /// Whether a row group is full, and so little waits beyond it that rows in flight can be waited for.
    pub(crate) fn is_just_full(&self) -> bool {
        is_just_full(&self.waiting.rows)
    }

    /// Settled windows, accepted pages included.
    pub(crate) fn settled(&self) -> Windows {
        let mut settled = self.ledger.settled();
        self.unpublished().flat_map(|waiting| &waiting.empty).for_each(|window| settled.add(*window));
        settled.add_all(&self.covered());
        settled
    }

    /// Where rows are held or accepted, computed ones too.
    pub(super) fn covered(&self) -> Windows {
        let mut covered = self.ledger.covered.clone();
        self.unpublished().flat_map(Waiting::covered).for_each(|window| covered.add(*window));
        self.unpublished().for_each(|waiting| covered.add_all(&waiting.vouched(&self.ledger)));
        covered
    }

    /// Takes back what two empty answers claimed of a window; returns the parts that are open again.
    pub(crate) fn doubt_empty(&mut self, window: Window) -> Windows {
        let mut doubted = Windows::new();
        for waiting in self.taken.iter_mut().chain([&mut self.waiting]) {
            let mut claimed: Windows = waiting.empty.drain(..).collect();
            doubted.add_all(&claimed.within(window));
            claimed.remove(window);
            waiting.empty.extend(claimed.iter());
        }
        doubted.add_all(&Arc::make_mut(&mut self.ledger).doubt_empty(window, TWO_EMPTY));
        self.unwritten |= !doubted.is_empty();
        // Windows covered meanwhile stay so.
        doubted.remove_all(&self.own_accepted());
        doubted
    }

    /// Records why windows may be gaps, once what waits is published.
    pub(crate) fn note(&mut self, note: Note) {
        self.waiting.notes.push(note);
    }

    /// Computed rows stand back where the exchange's own are.
    pub(super) fn without_own(&self, rows: &Batch) -> Batch {
        let mut own = self.ledger.covered.clone();
        own.remove_all(&self.ledger.derived);
        own.add_all(&self.own_accepted());
        outside(rows, &own)
    }

    /// Windows accepted of rows that the exchange itself sent.
    fn own_accepted(&self) -> Windows {
        let mut own: Windows = self.unpublished().flat_map(|waiting| &waiting.covered).copied().collect();
        self.unpublished().for_each(|waiting| own.add_all(&waiting.vouched(&self.ledger)));
        own
    }

    /// Rows of windows that are not covered.
    pub(super) fn outside_coverage(&self, rows: &Batch) -> Batch {
        outside(rows, &self.covered())
    }

    /// The first mark from which on all frames of the series that are here are named.
    pub(super) fn earliest(&self) -> Option<Mark> {
        let first = self.unpublished().find_map(|waiting| waiting.frames.first().copied());
        let is_of_another = |own: &Mark| first.is_some_and(|first| first.journal != own.journal);
        self.on_disk.filter(|own| !is_of_another(own)).or(first)
    }

    /// The number of the next update of a book. Those of refused ones are not given again.
    pub(crate) fn next_ord(&self) -> i64 {
        let waiting = self.unpublished().filter_map(Waiting::last_key).max();
        self.ledger.last_ord.max(waiting).max(self.refused_ord).map_or(0, |last| last + 1)
    }

    /// The newest instant of a row of a book: no later update stands before it.
    pub(crate) fn newest_update(&self) -> Option<Micros> {
        let newest = |files: &BTreeMap<String, FileEntry>| files.values().next_back().map(|file| file.last);
        let published = newest(&self.ledger.files).max(newest(&self.ledger.open_files));
        let waiting = self.unpublished().filter_map(|waiting| waiting.rows.ts().last().copied()).max();
        published.max(waiting).map(Micros)
    }

    /// The newest instant that what is published or waits stands for.
    pub(crate) fn reach(&self) -> Option<Micros> {
        let waiting = self.unpublished().filter_map(Waiting::reach).max();
        waiting.max(self.ledger.covered.last().map(|window| window.until))
    }

    /// From where what is published ends, or what waits begins, to the last instant of what waits.
    pub(crate) fn waiting_window(&self) -> Option<Window> {
        let windows = || self.unpublished().flat_map(Waiting::windows);
        let published = self.ledger.covered.last().map(|window| window.until);
        let from = windows().map(|window| window.from).chain(published).min()?;
        Window::new(from, windows().map(|window| window.until).max()?)
    }
}

fn outside(rows: &Batch, windows: &Windows) -> Batch {
    let kept: Vec<usize> = (0..rows.len()).filter(|row| !windows.holds(Micros(rows.ts()[*row]))).collect();
    rows.gather(&kept)
}
