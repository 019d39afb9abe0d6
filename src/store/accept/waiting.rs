//! Rows that are accepted and not published, with what they prove.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Batch, Kind, Micros, Window, Windows};
use crate::store::accept::full::rows_to_come;
use crate::store::journal::Rows;
use crate::store::merge::{keys, merge_onto};
use crate::store::{Ledger, Mark, Note};

/// Why a window that a live session vouched for is a gap.
pub(super) const UNPROVEN: &str =
    "rows of a live session were lost, so its word for this time does not count";

/// Accepted pages that are not published.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Rows in order; of a key asked twice the later answer. A publish shares them while it works.
    pub(super) rows: Arc<Batch>,
    since: Option<Instant>,
    pub(super) covered: Vec<Window>,
    pub(super) derived: Vec<Window>,
    pub(super) empty: Vec<Window>,
    pub(super) vouched: Vec<Vouched>,
    /// Windows that a session of the process before vouched for, and of which not every frame was found.
    pub(super) unproven: Vec<Window>,
    /// Trades that came with another price, amount or side than before under the same id.
    pub(super) mismatched: u64,
    /// The frames that its rows came in, in order.
    pub(super) frames: Vec<Mark>,
    /// Why windows are gaps, where rows could not be taken.
    pub(super) notes: Vec<Note>,
    /// The last journal frame that is in it.
    pub(super) last: Option<Mark>,
}

/// A window that a live session vouched for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vouched {
    pub(super) window: Window,
    /// Some of its rows were published by then, up to here.
    pub(super) published: Option<Mark>,
}

impl Vouched {
    /// Whether it still holds: not once published rows it relies on were lost with their file.
    pub(super) fn holds(&self, ledger: &Ledger) -> bool {
        !self.published.is_some_and(|published| ledger.has_lost(published))
    }
}

impl Waiting {
    pub(super) fn nothing(kind: Kind) -> Self {
        Waiting {
            rows: Arc::new(Batch::of(kind)),
            since: None,
            covered: Vec::new(),
            derived: Vec::new(),
            empty: Vec::new(),
            vouched: Vec::new(),
            unproven: Vec::new(),
            mismatched: 0,
            frames: Vec::new(),
            notes: Vec::new(),
            last: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none() && self.notes.is_empty()
    }

    /// The memory of its rows, and of what is remembered of their frames and windows, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let (frames, vouched) = (self.frames.capacity(), self.vouched.capacity());
        self.rows.memory() + frames * size_of::<Mark>() + vouched * size_of::<Vouched>()
    }

    /// How long the oldest of it has waited.
    pub(super) fn waited(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Takes what a frame holds, behind all frames before it.
    pub(super) fn take(&mut self, page: Rows, position: Mark) {
        if let Some(more) = rows_to_come(self.rows.len()) {
            Arc::make_mut(&mut self.rows).reserve_close(more);
        }
        self.add(Cow::Owned(page.rows));
        if page.derived {
            self.derived.extend(page.covered);
        } else {
            self.covered.extend(page.covered);
        }
        self.empty.extend(page.empty);
        self.frames.push(position);
        self.pass(position);
    }

    /// Takes rows of a live session, that so many frames hold from a position on.
    pub(super) fn take_live(&mut self, rows: &Batch, covered: Option<Window>, (first, count): (Mark, u64)) {
        self.add(Cow::Borrowed(rows));
        self.covered.extend(covered);
        for position in first.position..first.position + count {
            let mark = Mark { position, ..first };
            self.frames.push(mark);
            self.pass(mark);
        }
    }

    /// Goes past a frame whose content is dealt with.
    pub(super) fn pass(&mut self, position: Mark) {
        self.last = Some(position);
        self.since.get_or_insert_with(Instant::now);
    }

    /// Takes what was accepted after all of this.
    pub(super) fn follow(&mut self, newer: Waiting) {
        self.add(Cow::Owned(Arc::unwrap_or_clone(newer.rows)));
        self.covered.extend(newer.covered);
        self.derived.extend(newer.derived);
        self.empty.extend(newer.empty);
        self.vouched.extend(newer.vouched);
        self.unproven.extend(newer.unproven);
        self.frames.extend(newer.frames);
        self.mismatched += newer.mismatched;
        self.notes.extend(newer.notes);
        self.last = newer.last.or(self.last);
        self.since = self.since.or(newer.since);
    }

    fn add(&mut self, rows: Cow<'_, Batch>) {
        if self.rows.is_empty() {
            self.rows = Arc::new(rows.into_owned());
        } else {
            let waiting = Arc::make_mut(&mut self.rows);
            waiting.reserve_close(rows.len());
            let tally = merge_onto(waiting, &rows);
            self.mismatched += tally.mismatched;
        }
    }

    /// Refused again and again, a window has one note.
    pub(super) fn note_refused(&mut self, note: Note) {
        self.notes.retain(|old| old.window.intersection(note.window) != Some(old.window));
        self.notes.push(note);
    }

    /// Every window that its frames prove something of.
    pub(super) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.covered().chain(&self.empty).chain(self.vouched.iter().map(|vouched| &vouched.window))
    }

