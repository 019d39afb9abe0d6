//! The walk over one window, page by page, and what each answer proves.
//!
//! Oldest first, candles prove `[from, last open + span)`: an absent candle between two rows was a quiet
//! market. Trades prove `[from, last ts)`, since more of that instant may follow, and all of the window once
//! a row past its end was seen. Newest first is the mirror: `[oldest open, until)` and `(oldest ts, until)`.
//! A short page proves only up to its furthest row; the rest is asked again, overlapping by that row. Two
//! answers with nothing beyond what is held make the rest confirmed empty, unless it lies too near the
//! present, or a row beyond is known and the exchange contradicts itself. An answer without any row shows only
//! that none came: a walk that holds no row asks for the known one beside its window too, and an answer without
//! that is a contradiction. Where none is known the window is left to a walk that asks again, once the others have
//! shown more. Where ids are contiguous, a page that skips one proves only up to there, and what follows is asked
//! for by id: a hole in two answers is one.

use std::sync::Arc;
use std::time::Duration;

use crate::exchange::hole;
use crate::exchange::seek::Seek;
use crate::exchange::{Ask, Bounds, Direction, History, Instrument, Next, Offer, Page, ParseError, Parsed};
use crate::model::{Batch, Grid, Micros, Series, Window};

/// Answers in a row that may contradict what the exchange said before, until the walk gives up.
const MOST_CONTRADICTIONS: u8 = 4;

/// Answers with nothing beyond what is held that confirm the rest empty.
const EMPTIES: u8 = 2;

/// The same in a last walk that knows of no row, where a request could show any.
const EMPTIES_ALONE: u8 = 4;

/// A walk over one window of a series.
#[derive(Clone, Debug)]
pub struct Walk {
    series: Arc<Series>,
    instrument: Arc<Instrument>,
    offer: &'static Offer,
    grid: Option<Grid>,
    window: Window,
    /// The first open or instant that may not be asked for: rows from here on are not closed.
    horizon: Micros,
    /// Nothing from here on can be confirmed empty: late rows may still come.
    settled: Micros,
    /// What of the window is not proven lies between these.
    from: Micros,
    until: Micros,
    /// The search for where the window begins, while it goes on.
    seek: Option<Seek>,
    ask: Ask,
    /// The furthest row of the window this walk has seen, or the one beside it.
    held: Option<Micros>,
    /// A row known to lie before the window as the walk goes, with nothing between.
    beside: Option<Micros>,
    /// Whether no later walk will know more.
    is_last: bool,
    unsure: bool,
    /// The next page asks for the furthest held row again, and for what follows however far off.
    again: bool,
    /// The number before a hole in contiguous ids that was asked for again, and holes up to it.
    doubted: Option<u64>,
    /// The same until a second answer has it.
    asked_again: Option<u64>,
    empties: u8,
    contradictions: u8,
    ended: bool,
    lost: Option<Window>,
}

/// What one answer gave.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The rows that lie in the window.
    pub rows: Batch,
    /// What they prove to be covered.
    pub covered: Option<Window>,
    /// What is proven to be empty.
    pub empty: Option<Window>,
    /// Rows outside what was asked for, which an exchange should not have sent.
    pub stray: u64,
    /// A hole in contiguous ids that is believed now: the number before it, and how many are skipped.
    pub id_hole: Option<(u64, u64)>,
}

