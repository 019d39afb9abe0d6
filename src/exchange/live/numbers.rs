//! Trades that are numbered without a hole: which are missing, which came before, and which cannot be true.
//!
//! Numbers that are missing may come late: a hole closes by itself as far as no number of it is missing any more.

use std::time::Duration;

use crate::exchange::live::{HoleReason, Mark};
use crate::model::{Micros, Window, Windows};

/// Numbers and instants of neighbouring trades differ in their order by less.
const MOST_DISORDER: Duration = Duration::from_secs(60);

/// The most numbers between two trades that show that numbers began anew.
const MOST_SKIPPED: u64 = 1_000;

/// The most ranges of missing numbers that are remembered. A row of a forgotten one is taken for one that came before; it
/// was told missing.
const MOST_RANGES: usize = 64;

/// The numbers of one topic.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// The first of this connection, or the one that was held before it.
    first: Option<Mark>,
    /// Whether what came before the first is held.
    is_held: bool,
    /// From which instant on no number is unknown.
    since: Option<Micros>,
    newest: Option<Mark>,
    /// Ranges that were told missing.
    missing: Vec<Missing>,
    /// Before this instant, numbers may be missing that are not remembered.
    forgotten: Option<Micros>,
    /// Where numbers were told missing and have all come since.
    closed: Windows,
    /// A trade that contradicts the numbers so far: the next one shows whether they began anew.
    strange: Option<Mark>,
}

/// Numbers that were told missing.
#[derive(Clone, Copy, Debug)]
struct Missing {
    first: u64,
    last: u64,
    /// The instant of the row before them.
    from: Micros,
    /// The instant of the row behind them, or of the last of them that the exchange named.
    behind: Micros,
}

impl Missing {
    /// Where they lie: both instants may have more of them.
    fn window(&self) -> Window {
        around(self.from, self.behind)
    }
}

/// From one instant up to and with another.
fn around(one: Micros, other: Micros) -> Window {
    Window { from: one.min(other), until: one.max(other) + Duration::from_micros(1) }
}

/// The verdict on a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A row.
    Row,
    /// A row, before which some are missing.
    RowBehind(Gap),
    /// It came before.
    Repeated,
    /// It cannot be true.
    Denied(&'static str),
}

/// Numbers left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) ids: Option<(u64, u64)>,
    pub(crate) window: Window,
    pub(crate) reason: HoleReason,
}

impl Numbers {
    /// Numbers that go on from a trade that is held.
    pub(crate) fn behind(held: Option<Mark>) -> Self {
        let since = held.map(|held| held.ts);
        Numbers { first: held, newest: held, is_held: held.is_some(), since, ..Numbers::default() }
    }

    /// Everything up to this trade is held, whatever came so far.
    pub(crate) fn resume(&mut self, held: Mark) -> Option<Gap> {
        let Some(first) = self.first.filter(|_| !self.is_held) else {
            if self.newest.is_none() {
                *self = Numbers { strange: self.strange, ..Numbers::behind(Some(held)) };
            }
            return None;
        };
        self.since = self.since.min(Some(held.ts));
        if first.id <= held.id.saturating_add(1) {
            return None;
        }
        (self.first, self.is_held) = (Some(held), true);
        let missing = Missing { first: held.id + 1, last: first.id - 1, from: held.ts, behind: first.ts };
        Some(self.miss(missing, HoleReason::LeftOut))
    }

    /// From which instant on no number is unknown, but for those told missing.
    pub(crate) fn since(&self) -> Option<Micros> {
        self.since
    }

    pub(crate) fn newest(&self) -> Option<Mark> {
        self.newest
    }

    /// The newest, where no number of its instant is unknown: those that lie before the first one of a connection are.
    pub(crate) fn held(&self) -> Option<Mark> {
        self.newest.filter(|newest| self.since.is_some_and(|since| since <= newest.ts))
    }