    /// The windows that sessions vouched for, as far as that still holds.
    pub(super) fn vouched(&self, ledger: &Ledger) -> Windows {
        self.vouched.iter().filter(|vouched| vouched.holds(ledger)).map(|vouched| vouched.window).collect()
    }

    /// The windows its rows are from, computed ones too.
    pub(super) fn covered(&self) -> impl Iterator<Item = &Window> {
        self.covered.iter().chain(&self.derived)
    }

    /// The windows that sessions vouched for, and whose rows are not all held.
    pub(super) fn not_proven(&self, ledger: &Ledger) -> Vec<Window> {
        let broken = self.vouched.iter().filter(|vouched| !vouched.holds(ledger));
        self.unproven.iter().copied().chain(broken.map(|vouched| vouched.window)).collect()
    }

    /// The highest number of an update, of a book.
    pub(super) fn last_key(&self) -> Option<i64> {
        keys(&self.rows).last().copied()
    }

    /// The newest instant its rows and the exchange's own coverage stand for.
    pub(super) fn reach(&self) -> Option<Micros> {
        let vouched = self.vouched.iter().map(|vouched| vouched.window);
        let covered = self.covered.iter().copied().chain(vouched).map(|window| window.until).max();
        covered.max(self.rows.ts().iter().max().map(|ts| Micros(*ts)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Candle;

    const PAGE: usize = 1_000;

    /// A page of candles, behind so many.
    fn page(before: usize) -> Rows {
        let mut rows = Batch::of(Kind::Ohlc);
        for minute in before..before + PAGE {
            rows.candles_mut().push(Candle {
                ts: Micros(minute as i64 * 60_000_000),
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: 1.0,
                volume: 1.0,
                quote_volume: None,
                trades: None,
            });
        }
        Rows { rows, covered: None, empty: None, derived: false, fence: 0 }
    }

    #[test]
    fn room_for_rows_to_come_is_made_once_and_not_counted_before_they_come() {
        let mut waiting = Waiting::nothing(Kind::Ohlc);
        let mut room = BTreeSet::new();
        for count in 0..120 {
            waiting.take(page(count * PAGE), Mark { journal: 1, position: count as u64 });
            let (rows, frames) = (waiting.rows.bytes(), waiting.frames.capacity() * size_of::<Mark>());
            assert!(waiting.bytes() <= rows / 4 * 5 + frames, "{count}: {} of {rows}", waiting.bytes());
            if rows_to_come(count * PAGE).is_some() {
                room.insert(waiting.rows.ts().as_ptr());
            }
        }

        assert_eq!(room.len(), 1, "rows were copied into more room");
    }
}
