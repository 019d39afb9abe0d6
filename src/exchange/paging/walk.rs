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

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::paging::Edge;
use crate::exchange::paging::beginning::{Beginning, Gone};
use crate::exchange::paging::hole;
use crate::exchange::paging::odd::SetAside;
use crate::exchange::paging::seek::Seek;
use crate::exchange::paging::seen::Seen;
use crate::exchange::{Ask, Bounds, Direction, History, Instrument, Next, Offer, Page, ParseError, Parsed};
use crate::model::{Batch, Grid, Kind, Micros, OddRow, Series, Window};

/// A walk over one window of a series.
#[derive(Clone, Debug)]
pub struct Walk {
    pub(super) series: Arc<Series>,
    instrument: Arc<Instrument>,
    pub(super) offer: &'static Offer,
    pub(super) grid: Option<Grid>,
    pub(super) window: Window,
    /// The first open or instant that may not be asked for: rows from here on are not closed.
    pub(super) horizon: Micros,
    /// Nothing from here on can be confirmed empty: late rows may still come.
    pub(super) settled: Micros,
    /// What of the window is not proven lies between these, and in what its beginning leaves open.
    pub(super) from: Micros,
    pub(super) until: Micros,
    /// The search for where the window begins, while it goes on.
    seek: Option<Seek>,
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
    unsure: bool,
    /// The next page asks for the furthest held row again.
    pub(super) overlap: bool,
    /// The next page asks for what follows however far off.
    pub(super) far: bool,
    /// The number before a hole in contiguous ids that was asked for again, and holes up to it.
    doubted: Option<u64>,
    /// The same until a second answer has it.
    asked_again: Option<u64>,
    /// The texts of the odd rows of the answer before, where the page is asked for again.
    pub(super) odd_before: Vec<String>,
    pub(super) disobeyed: bool,
    pub(super) empties: u8,
    pub(super) contradictions: u8,
    /// A row past the window was seen, though rows that belong before it may follow.
    saw_past: bool,
    /// One answer of the newest rows alone was seen.
    glimpsed: bool,
    ended: bool,
    lost: Option<Window>,
    /// The row past the window with which the last answer ended.
    border: Option<Edge>,
    pub(super) rest: Option<Window>,
}

/// What one answer gave.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The rows that lie in the window, and late ones that ids place in it.
    pub rows: Batch,
    /// What they prove to be covered, odd rows left out of account.
    pub covered: Option<Window>,
    /// What is proven to be empty.
    pub empty: Option<Window>,
    /// What had trades that the exchange no longer gives.
    pub gone: Option<Gone>,
    /// Rows that cannot be true, seen in two answers.
    pub set_aside: Vec<SetAside>,
    /// Rows outside what was asked for, which an exchange should not have sent.
    pub stray: u64,
    /// A hole in contiguous ids that is believed now: the number before it, and how many are skipped.
    pub id_hole: Option<(u64, u64)>,
}

impl Step {
    /// What an answer gives that only showed the way.
    pub(super) fn of_nothing(kind: Kind) -> Step {
        let (rows, set_aside) = (Batch::of(kind), Vec::new());
        Step { rows, covered: None, empty: None, gone: None, set_aside, stray: 0, id_hole: None }
    }
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
            saw_past: false,
            glimpsed: false,
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
        let leans = row.is_some() && self.grid.is_none() && !self.offer.is_a_glimpse();
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

    /// What of the window is not proven: nothing when the walk went through.
    #[must_use]
    pub fn left(&self) -> Option<Window> {
        let left = Window::new(self.from, self.until);
        let open = [left, self.open_beginning(), self.rest];
        let from = open.iter().flatten().map(|window| window.from).min()?;
        Window::new(from, open.iter().flatten().map(|window| window.until).max()?)
    }

    /// What came empty though nothing shows that the answers were true: to be asked for by a walk that knows more.
    #[must_use]
    pub fn unsure(&self) -> Option<Window> {
        self.unproven().filter(|_| self.unsure)
    }

