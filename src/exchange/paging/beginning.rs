//! Where a window begins, as the walk goes: the first page alone does not show that nothing lies before its first row.
//!
//! A row beyond that end shows it, or a candle in the first place there is, or the walk of the neighbouring window
//! whose last answer ended with the same row. Else a second, smaller question has to meet that row and nothing before
//! it. Where ids are contiguous the trade before it is asked for, and the walk steps back by id as far as it has to.

use std::time::Duration;

use crate::exchange::paging::head::{Beginning, Gone, Head};
use crate::exchange::paging::seen::Seen;
use crate::exchange::paging::{Edge, Step, Walk};
use crate::exchange::{Ask, Bounds, Direction, ParseError};
use crate::model::{Micros, OddRow, Window};

/// Rows a question for the beginning asks for where it can say how many.
const FEW: u32 = 10;

/// The finest unit an exchange names instants in.
const UNIT: Duration = Duration::from_millis(1);

impl Walk {
    /// The walk leaves its beginning open for its neighbours to show: see [`Walk::meets`] and
    /// [`Walk::ask_beginning`].
    #[must_use]
    pub(crate) fn beside_others(mut self) -> Self {
        self.has_neighbours = true;
        self
    }

    /// The time between where the window begins and its first row, while nothing shows that it holds no row.
    #[must_use]
    pub(crate) fn open_beginning(&self) -> Option<Window> {
        match &self.beginning {
            Beginning::Open(head) => Some(head.window),
            _ => None,
        }
    }

    /// Takes the row with which the answer to a neighbouring window ended, past that window. Where it is the first row
    /// here, nothing lies between.
    pub fn meets(&mut self, border: &Edge) -> Option<Step> {
        let Beginning::Open(head) = &self.beginning else { return None };
        if !head.first.is(border) {
            return None;
        }
        let covered = Some(head.window);
        self.beginning = Beginning::Shown;
        Some(Step { covered, ..Step::of_nothing(self.series.kind()) })
    }

    /// The next page asks where the window begins.
    pub(crate) fn ask_beginning(&mut self) {
        self.asks_beginning = true;
    }

    /// Looks for the beginning in the first answer with rows.
    pub(super) fn see_beginning(&mut self, seen: &Seen<'_>) {
        if self.beginning != Beginning::Unseen || seen.rows.is_empty() {
            return;
        }
        self.beginning = Beginning::Shown;
        let all: Vec<usize> = (0..seen.rows.len()).collect();
        let Some(first) = self.nearest(seen, &all).filter(|_| self.held.is_none()) else { return };
        let is_first_ever = self.offer.ids_are_contiguous && first.number() == Some(0);
        if self.lies_before(first.at) || self.is_first_place(first.at) || is_first_ever {
            return;
        }
        let window = match self.offer.direction {
            Direction::OldestFirst => Window::new(self.from, (first.at + self.instant()).min(self.until)),
            Direction::NewestFirst => {
                let behind = self.grid.map_or(first.at, |_| self.after(first.at));
                Window::new(behind.max(self.from), self.until)
            }
        };
        let Some(window) = window else { return };
        match self.offer.direction {
            Direction::OldestFirst => self.from = window.until,
            Direction::NewestFirst => self.until = window.from,
        }
        if self.offer.is_recent_only() {
            // The time after it stays open until the next run sees more.
            return;
        }
        let asked = first.number().unwrap_or(0).saturating_sub(u64::from(FEW));
        let (lowest, rows) = (first.clone(), FEW + 1);
        self.beginning =
            Beginning::Open(Head { window, first, lowest, asked, rows, is_holed: false, is_crowded: false });
        self.asks_beginning = !self.has_neighbours;
    }

    /// Whether a row lies beyond the end the walk began at.
    fn lies_before(&self, at: Micros) -> bool {
        match self.offer.direction {
            Direction::OldestFirst => at < self.window.from,
            Direction::NewestFirst => at >= self.window.until,
        }
    }

