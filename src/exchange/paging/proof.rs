//! The proof of a page, and how the walk goes on after it.

use std::time::Duration;

use crate::exchange::paging::hole;
use crate::exchange::paging::seen::Seen;
use crate::exchange::paging::{Edge, SetAside, Step, Walk};
use crate::exchange::{Ask, Direction, History, Next, ParseError};
use crate::model::{Batch, Micros, OddRow, Window};

impl Walk {
    pub(super) fn take_page(
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
        if self.doubts_the_only_one_past(seen, full)? {
            return Ok(self.without_proof(seen, next));
        }
        if full && self.offer.direction == Direction::OldestFirst {
            self.leave_out_forgotten(rows.ts());
        }
        self.see_beginning(seen);
        self.leans &= rows.is_empty();
        self.see_first_inside(seen);
        let id_hole = self.believed_hole(rows)?;
        let inside = self.inside(seen);
        let set_aside = self.set_aside(odd, |open| rows.ts().contains(&open.0));
        let step = Step { set_aside, id_hole, ..Step::of_nothing(rows.kind()) };
        if let Some((before, at)) = self.hole(rows)? {
            let covered = self.stop_at_hole(rows, before, at);
            return Ok(Step { rows: rows.gather(&inside), covered, ..step });
        }
        let furthest = self.furthest(seen, &inside);
        self.saw_past |= !self.past(seen).is_empty();
        let reach = self.reach(furthest.as_ref(), &step.set_aside);
        if self.is_through(seen, full) || reach.is_some_and(|row| self.ends_at(row)) {
            let covered = self.prove_all();
            self.border = self.past_row(seen);
            self.ended = true;
            return Ok(Step { rows: self.gather(rows, &inside), covered, ..step });
        }
        if self.advances(furthest.as_ref(), next, full) || (self.saw_recent && furthest.is_some()) {
            let covered = reach.and_then(|row| self.prove_up_to(row));
            return Ok(Step { covered, ..self.advance(rows, inside, furthest, (next, full), step) });
        }
        if full && self.offer.is_recent_only() && seen.is_newer_than(self.window.until) {
            self.go_on(None, next, full);
            return Ok(step);
        }
        self.finds_a_way(furthest, next, full)?;
        if self.saw_past && !rows.is_empty() {
            // A row past the end was seen, and nothing follows it.
            let covered = self.prove_all();
            self.ended = true;
            return Ok(Step { rows: self.gather(rows, &inside), covered, ..step });
        }
        self.nothing_beyond(rows, next, known)?;
        let (covered, empty) = self.end_if_empty();
        Ok(Step { rows: self.gather(rows, &inside), covered, empty, ..step })
    }

    /// Whether a full page that leads no further leaves a way past it.
    fn finds_a_way(&self, furthest: Option<Edge>, next: Next, full: bool) -> Result<(), ParseError> {
        if full && self.grid.is_none() && next == Next::ByTime && !self.saw_past {
            let at = furthest.or_else(|| self.held.clone()).map_or(self.from, |row| row.at);
            return Err(ParseError::Crowded { at });
        }
        Ok(())
    }

    /// The rows of a full page that is asked for again: they are there whatever the one past the end is.
    fn without_proof(&self, seen: &Seen<'_>, next: Next) -> Step {
        let inside = self.inside(seen);
        let furthest = self.furthest(seen, &inside);
        let kept = self.whole_instants(seen.rows, inside, furthest.as_ref(), next, true);
        Step { rows: seen.rows.gather(&kept), ..Step::of_nothing(seen.rows.kind()) }
    }

    /// A page that skips a number proves only up to the trade before it, from which the walk goes on by id.
    fn stop_at_hole(&mut self, rows: &Batch, before: u64, at: Micros) -> Option<Window> {
        let covered = self.prove_up_to(at);
        (self.doubted, self.asked_again) = (Some(before), Some(before));
        let held = Edge::numbered(rows, before).unwrap_or(Edge::at(at));
        self.go_on(Some(held), Next::FromId(before), true);
        covered
    }

