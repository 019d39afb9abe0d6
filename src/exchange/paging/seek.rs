//! The search for the trade at which a window begins, where trades can be asked for by contiguous id alone.
//!
//! The newest page says how far ids go, the first one where they begin; between them the id is guessed from
//! the time, and halved every other turn, so that the search ends however unevenly trades came.

use crate::exchange::paging::hole::{Numbered, numbered};
use crate::exchange::{Ask, ParseError};
use crate::model::{Batch, Micros};

/// Answers in a row that may deny trades the exchange has shown to exist.
const MOST_DENIALS: u8 = 4;

/// A search on its way.
#[derive(Clone, Debug)]
pub(super) struct Seek {
    at: Micros,
    ask: Ask,
    /// The newest trade known to lie before `at`, and the oldest known not to.
    before: Option<Numbered>,
    after: Option<Numbered>,
    /// The last trade of an answer that ended before `at` though it was to be the newest page.
    newest: Option<Numbered>,
    halve: bool,
    denials: u8,
}

impl Seek {
    /// Looks for the first trade at or after `at`.
    pub(super) fn new(at: Micros) -> Self {
        Seek { at, ask: Ask::Now, before: None, after: None, newest: None, halve: false, denials: 0 }
    }

    /// The next question.
    pub(super) fn ask(&self) -> Ask {
        self.ask
    }

    /// Takes an answer; gives the id it begins with once the window begins inside it.
    pub(super) fn take(&mut self, rows: &Batch) -> Result<Option<u64>, ParseError> {
        let Some((first, last)) = ends(rows)? else { return self.denied() };
        self.denials = 0;
        let begins_here = last.1 >= self.at && first.1 < self.at;
        let is_first_of_all = first.1 >= self.at && self.ask == Ask::FromId(0);
        let ends_before = last.1 < self.at && self.ask == Ask::Now;
        // That nothing is newer takes two answers.
        let meets_newest = |before: Numbered| first.0 <= before.0 && before.0 <= last.0;
        let is_newest = ends_before && self.newest.is_some_and(meets_newest);
        let meets = self.before.is_some_and(|before| before.0 >= first.0);
        if begins_here || is_first_of_all || is_newest || meets {
            return Ok(Some(first.0));
        }
        if ends_before {
            (self.newest, self.before) = (Some(last), self.before.max(Some(last)));
            return Ok(None);
        }
        if last.1 < self.at {
            self.before = self.before.max(Some(last));
        } else {
            self.after = Some(self.after.map_or(first, |after| after.min(first)));
        }
        self.ask = self.guess();
        Ok(None)
    }

    fn guess(&mut self) -> Ask {
        let (Some(before), Some(after)) = (self.before, self.after) else { return Ask::FromId(0) };
        self.halve = !self.halve;
        let ids = after.0.saturating_sub(before.0);
        let share = match after.1.since(before.1).as_secs_f64() {
            between if between > 0.0 && self.halve => self.at.since(before.1).as_secs_f64() / between,
            _ => 0.5,
        };
        let ahead = (ids as f64 * share) as u64;
        // Once they are neighbours the window begins right after the one before it.
        Ask::FromId(before.0 + ahead.min(ids.saturating_sub(1)))
    }

    fn denied(&mut self) -> Result<Option<u64>, ParseError> {
        self.denials += 1;
        if self.denials <= MOST_DENIALS {
            return Ok(None);
        }
        Err(ParseError::Malformed {
            reason: "it shows no trades where there must be some".to_owned(),
            excerpt: String::new(),
        })
    }
}

/// The first and the last trade of an answer.
fn ends(rows: &Batch) -> Result<Option<(Numbered, Numbered)>, ParseError> {
    match rows.len() {
        0 => Ok(None),
        count => Ok(Some((numbered(rows, 0)?, numbered(rows, count - 1)?))),
    }
}