    /// Whether no candle of the window can lie between where the walk began and this one.
    fn is_first_place(&self, at: Micros) -> bool {
        let Some(grid) = self.grid else { return false };
        let span = Duration::from_secs(u64::from(grid.span.secs()));
        match self.offer.direction {
            Direction::OldestFirst if self.offer.is_unanchored(grid.span) => at < self.window.from + span,
            Direction::OldestFirst => at <= grid.ceil(self.window.from),
            Direction::NewestFirst => self.after(at) >= self.window.until,
        }
    }

    fn end_of(&self, row: Micros) -> Micros {
        self.grid.map_or(row + Duration::from_micros(1), |_| self.after(row))
    }

    /// The question for the beginning.
    pub(super) fn beginning_page(&self) -> Option<(Ask, Window, u32)> {
        let Beginning::Open(head) = &self.beginning else { return None };
        if self.offer.ids_are_contiguous {
            return Some((Ask::FromId(head.asked), self.window, head.rows));
        }
        let (from, until) = (head.window.from, head.window.until);
        let is_all = self.grid.is_some() || head.is_crowded;
        let few = if is_all { self.offer.page_rows } else { FEW.min(self.offer.page_rows) };
        let (from, until, rows) = match (self.offer.direction, self.offer.bounds) {
            // A question that names no end asks for a little more, so that it is another one.
            (Direction::OldestFirst, Bounds::Near) => {
                (self.grid.map_or(from, |grid| grid.step(from, -1)), self.horizon, few)
            }
            (Direction::OldestFirst, _) => (from, self.end_of(head.first.at), few),
            (Direction::NewestFirst, Bounds::Near) => {
                let more = if head.is_crowded { Duration::ZERO } else { UNIT };
                (Micros(0), until + more, self.offer.page_rows)
            }
            (Direction::NewestFirst, _) => (head.first.at, until, self.offer.page_rows),
        };
        Some((Ask::ByTime, Window::new(from, until).unwrap_or(self.window), rows))
    }

    /// Takes the answer to the question for the beginning.
    pub(super) fn take_beginning(&mut self, seen: &Seen<'_>, odd: Vec<OddRow>) -> Result<Step, ParseError> {
        let Beginning::Open(head) = self.beginning.clone() else {
            return Ok(Step::of_nothing(seen.rows.kind()));
        };
        // Rows elsewhere belong to another page.
        let is_here = |odd: &OddRow| odd.at.is_none_or(|at| head.window.holds(at));
        let odd = odd.into_iter().filter(is_here).collect();
        let mut step = match &seen.numbers {
            Some(numbers) => self.step_back(head, seen, numbers)?,
            None => self.look_before(&head, seen)?,
        };
        step.set_aside = self.set_aside(odd, |_| false);
        Ok(step)
    }

    fn look_before(&mut self, head: &Head, seen: &Seen<'_>) -> Result<Step, ParseError> {
        let nothing = Step::of_nothing(seen.rows.kind());
        let is_before = |at: &Micros| *at != head.first.at && head.window.holds(*at);
        if seen.rows.ts().iter().map(|at| Micros(*at)).any(|at| is_before(&at)) {
            return Ok(self.left_out(head, nothing));
        }
        let only_behind = seen.rows.ts().iter().all(|at| self.lies_before(Micros(*at)));
        if only_behind && !seen.rows.is_empty() && !head.is_crowded {
            self.beginning = Beginning::Open(Head { is_crowded: true, ..head.clone() });
            return Ok(nothing);
        }
        if !self.shows(seen.rows, &head.first) {
            self.contradicted(seen.rows.len())?;
            return Ok(nothing);
        }
        if !head.is_crowded && self.hides_what_is_before(head, seen) {
            self.beginning = Beginning::Open(Head { is_crowded: true, ..head.clone() });
            return Ok(nothing);
        }
        // Rows of the first instant may have been left out of the first page.
        let ts = seen.rows.ts();
        let first: Vec<usize> = (0..ts.len()).filter(|row| ts[*row] == head.first.at.0).collect();
        let rows = if self.window.holds(head.first.at) { seen.rows.gather(&first) } else { nothing.rows };
        Ok(Step { rows, covered: Some(head.window), ..self.shown(Step::of_nothing(seen.rows.kind())) })
    }