impl Step {
    /// What an answer gives that only showed the way.
    fn of_nothing(rows: &Batch) -> Step {
        Step { rows: Batch::of(rows.kind()), covered: None, empty: None, stray: 0, id_hole: None }
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
            ask: Ask::ByTime,
            held: None,
            beside: None,
            is_last: false,
            unsure: false,
            again: false,
            doubted: None,
            asked_again: None,
            empties: 0,
            contradictions: 0,
            ended: false,
            lost: None,
        }
    }

    /// The same walk next to a known row: the newest before its window where it goes oldest first, the oldest after
    /// it where newest first, with nothing between.
    #[must_use]
    pub fn beside(self, row: Option<Micros>) -> Self {
        Walk { beside: row, ..self }
    }

    /// The same walk as the last that asks for its window, which an earlier one found empty: it asks for the row
    /// beside it from the start, and where none is known many empty answers are believed.
    #[must_use]
    pub fn last(mut self) -> Self {
        self.is_last = true;
        self.hold_beside();
        self
    }

    /// The next page to ask for; none when the walk is over.
    #[must_use]
    pub fn next(&self) -> Option<Page> {
        (!self.ended).then(|| Page {
            series: Arc::clone(&self.series),
            instrument: Arc::clone(&self.instrument),
            window: self.asked(),
            ask: self.seek.as_ref().map_or(self.ask, Seek::ask),
            rows: self.offer.page_rows,
        })
    }

    /// What of the window is not proven: empty when the walk went through.
    #[must_use]
    pub fn left(&self) -> Option<Window> {
        Window::new(self.from, self.until)
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

    /// Takes the rows of the answer to [`next`](Walk::next). `known` are the oldest and the newest row known
    /// of the series, from wherever: an answer that denies one is not believed.
    ///
    /// # Errors
    /// When a candle does not open on its grid, more rows share an instant than a page holds, or the exchange
    /// keeps contradicting itself.
    pub fn take(
        &mut self,
        rows: Batch,
        answer: impl Into<Parsed>,
        known: Option<(Micros, Micros)>,
    ) -> Result<Step, ParseError> {
        let Parsed { next, .. } = answer.into();
        if let Some(seek) = &mut self.seek {
            let Some(begin) = seek.take(&rows)? else { return Ok(Step::of_nothing(&rows)) };
            (self.seek, self.ask) = (None, Ask::FromId(begin));
        }
        self.check_grid(&rows)?;
        let ts = rows.ts();
        let answering = ts.iter().filter(|at| self.answers(Micros(**at))).count();
        let stray = (ts.len() - answering) as u64;
        if answering == 0 && stray > 0 {
            return Err(ParseError::Malformed {
                reason: format!("all its rows lie outside {}, which was asked for", self.asked()),
                excerpt: format!("{stray} rows, the first at {}", Micros(ts[0])),
            });
        }
        let inside: Vec<usize> = (0..ts.len()).filter(|row| self.window.holds(Micros(ts[*row]))).collect();
        let furthest = self.furthest(inside.iter().map(|row| Micros(ts[*row])));
        if !rows.is_empty() && self.overlap_is_missing(ts) {
            self.contradicted(&rows)?;
            return Ok(Step::of_nothing(&rows));
        }
        let id_hole = self.believed_hole(&rows)?;
        if let Some((before, at)) = self.hole(&rows)? {
            let covered = self.prove_up_to(at);
            (self.doubted, self.asked_again) = (Some(before), Some(before));
            self.go_on(Some(at), Next::FromId(before), true);
            return Ok(Step { rows: rows.gather(&inside), covered, empty: None, stray, id_hole });
        }
        // A row that was not asked for proves nothing.
        let past = ts.iter().map(|at| Micros(*at)).any(|at| self.answers(at) && self.is_past(at));
        let full = answering >= self.offer.page_rows as usize;
        let (mut covered, mut empty) = (None, None);
        if full && self.offer.direction == Direction::OldestFirst {
            self.leave_out_forgotten(ts);
        }
        if past || furthest.is_some_and(|row| self.ends_at(row)) {
            covered = self.prove_all();
            self.ended = true;
        } else if self.advances(furthest, next, full) {
            covered = furthest.and_then(|row| self.prove_up_to(row));
            self.go_on(furthest, next, full);
        } else if full && self.grid.is_none() && next == Next::ByTime {
            return Err(ParseError::Crowded { at: furthest.or(self.held).unwrap_or(self.from) });
        } else {
            self.nothing_beyond(&rows, next, known)?;
            if self.empties >= self.enough() {
                covered = self.prove_instant();
                self.unsure = !self.has_evidence();
                empty = self.unproven().filter(|_| !self.unsure);
                self.from = empty.map_or(self.from, |window| window.until);
                self.ended = true;
            }
        }
        let rows = if inside.len() == rows.len() { rows } else { rows.gather(&inside) };
        Ok(Step { rows, covered, empty, stray, id_hole })
    }

    /// What is left of the window and may be confirmed empty.
    fn unproven(&self) -> Option<Window> {
        // What was forgotten stays a gap until it is out of reach.
        Window::new(self.from, self.until.min(self.settled)).filter(|_| !self.offer.is_forgetful)
    }

    /// How many answers with nothing beyond what is held end the walk.
    fn enough(&self) -> u8 {
        let alone = self.is_last && self.held.is_none() && self.offer.is_open_ended();
        if alone { EMPTIES_ALONE } else { EMPTIES }
    }

    /// Whether the empty answers show that nothing is there. One that held the row asked for with it was no failure of
    /// the exchange; without a row to ask for, as between the ends a request has to name, they are believed when the
    /// walk before this one had the same.
    fn has_evidence(&self) -> bool {
        self.held.is_some() || self.is_last
    }

    /// The window of the next page.
    fn asked(&self) -> Window {
        let far = self.again || matches!(self.offer.bounds, Bounds::Near | Bounds::Unbounded);
        let held = self.held.filter(|_| self.again);
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

    /// Whether a row answers what was asked.
    fn answers(&self, at: Micros) -> bool {
        let asked = self.asked();
        matches!(self.ask, Ask::FromId(_))
            || match (self.offer.bounds, self.offer.direction) {
                (Bounds::Both | Bounds::Page, _) => asked.holds(at),
                // Nothing tells the exchange where to stop: the running candle may be there too.
                (Bounds::Near, Direction::OldestFirst) => at >= asked.from,
                (Bounds::Near, Direction::NewestFirst) => at < asked.until,
                (Bounds::Unbounded | Bounds::ById, _) => true,
            }
    }

    /// The last trade before a hole in contiguous ids. One that is there in two answers is believed.
    fn hole(&self, rows: &Batch) -> Result<Option<hole::Numbered>, ParseError> {
        if !self.offer.ids_are_contiguous {
            return Ok(None);
        }
        let begin = match (self.ask, self.held) {
            (Ask::FromId(asked), Some(held)) => Some((asked, held)),
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

    fn furthest(&self, rows: impl Iterator<Item = Micros>) -> Option<Micros> {
        match self.offer.direction {
            Direction::OldestFirst => rows.max(),
            Direction::NewestFirst => rows.min(),
        }
    }

    /// Whether a row lies beyond the window, where the walk is going.
    fn is_past(&self, at: Micros) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => at >= self.window.until,
            Direction::NewestFirst => at < self.window.from,
        }
    }

    /// Whether `a` lies further along the walk than `b`.
    fn is_beyond<T: Ord>(&self, a: T, b: T) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => a > b,
            Direction::NewestFirst => a < b,
        }
    }

    /// Whether no row of the window can lie beyond this one.
    fn ends_at(&self, row: Micros) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => self.after(row) >= self.window.until,
            Direction::NewestFirst => self.grid.is_some_and(|grid| row <= grid.ceil(self.window.from)),
        }
    }

    /// Up to where a row proves the window, oldest first.
    fn after(&self, row: Micros) -> Micros {
        match self.grid {
            // Their length is counted from themselves.
            Some(grid) if self.offer.is_adrift(grid.span) => {
                row + Duration::from_secs(u64::from(grid.span.secs()))
            }
            Some(grid) => grid.next(row),
            None => row,
        }
    }

    fn prove_all(&mut self) -> Option<Window> {
        let proven = self.left();
        self.from = self.until;
        proven
    }

    fn prove_up_to(&mut self, row: Micros) -> Option<Window> {
        match self.offer.direction {
            Direction::OldestFirst => {
                let proven = Window::new(self.from, self.after(row));
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
        let held = self.held.filter(is_proven)?;
        let instant = Window::new(held, held + Duration::from_micros(1))?;
        match self.offer.direction {
            Direction::OldestFirst => self.from = instant.until,
            Direction::NewestFirst => self.until = instant.from,
        }
        Some(instant)
    }

    fn advances(&self, furthest: Option<Micros>, next: Next, full: bool) -> bool {
        let goes_beyond = furthest.is_some_and(|row| self.held.is_none_or(|held| self.is_beyond(row, held)));
        match (self.ask, next) {
            // The row held was asked for by its time: its id alone leads no further.
            (Ask::ByTime, Next::FromId(_)) if self.again && !full => goes_beyond,
            (Ask::FromId(asked), Next::FromId(id)) => self.is_beyond(id, asked),
            (_, Next::FromId(_)) => true,
            (Ask::Skip(asked), Next::Skip(rows)) => rows > asked,
            (_, Next::Skip(rows)) => rows > 0,
            (_, Next::ByTime) => goes_beyond,
        }
    }

    fn go_on(&mut self, furthest: Option<Micros>, next: Next, full: bool) {
        self.held = furthest.or(self.held);
        (self.empties, self.contradictions) = (0, 0);
        match next {
            Next::FromId(id) => self.ask = Ask::FromId(id),
            Next::Skip(rows) => (self.ask, self.again) = (Ask::Skip(rows), false),
            Next::ByTime => (self.ask, self.again) = (Ask::ByTime, !full),
        }
        if self.offer.is_a_glimpse() {
            self.lost = self.left();
            self.ended = true;
        }
    }

    fn nothing_beyond(
        &mut self,
        rows: &Batch,
        next: Next,
        known: Option<(Micros, Micros)>,
    ) -> Result<(), ParseError> {
        let goes_back = match (self.ask, next) {
            (Ask::FromId(_), Next::ByTime) => true,
            (Ask::FromId(asked), Next::FromId(id)) => self.is_beyond(asked, id),
            _ => false,
        };
        let denies_a_known_row = known.is_some_and(|known| self.should_have_held(known));
        let overlap_is_missing = self.overlap_is_missing(rows.ts());
        if let Ask::Skip(rows) = self.ask
            && !self.again
        {
            // The last of the rows that were left out has to be shown from here on.
            self.ask = Ask::Skip(rows.saturating_sub(1));
        }
        self.again = true;
        if goes_back || overlap_is_missing || denies_a_known_row {
            return self.contradicted(rows);
        }
        if self.held.is_none() {
            self.empties += 1;
            self.hold_beside();
        } else if !rows.is_empty() {
            self.empties += 1;
        }
        Ok(())
    }

    /// From here on an answer has to show the row beside the window.
    fn hold_beside(&mut self) {
        if let Some(row) = self.beside {
            (self.held, self.again, self.empties) = (Some(row), true, 0);
        }
    }

    /// Whether the furthest held row was asked for again and is not there.
    fn overlap_is_missing(&self, ts: &[i64]) -> bool {
        let overlaps = match self.ask {
            Ask::FromId(_) => true,
            Ask::ByTime | Ask::Skip(_) => self.again,
            Ask::Now => false,
        };
        overlaps && self.held.is_some_and(|held| !ts.contains(&held.0))
    }

    fn contradicted(&mut self, rows: &Batch) -> Result<(), ParseError> {
        self.contradictions += 1;
        if self.contradictions <= MOST_CONTRADICTIONS {
            return Ok(());
        }
        Err(ParseError::Malformed {
            reason: "it keeps contradicting what was asked for or what the exchange gave before".to_owned(),
            excerpt: format!("{} rows", rows.len()),
        })
    }

    /// Whether an answer with nothing beyond what is held should have held one of the rows at the ends of
    /// what is known.
    fn should_have_held(&self, (oldest, newest): (Micros, Micros)) -> bool {
        let known = match self.offer.direction {
            Direction::OldestFirst => newest,
            Direction::NewestFirst if oldest < self.offer.reach(self.grid, self.horizon) => return false,
            Direction::NewestFirst => oldest,
        };
        self.is_past(known) && self.answers(known)
    }

    fn check_grid(&self, rows: &Batch) -> Result<(), ParseError> {
        let Some(grid) = self.grid.filter(|grid| !self.offer.is_adrift(grid.span)) else { return Ok(()) };
        let off = rows.ts().iter().position(|at| !grid.holds(Micros(*at)));
        off.map_or(Ok(()), |row| {
            let at = Micros(rows.ts()[row]);
            Err(ParseError::Impossible { row, reason: format!("no {} candle opens at {at}", grid.span) })
        })
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "walk_down_tests.rs"]
mod down_tests;