    /// Judges a trade and takes it in.
    #[inline]
    pub(crate) fn take(&mut self, mark: Mark) -> Verdict {
        let Some(newest) = self.newest else {
            (self.first, self.newest) = (Some(mark), Some(mark));
            // Others of its instant may lie before it.
            self.since = Some(mark.ts + Duration::from_micros(1));
            return Verdict::Row;
        };
        if mark.id <= newest.id {
            return self.take_older(mark, newest);
        }
        if mark.ts + MOST_DISORDER < newest.ts {
            return Verdict::Denied("its instant lies before those of trades with smaller numbers");
        }
        self.strange = None;
        self.newest = Some(Mark { id: mark.id, ts: mark.ts.max(newest.ts) });
        if mark.id == newest.id + 1 {
            return Verdict::Row;
        }
        let missing = Missing { first: newest.id + 1, last: mark.id - 1, from: newest.ts, behind: mark.ts };
        Verdict::RowBehind(self.miss(missing, HoleReason::LeftOut))
    }

    /// The exchange names its newest trade: those up to it are missing that have not come.
    pub(crate) fn announce(&mut self, announced: Mark) -> Option<Gap> {
        let newest = self.newest.filter(|newest| newest.id < announced.id)?;
        self.newest = Some(Mark { id: announced.id, ts: announced.ts.max(newest.ts) });
        let missing =
            Missing { first: newest.id + 1, last: announced.id, from: newest.ts, behind: announced.ts };
        Some(self.miss(missing, HoleReason::NotSent))
    }

    /// Takes the windows in which numbers were told missing and have all come since.
    #[inline]
    pub(crate) fn take_closed(&mut self) -> Windows {
        std::mem::take(&mut self.closed)
    }

    fn take_older(&mut self, mark: Mark, newest: Mark) -> Verdict {
        if let Some(place) =
            self.missing.iter().position(|range| (range.first..=range.last).contains(&mark.id))
        {
            return self.fill(place, mark, newest);
        }
        if !self.is_held && self.first.is_some_and(|first| mark.id < first.id && mark.ts <= first.ts) {
            return Verdict::Row;
        }
        if mark.ts <= newest.ts {
            return Verdict::Repeated;
        }
        let follows = |strange: &Mark| (1..=MOST_SKIPPED).contains(&mark.id.wrapping_sub(strange.id));
        let began_anew = |strange: &Mark| follows(strange) && mark.ts >= strange.ts;
        if self.strange.filter(began_anew).is_none() {
            self.strange = Some(mark);
            return Verdict::Denied("an earlier trade had its number");
        }
        let since = self.since;
        *self = Numbers { first: Some(mark), newest: Some(mark), since, ..Numbers::default() };
        let window = around(newest.ts, mark.ts);
        Verdict::RowBehind(Gap { ids: None, window, reason: HoleReason::Restarted })
    }

    /// A missing one comes late. Those before it in its range are told once more: after a number that is far too high
    /// all that follow come here.
    fn fill(&mut self, place: usize, mark: Mark, newest: Mark) -> Verdict {
        let range = self.missing.remove(place);
        self.strange = None;
        self.newest = Some(Mark { id: newest.id, ts: mark.ts.max(newest.ts) });
        if mark.id < range.last {
            self.remember(Missing { first: mark.id + 1, from: mark.ts, ..range });
        }
        let is_first = mark.id == range.first;
        let before = Missing { last: mark.id - 1, behind: mark.ts, ..range };
        let gap = (!is_first).then(|| self.miss(before, HoleReason::LeftOut));
        self.close(range.window());
        gap.map_or(Verdict::Row, Verdict::RowBehind)
    }

    /// Closes a window as far as no number is missing in it any more. The instant that a connection began with may have
    /// more rows than came on it.
    fn close(&mut self, window: Window) {
        let Some(since) = self.since else { return };
        let from = window.from.max(since).max(self.forgotten.unwrap_or(since));
        let Some(window) = Window::new(from, window.until) else { return };
        let mut closed = Windows::from(window);
        self.missing.iter().for_each(|range| closed.remove(range.window()));
        self.closed.add_all(&closed);
    }

    /// Tells numbers missing.
    fn miss(&mut self, missing: Missing, reason: HoleReason) -> Gap {
        self.remember(missing);
        Gap { ids: Some((missing.first, missing.last)), window: missing.window(), reason }
    }

    fn remember(&mut self, missing: Missing) {
        if self.missing.len() == MOST_RANGES {
            let forgotten = self.missing.remove(0).window().until;
            self.forgotten = self.forgotten.max(Some(forgotten));
        }
        self.missing.push(missing);
    }
}

#[cfg(test)]
#[path = "numbers_tests.rs"]
mod tests;
