//! Which window the next page asks for, and which rows answer it.

use std::time::Duration;

use crate::exchange::paging::seen::Seen;
use crate::exchange::paging::{Edge, Walk};
use crate::exchange::{Ask, Bounds, Direction};
use crate::model::{Batch, Micros, Window};

/// How far past the end of a window a walk by id reads on where more rows follow: ids and instants disagree by less.
const LATE: Duration = Duration::from_secs(5);

impl Walk {
    /// The window of the next page.
    pub(super) fn asked(&self) -> Window {
        let far = self.far || matches!(self.offer.bounds, Bounds::Near | Bounds::Unbounded);
        let held = self.held.as_ref().filter(|_| self.overlaps()).map(|held| held.at);
        let (from, until) = match self.offer.direction {
            Direction::OldestFirst => {
                (held.unwrap_or(self.from), if far { self.horizon } else { self.until })
            }
            Direction::NewestFirst => (
                if far { Micros(0) } else { self.from },
                held.map_or(self.until, |held| held + Duration::from_micros(1)),
            ),
        };
        self.cut(Window::new(from, until).unwrap_or(self.window))
    }

    /// A window an exchange would not take whole, without its far part.
    fn cut(&self, window: Window) -> Window {
        let Some(grid) = self.grid.filter(|_| self.offer.bounds == Bounds::Page) else { return window };
        let rows = i64::from(self.offer.page_rows);
        let (from, until) = match self.offer.direction {
            Direction::OldestFirst => (window.from, window.until.min(grid.step(window.from, rows))),
            Direction::NewestFirst => {
                let newest = grid.floor(Micros(window.until.0 - 1));
                (window.from.max(grid.step(newest, 1 - rows)), window.until)
            }
        };
        Window::new(from, until).unwrap_or(window)
    }

    /// Whether the next page asks for the furthest held row too.
    fn overlaps(&self) -> bool {
        self.overlap && matches!(self.ask, Ask::ByTime | Ask::Skip(_))
    }

    /// Whether the answer has to show the furthest held row.
    fn needs_held(&self) -> bool {
        self.overlaps() || matches!(self.ask, Ask::FromId(_))
    }

    /// Whether the furthest held row was asked for again and is not there.
    pub(super) fn held_is_missing(&self, rows: &Batch) -> bool {
        let shows = |held: &Edge| match self.ask {
            // The part that is left out ends with it.
            Ask::Skip(_) => held.is_partly_in(rows),
            _ => self.shows(rows, held),
        };
        self.needs_held() && !self.held.as_ref().is_none_or(shows)
    }

    /// Whether an answer shows a row. A full one may end within its instant.
    pub(super) fn shows(&self, rows: &Batch, edge: &Edge) -> bool {
        let is_full = rows.len() >= self.page().rows.min(self.offer.page_rows) as usize;
        if is_full { edge.is_partly_in(rows) } else { edge.is_in(rows) }
    }

    /// Whether a row answers what the next page asks for.
    pub(super) fn answers(&self, at: Micros) -> bool {
        matches!(self.ask, Ask::FromId(_)) || self.is_within(self.asked(), at)
    }

    /// Whether an instant lies within the bounds that a request for a window names.
    pub(super) fn is_within(&self, asked: Window, at: Micros) -> bool {
        match (self.offer.bounds, self.offer.direction) {
            (Bounds::Both | Bounds::Page, _) => asked.holds(at),
            // Nothing tells the exchange where to stop: the running candle may be there too.
            (Bounds::Near, Direction::OldestFirst) => at >= asked.from,
            (Bounds::Near, Direction::NewestFirst) => at < asked.until,
            (Bounds::Unbounded | Bounds::ById, _) => true,
        }
    }

