//! Where on the line of time a book is known, by the ledger of its series.
//!
//! A window that the ledger covers is one in which the book was in step. Before everything that the ledger speaks of lie
//! snapshots that were taken one by one: each is true of its own instant and proves nothing about the time after it.

use std::fmt;

use crate::model::{Micros, Window};
use crate::store::Ledger;

/// A window in which the book of a series is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The first instant in it; `None` if it has no beginning.
    pub from: Option<Micros>,
    /// The first instant after it; `None` if it has no end yet.
    pub until: Option<Micros>,
    /// `gap`, `empty` or `unfillable`.
    pub state: &'static str,
    /// The reason.
    pub reason: String,
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.until) {
            (Some(from), Some(until)) => write!(f, "from {from} until {until}")?,
            (Some(from), None) => write!(f, "from {from} on")?,
            (None, Some(until)) => write!(f, "before {until}")?,
            (None, None) => f.write_str("at any time")?,
        }
        write!(f, " ({}: {})", self.state, self.reason)
    }
}

/// A window around an instant, and how the book is known in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) window: Window,
    pub(super) how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It was in step.
    Covered,
    /// By snapshots, each by itself.
    Snapshots,
    /// It is not.
    Not { state: &'static str, reason: String },
}

/// The whole line of time.
const ALWAYS: Window = Window { from: Micros(i64::MIN), until: Micros(i64::MAX) };

/// A window without rows that the ledger lists: a file that is neither here nor on a remote.
const DELETED: &str = "its file was deleted";

/// Where the book of a series is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    ledger: Ledger,
    /// Periods of which a file is gone.
    gone: Vec<Window>,
}

impl Known {
    /// By a ledger without the files that are gone, and the periods of those.
    pub(super) fn new(ledger: Ledger, gone: Vec<Window>) -> Self {
        Known { ledger, gone }
    }

    /// The newest instant at which the book is known, as far as that is seen without reading a file.
    pub(super) fn newest(&self) -> Micros {
        let until = self.ledger.covered.last().map_or(ALWAYS.until, |window| window.until);
        Micros(until.0 - 1)
    }

    /// The window around an instant in which the book is known, or not, for one reason.
    pub(super) fn at(&self, at: Micros) -> Part {
        let mut free = ALWAYS;
        for window in self.ledger.covered.iter() {
            if window.holds(at) {
                return Part { window, how: How::Covered };
            }
            narrow(&mut free, window, at);
        }
        let Ledger { unfillable, empty, notes, .. } = &self.ledger;
        for (state, notes) in [("unfillable", unfillable), ("empty", empty), ("gap", notes)] {
            if let Some(note) = notes.iter().find(|note| note.window.holds(at)) {
                let window = note.window.intersection(free).unwrap_or(note.window);
                return Part { window, how: How::Not { state, reason: note.reason.clone() } };
            }
            notes.iter().for_each(|note| narrow(&mut free, note.window, at));
        }
        self.open(free, at)
    }

    /// A window that the ledger says nothing of.
    fn open(&self, mut free: Window, at: Micros) -> Part {
        let not = |window, reason: String| Part { window, how: How::Not { state: "gap", reason } };
        if free.from > ALWAYS.from {
            let reason = match free.until == ALWAYS.until {
                true => "nothing after it is proven yet",
                false => "nothing is known of it",
            };
            return not(free, reason.to_owned());
        }
        if let Some(gone) = self.gone.iter().find(|gone| gone.holds(at)) {
            return not(gone.intersection(free).unwrap_or(*gone), DELETED.to_owned());
        }
        self.gone.iter().for_each(|gone| narrow(&mut free, *gone, at));
        Part { window: free, how: How::Snapshots }
    }
}

impl Part {
    /// This part as one in which the book is not known.
    pub(super) fn refusal(&self) -> Option<Uncovered> {
        match &self.how {
            How::Not { state, reason } => Some(uncovered(self.window, state, reason.clone())),
            How::Covered | How::Snapshots => None,
        }
    }
}

pub(super) fn uncovered(window: Window, state: &'static str, reason: String) -> Uncovered {
    Uncovered {
        from: (window.from > ALWAYS.from).then_some(window.from),
        until: (window.until < ALWAYS.until).then_some(window.until),
        state,
        reason,
    }
}

/// Cuts a window down to the side of another on which an instant lies.
fn narrow(free: &mut Window, other: Window, at: Micros) {
    if other.until <= at {
        free.from = free.from.max(other.until);
    } else if other.from > at {
        free.until = free.until.min(other.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, until: i64) -> Window {
        Window::new(Micros(from), Micros(until)).unwrap()
    }

    fn known() -> Known {
        let mut ledger = Ledger::default();
        ledger.cover(window(10, 20));
        ledger.cover(window(30, 40));
        ledger.cover(window(50, 60));
        ledger.give_up(window(20, 25), "reconnect");
        ledger.note(window(42, 44), "its file was deleted");
        Known::new(ledger, vec![window(2, 4)])
    }

    #[test]
    fn every_instant_has_one_state_and_its_window() {
        let at = |at| {
            let part = known().at(Micros(at));
            part.refusal()
                .map_or_else(|| format!("{:?} {:?}", part.how, part.window.from.0), |it| it.to_string())
        };
        let shown = |at: i64| Micros(at).to_string();

        assert_eq!(at(10), "Covered 10");
        assert_eq!(at(39), "Covered 30");
        assert_eq!(at(20), format!("from {} until {} (unfillable: reconnect)", shown(20), shown(25)));
        assert_eq!(at(25), format!("from {} until {} (gap: nothing is known of it)", shown(25), shown(30)));
        assert_eq!(at(43), format!("from {} until {} (gap: its file was deleted)", shown(42), shown(44)));
        assert_eq!(at(44), format!("from {} until {} (gap: nothing is known of it)", shown(44), shown(50)));
        assert_eq!(at(60), format!("from {} on (gap: nothing after it is proven yet)", shown(60)));
        assert_eq!(at(5), "Snapshots 4");
        assert_eq!(at(3), format!("from {} until {} (gap: its file was deleted)", shown(2), shown(4)));
        assert_eq!(at(1), format!("Snapshots {}", i64::MIN));
        assert_eq!(known().newest(), Micros(59));
    }
}