    /// Whether an answer is full of trades of the first instant: from an exchange that counts from the end of a window
    /// it would be the same if there were others before.
    fn hides_what_is_before(&self, head: &Head, seen: &Seen<'_>) -> bool {
        let asked = self.beginning_page().map_or(0, |(_, _, rows)| rows as usize);
        let names_its_end = self.offer.direction == Direction::OldestFirst && self.offer.names_newer_end();
        self.grid.is_none()
            && names_its_end
            && seen.rows.len() >= asked
            && seen.rows.ts().iter().all(|at| *at == head.first.at.0)
    }

    /// The first page left rows out: all before its first row is to be walked over, and the instant of that.
    fn left_out(&mut self, head: &Head, nothing: Step) -> Step {
        self.rest = head.window.intersection(self.window);
        self.shown(nothing)
    }

    /// How long the instant of a trade is; a candle is alone in its own.
    fn instant(&self) -> Duration {
        Duration::from_micros(u64::from(self.grid.is_none()))
    }

    fn shown(&mut self, step: Step) -> Step {
        (self.beginning, self.asks_beginning, self.contradictions) = (Beginning::Shown, false, 0);
        step
    }

    /// One step back by id.
    fn step_back(&mut self, mut head: Head, seen: &Seen<'_>, numbers: &[u64]) -> Result<Step, ParseError> {
        let nothing = Step::of_nothing(seen.rows.kind());
        let lowest = head.lowest.number().unwrap_or(0);
        let mut order = seen.in_order();
        order.retain(|row| numbers[*row] <= lowest);
        let (Some(first), true) = (order.first().copied(), head.lowest.is_in(seen.rows)) else {
            self.contradicted(seen.rows.len())?;
            return Ok(nothing);
        };
        let is_holed = order.windows(2).any(|pair| numbers[pair[0]] + 1 < numbers[pair[1]]);
        if is_holed && !head.is_holed {
            self.beginning = Beginning::Open(Head { is_holed, ..head });
            self.contradicted(seen.rows.len())?;
            return Ok(nothing);
        }
        let ts = seen.rows.ts();
        let before = order.iter().any(|row| numbers[*row] < lowest && ts[*row] < self.window.from.0);
        // From the first row of the window on every row belongs somewhere, late ones too.
        let begun = order.iter().position(|row| ts[*row] >= self.window.from.0).unwrap_or(order.len());
        let before_end = |row: &usize| ts[*row] < self.window.until.0;
        let belong: Vec<usize> = order[begun..].iter().copied().filter(before_end).collect();
        let step = Step { rows: seen.rows.gather(&belong), ..Step::of_nothing(seen.rows.kind()) };
        let least = Edge::of(seen.rows, first);
        if before || numbers[first] == 0 {
            return Ok(Step { covered: Some(head.window), ..self.shown(step) });
        }
        if self.is_past(head.first.at) {
            // It began beyond the window: there is no use in stepping back from there.
            return Ok(self.left_out(&head, nothing));
        }
        if numbers[first] == head.asked {
            head.rows = self.offer.page_rows;
            head.asked = numbers[first].saturating_sub(u64::from(head.rows) - 1);
        } else if least.is(&head.lowest) {
            return Ok(self.first_of_all(&head, numbers[first], step));
        } else {
            self.contradicted(seen.rows.len())?;
        }
        head.lowest = least;
        self.beginning = Beginning::Open(Head { is_holed: false, ..head });
        Ok(step)
    }

    /// Two answers begin with a trade although one before it was asked for: it is the first the exchange has.
    fn first_of_all(&mut self, head: &Head, first_id: u64, step: Step) -> Step {
        let is_first_ever = first_id <= 1;
        let gone = Window::new(head.window.from, head.lowest.at).filter(|_| !is_first_ever);
        let from = gone.map_or(head.window.from, |gone| gone.until);
        let gone = gone.map(|window| Gone { window, first_id });
        Step { covered: Window::new(from, head.window.until), gone, ..self.shown(step) }
    }
}