    /// How an answer shows that its request was not obeyed: how many rows do so, and by what.
    pub(super) fn disobedience(&self, seen: &Seen<'_>, is_reversed: bool) -> Option<(u64, String)> {
        let page = self.page();
        let count = seen.rows.len() as u64;
        if is_reversed && count > 1 {
            return Some((count, "its rows come in the order that was not asked for".to_owned()));
        }
        let (stray, asked) = match (page.ask, &seen.numbers) {
            // A page asked for by id alone counts from the other end: the newest rows of all may hold more.
            (Ask::FromId(first), Some(numbers)) => {
                let lower = numbers.iter().filter(|number| **number < first).count();
                let counts = self.offer.bounds != Bounds::ById || lower == numbers.len();
                (if counts { lower } else { 0 }, format!("ids from {first} on"))
            }
            (Ask::FromId(_) | Ask::Now, _) => return None,
            _ => {
                let within = |ts: &&i64| !self.is_within(page.window, Micros(**ts));
                (seen.rows.ts().iter().filter(within).count(), page.window.to_string())
            }
        };
        (stray > 0).then(|| {
            (stray as u64, format!("{stray} of its {count} rows lie outside {asked}, which was asked for"))
        })
    }

    /// Whether a row lies beyond the window, where the walk is going.
    pub(super) fn is_past(&self, at: Micros) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => at >= self.window.until,
            Direction::NewestFirst => at < self.window.from,
        }
    }

    /// Whether an answer shows that the walk is through: rows lie past the end, and where more may follow they are not
    /// one alone. Ids do not always follow time, so where more rows come by id, the last has to lie past the end by
    /// more than they differ.
    pub(super) fn is_through(&self, seen: &Seen<'_>, full: bool) -> bool {
        let past = self.past(seen);
        if !full || self.grid.is_some() {
            return !past.is_empty();
        }
        let slack = if seen.numbers.is_some() { LATE } else { Duration::ZERO };
        let is_far = |row: &usize| self.is_past(Micros(seen.rows.ts()[*row]) - slack);
        let ends_past = match &seen.numbers {
            Some(_) => seen.in_order().last().is_some_and(is_far),
            None => true,
        };
        past.len() > 1 && ends_past
    }

    /// Whether `a` lies further along the walk than `b`.
    pub(super) fn is_beyond<T: Ord>(&self, a: T, b: T) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => a > b,
            Direction::NewestFirst => a < b,
        }
    }

    /// Whether no row of the window can lie beyond this one.
    pub(super) fn ends_at(&self, row: Micros) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => self.after(row) >= self.window.until,
            Direction::NewestFirst => self.grid.is_some_and(|grid| row <= grid.ceil(self.window.from)),
        }
    }

    /// The next open after a candle, or its end where opens stand on no grid; the instant itself without a span.
    pub(super) fn after(&self, row: Micros) -> Micros {
        match self.grid {
            Some(grid) if self.offer.is_unanchored(grid.span) => {
                row + Duration::from_secs(u64::from(grid.span.secs()))
            }
            Some(grid) => grid.next(row),
            None => row,
        }
    }

    /// Of the rows picked, the one furthest along the walk: by its number where rows have one.
    pub(super) fn furthest(&self, seen: &Seen<'_>, picked: &[usize]) -> Option<Edge> {
        self.end_of_rows(seen, picked, self.offer.direction == Direction::OldestFirst)
    }

    /// Of the rows picked, the one nearest to where the walk began.
    pub(super) fn nearest(&self, seen: &Seen<'_>, picked: &[usize]) -> Option<Edge> {
        self.end_of_rows(seen, picked, self.offer.direction == Direction::NewestFirst)
    }

    fn end_of_rows(&self, seen: &Seen<'_>, picked: &[usize], is_last: bool) -> Option<Edge> {
        let ts = seen.rows.ts();
        let Some(numbers) = &seen.numbers else {
            let instants = picked.iter().map(|row| Micros(ts[*row]));
            let at = if is_last { instants.max() } else { instants.min() };
            return at.map(|at| Edge::instant(seen.rows, at));
        };
        let rows = picked.iter().copied();
        let row =
            if is_last { rows.max_by_key(|row| numbers[*row]) } else { rows.min_by_key(|row| numbers[*row]) };
        row.map(|row| Edge::of(seen.rows, row))
    }
}