    /// What the exchange has shown that it cannot give any more.
    #[must_use]
    pub fn lost(&self) -> Option<Window> {
        self.lost
    }

    /// What the first page left out, to be walked over anew.
    #[must_use]
    pub fn rest(&self) -> Option<Window> {
        self.rest
    }

    /// Where the window ends, as the walk goes, and the row past it with which the last answer ended.
    #[must_use]
    pub fn border(&self) -> Option<(Micros, &Edge)> {
        let end = match self.offer.direction {
            Direction::OldestFirst => self.window.until,
            Direction::NewestFirst => self.window.from,
        };
        self.border.as_ref().map(|edge| (end, edge))
    }

    /// Where the window begins, as the walk goes.
    #[must_use]
    pub fn begins_at(&self) -> Micros {
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
        let Parsed { next, odd, unfinished, is_reversed } = answer.into();
        let seen = Seen::of(&rows, self.offer)?;
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

    fn take_page(
        &mut self,
        seen: &Seen<'_>,
        next: Next,
        odd: Vec<OddRow>,
        known: Option<(Micros, Micros)>,
    ) -> Result<Step, ParseError> {
        let rows = seen.rows;
        if !rows.is_empty() && self.held_is_missing(rows) {
            self.denied(rows)?;
            return Ok(Step::of_nothing(rows.kind()));
        }
        let full = rows.len() + odd.len() >= self.offer.page_rows as usize;
        if full && self.offer.direction == Direction::OldestFirst {
            self.leave_out_forgotten(rows.ts());
        }
        self.see_beginning(seen);
        self.leans &= rows.is_empty();
        let id_hole = self.believed_hole(rows)?;
        let inside = self.inside(seen);
        let set_aside = self.set_aside(odd, |open| rows.ts().contains(&open.0));
        let step = Step { set_aside, id_hole, ..Step::of_nothing(rows.kind()) };
        if let Some((before, at)) = self.hole(rows)? {
            let covered = self.prove_up_to(at);
            (self.doubted, self.asked_again) = (Some(before), Some(before));
            let held = Edge::numbered(rows, before).unwrap_or(Edge::at(at));
            self.go_on(Some(held), Next::FromId(before), true);
            return Ok(Step { rows: rows.gather(&inside), covered, ..step });
        }
        let furthest = self.furthest(seen, &inside);
        self.saw_past |= rows.ts().iter().any(|at| self.is_past(Micros(*at)) && self.answers(Micros(*at)));
        let reach = self.reach(furthest.as_ref(), &step.set_aside);
        if self.is_through(seen, full) || reach.is_some_and(|row| self.ends_at(row)) {
            let covered = self.prove_all();
            self.border = self.past_row(seen);
            self.ended = true;
            return Ok(Step { rows: self.gather(rows, &inside), covered, ..step });
        }
        if self.advances(furthest.as_ref(), next, full) || (self.glimpsed && furthest.is_some()) {
            let covered = reach.and_then(|row| self.prove_up_to(row));
            let kept = self.whole_instants(rows, inside, furthest.as_ref(), next, full);
            let held = match next {
                // Its row need not be the furthest in time, nor inside the window.
                Next::FromId(id) => Edge::numbered(rows, id).or(furthest.map(|row| Edge::at(row.at))),
                Next::ByTime | Next::Skip(_) => furthest,
            };
            self.go_on(held, next, full);
            return Ok(Step { rows: self.gather(rows, &kept), covered, ..step });
        }
        if full && self.grid.is_none() && next == Next::ByTime {
            let at = furthest.or_else(|| self.held.clone()).map_or(self.from, |row| row.at);
            return Err(ParseError::Crowded { at });
        }
        if self.saw_past && !rows.is_empty() {
            // A row past the end was seen, and nothing follows it.
            let covered = self.prove_all();
            self.ended = true;
            return Ok(Step { rows: self.gather(rows, &inside), covered, ..step });
        }
        self.nothing_beyond(rows, next, known)?;
        let (mut covered, mut empty) = (None, None);
        if self.empties >= self.enough() {
            covered = self.prove_instant();
            self.unsure = !self.has_evidence();
            empty = self.unproven().filter(|_| !self.unsure);
            self.from = empty.map_or(self.from, |window| window.until);
            self.ended = true;
        }
        Ok(Step { rows: self.gather(rows, &inside), covered, empty, ..step })
    }

    fn gather(&self, rows: &Batch, picked: &[usize]) -> Batch {
        if picked.len() == rows.len() && picked.is_sorted() { rows.clone() } else { rows.gather(picked) }
    }

    /// The rows of the window, and those whose number follows a trade of it though their instant lies before.
    fn inside(&self, seen: &Seen<'_>) -> Vec<usize> {
        let followed = match (self.ask, &seen.numbers) {
            (Ask::FromId(asked), Some(numbers)) if self.held.is_some() => Some((asked, numbers)),
            _ => None,
        };
        let is_late = |row: usize, at: Micros| {
            at < self.window.from && followed.is_some_and(|(asked, numbers)| numbers[row] > asked)
        };
        let belongs = |row: &usize| {
            let at = Micros(seen.rows.ts()[*row]);
            self.window.holds(at) || is_late(*row, at)
        };
        (0..seen.rows.len()).filter(belongs).collect()
    }

    /// How far the answer reaches: its furthest row, a candle that was set aside counted too.
    fn reach(&self, furthest: Option<&Edge>, set_aside: &[SetAside]) -> Option<Micros> {
        let odd = set_aside.iter().filter_map(|odd| odd.window).map(|window| window.from);
        let rows = odd.filter(|_| self.grid.is_some()).chain(furthest.map(|row| row.at));
        match self.offer.direction {
            Direction::OldestFirst => rows.max(),
            Direction::NewestFirst => rows.min(),
        }
    }

    /// Without the rows of the furthest instant, where the next page has them all again: an exchange that answers
    /// newest first and has no numbers tells only by a whole answer in which order they happened.
    fn whole_instants(
        &self,
        rows: &Batch,
        mut inside: Vec<usize>,
        furthest: Option<&Edge>,
        next: Next,
        full: bool,
    ) -> Vec<usize> {
        let comes_again = full && next == Next::ByTime && self.grid.is_none() && !self.offer.is_a_glimpse();
        if let Some(row) = furthest.filter(|_| comes_again && self.offer.direction == Direction::NewestFirst)
        {
            inside.retain(|own| rows.ts()[*own] != row.at.0);
        }
        inside
    }

    /// The row past the window nearest to it.
    fn past_row(&self, seen: &Seen<'_>) -> Option<Edge> {
        let past: Vec<usize> =
            (0..seen.rows.len()).filter(|row| self.is_past(Micros(seen.rows.ts()[*row]))).collect();
        self.nearest(seen, &past)
    }

    /// Nothing from a candle on that the exchange calls unfinished is shown or asked for.
    fn end_before(&mut self, open: Micros) {
        let Some(window) = Window::new(self.window.from, self.window.until.min(open)) else {
            self.ended = true;
            return;
        };
        (self.window, self.until, self.horizon) =
            (window, self.until.min(window.until), self.horizon.min(window.until));
        self.ended |= self.until <= self.from;
    }

    /// The last trade before a hole in contiguous ids. One that is there in two answers is believed.
    fn hole(&self, rows: &Batch) -> Result<Option<hole::Numbered>, ParseError> {
        if !self.offer.ids_are_contiguous {
            return Ok(None);
        }
        let begin = match (self.ask, &self.held) {
            (Ask::FromId(asked), Some(held)) => Some((asked, held.at)),
            _ => None,
        };
        hole::first(rows, self.window, begin, self.doubted)
    }

    /// The hole that was asked for again and is there in this answer too.
    fn believed_hole(&mut self, rows: &Batch) -> Result<Option<(u64, u64)>, ParseError> {
        let Some(before) = self.asked_again.filter(|_| !rows.is_empty()) else { return Ok(None) };
        self.asked_again = None;
        Ok(hole::after(rows, before)?.map(|skipped| (before, skipped)))
    }

    /// A full answer of the newest rows alone proves nothing before its oldest: that has been forgotten since the
    /// walk was planned, and is left to the next run.
    fn leave_out_forgotten(&mut self, ts: &[i64]) {
        if let (History::Rows(_), Some(oldest)) = (self.offer.history, ts.iter().min()) {
            self.from = self.from.max(Micros(*oldest).min(self.until));
        }
    }

    fn prove_all(&mut self) -> Option<Window> {
        let proven = Window::new(self.from, self.until);
        self.from = self.until;
        proven
    }

    fn prove_up_to(&mut self, row: Micros) -> Option<Window> {
        match self.offer.direction {
            Direction::OldestFirst => {
                let proven = Window::new(self.from, self.after(row).min(self.until));
                self.from = proven.map_or(self.from, |window| window.until);
                proven
            }
            Direction::NewestFirst => {
                // More trades of its instant may lie below.
                let from = if self.grid.is_some() { row } else { row + Duration::from_micros(1) };
                let proven = Window::new(from, self.until);
                self.until = proven.map_or(self.until, |window| window.from);
                proven
            }
        }
    }

    /// The instant of the furthest held row, of which nothing more came; a candle has proven its own.
    fn prove_instant(&mut self) -> Option<Window> {
        let is_proven =
            |held: &Micros| self.grid.is_none() && *held < self.settled && self.window.holds(*held);
        let held = self.held.as_ref().map(|held| held.at).filter(is_proven)?;
        let instant = Window::new(held, held + Duration::from_micros(1))?;
        match self.offer.direction {
            Direction::OldestFirst => self.from = instant.until,
            Direction::NewestFirst => self.until = instant.from,
        }
        Some(instant)
    }

    fn advances(&self, furthest: Option<&Edge>, next: Next, full: bool) -> bool {
        let held = self.held.as_ref().map(|held| held.at);
        let goes_beyond = furthest.is_some_and(|row| held.is_none_or(|held| self.is_beyond(row.at, held)));
        match (self.ask, next) {
            // The row held was asked for by its time: its id alone leads no further.
            (Ask::ByTime, Next::FromId(_)) if self.overlap && !full => goes_beyond,
            (Ask::FromId(asked), Next::FromId(id)) => self.is_beyond(id, asked),
            (_, Next::FromId(_)) => true,
            (Ask::Skip(asked), Next::Skip(rows)) => rows > asked + 1,
            (_, Next::Skip(rows)) => rows > 0,
            (_, Next::ByTime) => goes_beyond,
        }
    }

    fn go_on(&mut self, furthest: Option<Edge>, next: Next, full: bool) {
        self.held = furthest.or_else(|| self.held.take());
        (self.empties, self.contradictions) = (0, 0);
        (self.overlap, self.far) = (true, !full);
        self.ask = match next {
            Next::FromId(id) => Ask::FromId(id),
            // The last row that was left out has to be shown.
            Next::Skip(rows) => Ask::Skip(rows.saturating_sub(1)),
            Next::ByTime => Ask::ByTime,
        };
        if matches!(next, Next::Skip(_)) {
            self.far = false;
        }
        if self.offer.is_a_glimpse() {
            // Its rows move on from answer to answer. What two do not show is gone.
            (self.overlap, self.ended) = (false, self.glimpsed);
            self.lost = Window::new(self.from, self.until).filter(|_| self.glimpsed);
            self.glimpsed = true;
        }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "walk_down_tests.rs"]
mod down_tests;
