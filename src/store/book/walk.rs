//! The updates of a series over a window, book by book.

use std::time::Duration;

use crate::model::{Kind, Micros, Series, Window};
use crate::store::book::cursor::{Applied, Cursor};
use crate::store::book::error::BookError;
use crate::store::book::group::Head;
use crate::store::book::known::{How, Known, Part, uncovered};
use crate::store::book::ladder::{Ladder, Level};
use crate::store::{Layout, Period};

/// A book as it was after one update.
#[derive(Clone, Debug)]
pub struct BookState {
    /// The instant of the update, by the exchange's clock.
    pub ts: Micros,
    /// When it was received.
    pub ts_recv: Micros,
    /// The number of the update in the series.
    pub ord: i64,
    /// The exchange's number of it, if it has one.
    pub seq: Option<i64>,
    /// Whether the book was in step from then until the next update. If not, it is a snapshot that was taken by itself, and
    /// true of its own instant only.
    pub is_covered: bool,
    ladder: Ladder,
}

impl BookState {
    /// The time from its update until an instant.
    #[must_use]
    pub fn age(&self, at: Micros) -> Duration {
        at.since(self.ts)
    }

    /// The bids, the highest first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.ladder.bids()
    }

    /// The asks, the lowest first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.ladder.asks()
    }
}

/// A walk over the updates of a window. It keeps one book and one row group in memory.
pub struct BookWalk {
    series: Series,
    cursor: Cursor,
    known: Known,
    /// The part of the window that is still to be walked.
    from: Micros,
    until: Micros,
    /// The part of the line of time that is being walked.
    part: Option<Part>,
    state: BookState,
    /// The last update was a change rather than a whole book.
    is_changed: bool,
    applied: Option<Applied>,
}

impl BookWalk {
    pub(super) fn open(layout: &Layout, series: &Series, window: Option<Window>) -> Result<Self, BookError> {
        let (cursor, known) = Cursor::open(layout, series)?;
        let window = window.unwrap_or_else(|| at_once(known.newest()));
        let state = BookState {
            ts: window.from,
            ts_recv: window.from,
            ord: 0,
            seq: None,
            is_covered: false,
            ladder: Ladder::default(),
        };
        let Window { from, until } = window;
        let series = series.clone();
        Ok(BookWalk {
            series,
            cursor,
            known,
            from,
            until,
            part: None,
            state,
            is_changed: false,
            applied: None,
        })
    }

    /// The next book: the one as of the first instant of the window, then one after each update. `None` at its end.
    ///
    /// # Errors
    /// If a part of the window is [not covered](BookError::NotCovered); the next call goes on behind it. Any other error
    /// ends the walk: a file that is damaged, or only on a remote.
    #[allow(
        clippy::should_implement_trait,
        reason = "the book is lent, so that none is copied at each update"
    )]
    pub fn next(&mut self) -> Result<Option<&BookState>, BookError> {
        let moved = self.step().inspect_err(|error| {
            if !matches!(error, BookError::NotCovered { .. }) {
                (self.from, self.part) = (self.until, None);
            }
        });
        Ok(if moved? { Some(&self.state) } else { None })
    }

    fn step(&mut self) -> Result<bool, BookError> {
        loop {
            let Some(part) = self.part.take() else {
                let Some(left) = Window::new(self.from, self.until) else { return Ok(false) };
                let part = self.known.at(left.from);
                if let Some(hole) = part.refusal() {
                    self.from = part.window.until.min(self.until);
                    return Err(BookError::not_covered(&self.series, hole));
                }
                if self.begin(part, left.from)? {
                    return self.stamped();
                }
                continue;
            };
            let until = part.window.until.min(self.until);
            let Some(head) = self.cursor.peek(until)? else {
                self.from = until;
                continue;
            };
            if self.breaks(&part, head) {
                self.lost(&part, head)?;
                continue;
            }
            self.apply(head);
            self.part = Some(part);
            return self.stamped();
        }
    }

    /// Goes to the book as of an instant in a part. Returns whether there is one.
    fn begin(&mut self, part: Part, at: Micros) -> Result<bool, BookError> {
        if !self.cursor.seek_newest_whole(part.window, at)? {
            self.without_whole(&part)?;
            return Ok(false);
        }
        self.state.is_covered = part.how == How::Covered;
        // A day's file begins with a whole book: updates that are missing before it are not looked for.
        let day = Period::of(Kind::OrderBook, at).window.until;
        let mut is_first = true;
        while let Some(head) = self.cursor.peek(part.window.until.min(day))? {
            if !is_first && self.breaks(&part, head) {
                self.lost(&part, head)?;
                return Ok(false);
            }
            if head.ts > at {
                break;
            }
            self.apply(head);
            is_first = false;
        }
        self.part = Some(part);
        Ok(true)
    }

    /// Whether the book is not known between the last update and this one: one between them is missing, or nothing vouches
    /// for changes.
    fn breaks(&self, part: &Part, head: Head) -> bool {
        let follows = head.ord == self.state.ord + 1;
        let is_change = self.is_changed || !head.is_whole;
        is_change && !(follows && part.how == How::Covered)
    }

    fn apply(&mut self, head: Head) {
        self.applied = self.cursor.apply(&mut self.state.ladder);
        self.is_changed = !head.is_whole;
        (self.state.ts, self.state.ord) = (head.ts, head.ord);
    }

    fn stamped(&mut self) -> Result<bool, BookError> {
        if let Some(applied) = &self.applied {
            (self.state.ts_recv, self.state.seq) = applied.stamp()?;
        }
        Ok(true)
    }

    /// The book is not known up to the first whole one of a part.
    fn without_whole(&mut self, part: &Part) -> Result<(), BookError> {
        self.cursor.seek_first(part.window);
        let until = self.cursor.seek_next_whole(part.window)?.unwrap_or(part.window.until);
        self.refuse(Window { until, ..part.window }, "no whole book of it is stored")
    }

    /// The book is not known from the last update on until the next whole one.
    fn lost(&mut self, part: &Part, head: Head) -> Result<(), BookError> {
        let Window { from, until } = part.window;
        let rest = Window { from: from.max(self.state.ts), until };
        let until = match head.is_whole {
            true => head.ts,
            false => self.cursor.seek_next_whole(rest)?.unwrap_or(until),
        };
        let reason = match head.ord - self.state.ord {
            1 => "nothing vouches for the changes in it".to_owned(),
            _ => format!("updates between {} and {} are missing", self.state.ord, head.ord),
        };
        self.refuse(Window { until, ..rest }, &reason)
    }

    fn refuse(&mut self, window: Window, reason: &str) -> Result<(), BookError> {
        self.from = self.from.max(window.until.min(self.until));
        // Where a whole book stands at the same instant, nothing of it is unknown.
        if window.from >= window.until {
            return Ok(());
        }
        Err(BookError::not_covered(&self.series, uncovered(window, "gap", reason.to_owned())))
    }
}

/// The window of one instant.
pub(super) fn at_once(at: Micros) -> Window {
    let from = at.min(Micros(i64::MAX - 1));
    Window { from, until: Micros(from.0 + 1) }
}
