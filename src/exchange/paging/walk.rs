//! The walk over one window, page by page, and what each answer proves.
//!
//! Oldest first, candles prove `[from, last open + span)`: an absent candle between two rows was a quiet
//! market. Trades prove `[from, last ts)`, since more of that instant may follow, and all of the window once
//! a row past its end was seen. Newest first is the mirror: `[oldest open, until)` and `(oldest ts, until)`.
//! Each page overlaps the one before by a row, without which it is not believed. A short page proves only up to its
//! furthest row; the rest is asked again. Two answers with nothing beyond what is held make the rest confirmed empty,
//! unless it lies too near the present, or a row beyond is known and the exchange contradicts itself. An answer
//! without any row shows only that none came: a walk that holds no row asks for the known one beside its window too,
//! and an answer without that is a contradiction. Where none is known the window is left to a walk that asks again,
//! once the others have shown more. Where ids are contiguous, a page that skips one proves only up to there, and what
//! follows is asked for by id: a hole in two answers is one.

use crate::exchange::paging::Edge;
use crate::exchange::paging::Step;
use crate::exchange::paging::head::Beginning;
use crate::exchange::paging::seek::Seek;
use crate::exchange::paging::seen::Seen;
use crate::exchange::{Ask, Bounds, Direction, Instrument, Offer, Page, ParseError, Parsed};
use crate::model::{Batch, Grid, Micros, Series, Window};
use std::sync::Arc;

/// A walk over one window of a series.
#[derive(Clone, Debug)]
pub struct Walk {
    pub(super) series: Arc<Series>,
    pub(super) instrument: Arc<Instrument>,
    pub(super) offer: &'static Offer,
    pub(super) grid: Option<Grid>,
    pub(super) window: Window,
    /// The first open or instant that may not be asked for: rows from here on are not closed.
    pub(super) horizon: Micros,
    /// Nothing from here on can be confirmed empty: late rows may still come.
    pub(super) settled: Micros,
    /// The unproven part of the window lies between these, and in what its beginning leaves open.
    pub(super) from: Micros,
    pub(super) until: Micros,
    /// The search for where the window begins, while it goes on.
    pub(super) seek: Option<Seek>,
    pub(super) beginning: Beginning,
    /// The next page asks where the window begins.
    pub(super) asks_beginning: bool,
    /// Walks of the windows beside this one may show where it begins.
    pub(super) has_neighbours: bool,
    pub(super) ask: Ask,
    /// The furthest row of the window this walk has seen, or the one beside it.
    pub(super) held: Option<Edge>,
    /// A row known to lie before the window as the walk goes, with nothing between.
    pub(super) beside: Option<Micros>,
    /// The row held is the one beside the window, and no answer has shown it yet.
    pub(super) leans: bool,
    /// Whether no later walk will know more.
    pub(super) is_last: bool,
    pub(super) unsure: bool,
    /// The next page asks for the furthest held row again.
    pub(super) overlap: bool,
    /// The next page asks for what follows however far off.
    pub(super) far: bool,
    /// The number before a hole in contiguous ids that was asked for again, and holes up to it.
    pub(super) doubted: Option<u64>,
    /// The same until a second answer has it.
    pub(super) asked_again: Option<u64>,
    /// The texts of the odd rows of the answer before, where the page is asked for again.
    pub(super) odd_before: Vec<String>,
    pub(super) disobeyed: bool,
    pub(super) empties: u8,
    pub(super) contradictions: u8,
    /// The lowest number of a trade that is not before the window, as far as it was seen.
    pub(super) first_inside: Option<u64>,
    /// A row past the window was seen, though rows that belong before it may follow.
    pub(super) saw_past: bool,
    /// The only row past the end of a full page, which was asked for again.
    pub(super) only_past: Option<Edge>,
    /// One answer of the newest rows alone was seen.
    pub(super) saw_recent: bool,
    pub(super) ended: bool,
    pub(super) lost: Option<Window>,
    /// The row past the window with which the last answer ended.
    pub(super) border: Option<Edge>,
    pub(super) rest: Option<Window>,
}

impl Walk {
    /// A walk over `window`. `horizon` is the first open that is not closed; nothing from `settled` on is
    /// ever confirmed empty.
    #[must_use]
    pub fn new(
        series: Arc<Series>,
        instrument: Arc<Instrument>,
        offer: &'static Offer,
        window: Window,
        horizon: Micros,
        settled: Micros,
    ) -> Self {
        let grid = series.span().map(|span| offer.grid(span));
        Walk {
            series,
            instrument,
            offer,
            grid,
            window,
            horizon,
            settled,
            from: window.from,
            until: window.until,
            seek: (offer.bounds == Bounds::ById).then(|| Seek::new(window.from)),
            beginning: Beginning::Unseen,
            asks_beginning: false,
            has_neighbours: false,
            ask: Ask::ByTime,
            held: None,
            beside: None,
            leans: false,
            is_last: false,
            unsure: false,
            overlap: false,
            far: false,
            doubted: None,
            asked_again: None,
            odd_before: Vec::new(),
            disobeyed: false,
            empties: 0,
            contradictions: 0,
            first_inside: None,
            saw_past: false,
            only_past: None,
            saw_recent: false,
            ended: false,
            lost: None,
            border: None,
            rest: None,
        }
    }