    /// Goes on after a page that leads further; gives its rows and odd rows without those that come again.
    fn advance(
        &mut self,
        rows: &Batch,
        inside: Vec<usize>,
        furthest: Option<Edge>,
        (next, full): (Next, bool),
        step: Step,
    ) -> Step {
        let whole = inside.len();
        let kept = self.whole_instants(rows, inside, furthest.as_ref(), next, full);
        let set_aside = match kept.len() < whole {
            true => self.shown_once(step.set_aside, furthest.as_ref()),
            false => step.set_aside,
        };
        let held = match next {
            // Its row need not be the furthest in time, nor inside the window.
            Next::FromId(id) => Edge::numbered(rows, id).or(furthest.map(|row| Edge::at(row.at))),
            Next::ByTime | Next::Skip(_) => furthest,
        };
        self.go_on(held, next, full);
        Step { rows: self.gather(rows, &kept), set_aside, ..step }
    }

    /// Ends the walk once enough answers had nothing beyond what is held; gives what they prove to be covered and empty.
    fn end_if_empty(&mut self) -> (Option<Window>, Option<Window>) {
        if self.empties < self.enough() {
            return (None, None);
        }
        let covered = self.prove_instant();
        self.unsure = !self.has_evidence();
        let empty = self.unproven().filter(|_| !self.unsure);
        self.from = empty.map_or(self.from, |window| window.until);
        self.ended = true;
        (covered, empty)
    }

    fn gather(&self, rows: &Batch, picked: &[usize]) -> Batch {
        if picked.len() == rows.len() && picked.is_sorted() { rows.clone() } else { rows.gather(picked) }
    }

    /// The lowest number of a trade that is not before the window.
    fn see_first_inside(&mut self, seen: &Seen<'_>) {
        let Some(numbers) = &seen.numbers else { return };
        let inside = seen.rows.ts().iter().zip(numbers).filter(|(at, _)| **at >= self.window.from.0);
        let first = inside.map(|(_, number)| *number).min();
        self.first_inside = self.first_inside.into_iter().chain(first).min();
    }

    /// The rows of the window, and those whose number follows a trade of it though their instant lies before.
    fn inside(&self, seen: &Seen<'_>) -> Vec<usize> {
        let is_late = |row: usize, at: Micros| {
            let number = seen.numbers.as_ref().map(|numbers| numbers[row]);
            at < self.window.from && self.first_inside.zip(number).is_some_and(|(first, own)| first < own)
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
        let comes_again = full && next == Next::ByTime && self.grid.is_none() && !self.offer.is_recent_only();
        if let Some(row) = furthest.filter(|_| comes_again && self.offer.direction == Direction::NewestFirst)
        {
            inside.retain(|own| rows.ts()[*own] != row.at.0);
        }
        inside
    }

    /// Without the odd rows of the furthest instant and beyond, which come again with its good ones.
    fn shown_once(&self, mut odd: Vec<SetAside>, furthest: Option<&Edge>) -> Vec<SetAside> {
        if let Some(row) = furthest {
            odd.retain(|odd| odd.row.at.is_none_or(|at| at != row.at && !self.is_beyond(at, row.at)));
        }
        odd
    }

    /// The row past the window nearest to it.
    fn past_row(&self, seen: &Seen<'_>) -> Option<Edge> {
        let past: Vec<usize> =
            (0..seen.rows.len()).filter(|row| self.is_past(Micros(seen.rows.ts()[*row]))).collect();
        self.nearest(seen, &past)
    }

    /// Nothing from a candle on that the exchange calls unfinished is shown or asked for.
    pub(super) fn end_before(&mut self, open: Micros) {
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
        if self.offer.is_recent_only() {
            // Its rows move on from answer to answer. What two do not show is gone.
            (self.overlap, self.ended) = (false, self.saw_recent);
            self.lost = Window::new(self.from, self.until).filter(|_| self.saw_recent);
            self.saw_recent = true;
        }
    }
}
