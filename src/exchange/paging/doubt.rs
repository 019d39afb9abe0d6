//! Answers that are not believed: disobedient ones, those that deny what was shown, and empty ones.

use crate::exchange::paging::{Edge, Step, Walk};
use crate::exchange::{Ask, Direction, Next, ParseError};
use crate::model::{Batch, Micros, Window};

/// Answers in a row that may contradict what the exchange said before, until the walk gives up.
pub(super) const MOST_CONTRADICTIONS: u8 = 4;

/// Answers with nothing beyond what is held that confirm the rest empty.
const EMPTIES: u8 = 2;

/// The same in a last walk that knows of no row, where a request could show any.
const EMPTIES_ALONE: u8 = 4;

impl Walk {
    /// Takes an answer that was not to what was asked: it is asked for again once, then it is an error.
    pub(super) fn disobeyed(&mut self, rows: &Batch, stray: u64, reason: String) -> Result<Step, ParseError> {
        if self.disobeyed {
            return Err(ParseError::Disobeyed { reason });
        }
        self.disobeyed = true;
        Ok(Step { stray, ..Step::of_nothing(rows.kind()) })
    }

    /// Takes an answer without a row that was shown before. A row known from earlier runs is asked for twice; then the
    /// walk does without it.
    pub(super) fn denied(&mut self, rows: &Batch) -> Result<(), ParseError> {
        if self.leans && self.contradictions > 0 {
            (self.leans, self.held, self.beside) = (false, None, None);
            (self.overlap, self.contradictions) = (false, 0);
            return Ok(());
        }
        self.contradicted(rows.len())
    }

    pub(super) fn contradicted(&mut self, rows: usize) -> Result<(), ParseError> {
        self.contradictions += 1;
        if self.contradictions <= MOST_CONTRADICTIONS {
            return Ok(());
        }
        Err(ParseError::Malformed {
            reason: "it keeps contradicting what was asked for or what the exchange gave before".to_owned(),
            excerpt: format!("{rows} rows"),
        })
    }

    /// How many answers with nothing beyond what is held end the walk.
    pub(super) fn enough(&self) -> u8 {
        let alone = self.is_last && self.held.is_none() && self.offer.is_open_ended();
        if alone { EMPTIES_ALONE } else { EMPTIES }
    }

    /// Whether the empty answers show that nothing is there. One that held the row asked for with it was no failure of
    /// the exchange; without a row to ask for, as between the ends a request has to name, they are believed when the
    /// walk before this one had the same.
    pub(super) fn has_evidence(&self) -> bool {
        self.held.is_some() || self.is_last
    }

    pub(super) fn nothing_beyond(
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
        let held_is_missing = self.held_is_missing(rows);
        (self.overlap, self.far) = (true, true);
        if held_is_missing && self.leans {
            return self.denied(rows);
        }
        if goes_back || held_is_missing || denies_a_known_row {
            return self.contradicted(rows.len());
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
    pub(super) fn hold_beside(&mut self) {
        if let Some(row) = self.beside {
            (self.held, self.overlap, self.far, self.empties) = (Some(Edge::at(row)), true, true, 0);
        }
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

    /// The rest of the window that may be confirmed empty.
    pub(super) fn unproven(&self) -> Option<Window> {
        // Time that was forgotten stays a gap until it is out of reach. Nothing after a row that is still shown was.
        let shows_older = self.offer.direction == Direction::OldestFirst && self.held.is_some();
        let may_be_forgotten = self.offer.is_forgetful && !shows_older;
        Window::new(self.from, self.until.min(self.settled)).filter(|_| !may_be_forgotten)
    }
}