    /// The same walk next to a known row: the newest before its window where it goes oldest first, the oldest after
    /// it where newest first, with nothing between. Without a span it asks for that row from the start, so that it is
    /// seen where the window begins; a page of candles has no room for it.
    #[must_use]
    pub fn beside(self, row: Option<Micros>) -> Self {
        let leans = row.is_some() && self.grid.is_none() && !self.offer.is_recent_only();
        let held = row.filter(|_| leans).map(Edge::at);
        Walk { beside: row, held, leans, overlap: leans, ..self }
    }

    /// The same walk as the last that asks for its window, which an earlier one found empty: it asks for the row
    /// beside it from the start, and where none is known many empty answers are believed.
    #[must_use]
    pub fn last(mut self) -> Self {
        (self.is_last, self.leans) = (true, false);
        self.hold_beside();
        self
    }

    /// The next page to ask for; none when the walk is over.
    #[must_use]
    pub fn next(&self) -> Option<Page> {
        (!self.ended || self.asks_beginning).then(|| self.page())
    }

    /// The page that is asked for next.
    pub(super) fn page(&self) -> Page {
        let question = self.asks_beginning.then(|| self.beginning_page()).flatten();
        let (ask, window, rows) = question.unwrap_or_else(|| {
            (self.seek.as_ref().map_or(self.ask, Seek::ask), self.asked(), self.offer.page_rows)
        });
        let (series, instrument) = (Arc::clone(&self.series), Arc::clone(&self.instrument));
        Page { series, instrument, window, ask, rows }
    }

    /// The unproven part of the window: `None` when the walk went through.
    #[must_use]
    pub fn left(&self) -> Option<Window> {
        let left = Window::new(self.from, self.until);
        let open = [left, self.open_beginning(), self.rest];
        let from = open.iter().flatten().map(|window| window.from).min()?;
        Window::new(from, open.iter().flatten().map(|window| window.until).max()?)
    }

    /// Time that came empty though nothing shows that the answers were true: to be asked for by a walk that knows more.
    #[must_use]
    pub(crate) fn unsure(&self) -> Option<Window> {
        self.unproven().filter(|_| self.unsure)
    }

    /// Time that the exchange has shown it cannot give any more.
    #[must_use]
    pub fn lost(&self) -> Option<Window> {
        self.lost
    }

    /// Time that the first page left out, to be walked over anew.
    #[must_use]
    pub fn rest(&self) -> Option<Window> {
        self.rest
    }

    /// Where the window ends, as the walk goes, and the row past it with which the last answer ended.
    #[must_use]
    pub(crate) fn border(&self) -> Option<(Micros, &Edge)> {
        let end = match self.offer.direction {
            Direction::OldestFirst => self.window.until,
            Direction::NewestFirst => self.window.from,
        };
        self.border.as_ref().map(|edge| (end, edge))
    }

    /// Where the window begins, as the walk goes.
    #[must_use]
    pub(crate) fn begins_at(&self) -> Micros {
        match self.offer.direction {
            Direction::OldestFirst => self.window.from,
            Direction::NewestFirst => self.window.until,
        }
    }

    /// Takes the rows of the answer to [`next`](Walk::next). `known` are the oldest and the newest row known
    /// of the series, from wherever: an answer that denies one is not believed.
    ///
    /// # Errors
    /// When the answer is not to what was asked, most of its rows cannot be true, more rows share an instant than a
    /// page holds, or the exchange keeps contradicting itself.
    pub fn take(
        &mut self,
        rows: Batch,
        answer: impl Into<Parsed>,
        known: Option<(Micros, Micros)>,
    ) -> Result<Step, ParseError> {
        let Parsed { next, mut odd, unfinished, is_reversed } = answer.into();
        let seen = Seen::of(&rows, self.offer)?;
        let denied = seen.denied();
        if !denied.is_empty() {
            let (kept, own) = seen.without(&denied);
            odd.extend(own);
            return self.take(kept, Parsed { next, odd, unfinished, is_reversed }, known);
        }
        if let Some((stray, reason)) = self.disobedience(&seen, is_reversed) {
            return self.disobeyed(&rows, stray, reason);
        }
        self.disobeyed = false;
        let Some(odd) = self.believed_odd(odd, rows.len())? else { return Ok(Step::of_nothing(rows.kind())) };
        if let Some(seek) = &mut self.seek {
            let Some(begin) = seek.take(&rows)? else { return Ok(Step::of_nothing(rows.kind())) };
            (self.seek, self.ask) = (None, Ask::FromId(begin));
        }
        if self.asks_beginning {
            return self.take_beginning(&seen, odd);
        }
        if let Some(open) = unfinished {
            self.end_before(open);
        }
        self.take_page(&seen, next, odd, known)
    }
}

#[cfg(test)]
#[path = "walk_model.rs"]
mod walk_model;

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "walk_down_tests.rs"]
mod down_tests;
