//! The times in which a live book is not in step with its exchange: no request can ever fill them.

use crate::exchange::live::BookFault;
use crate::model::{Micros, Window};
use crate::store::{StoreError, Writer};

/// Why time is unfillable in which no process followed the book, or one that was killed did not come to say more.
const RESTART: &str = "restart";

/// How far a live book is in step.
#[derive(Debug)]
pub(super) struct BookSteps {
    out: Option<Out>,
    /// Rows of it were not accepted: nothing of it is, before its session begins anew.
    is_lost: bool,
}

/// The time out of step under way.
#[derive(Clone, Copy, Debug)]
struct Out {
    /// Up to where the book was known; `None` where it never was.
    from: Option<Micros>,
    reason: &'static str,
}

/// A time out of step that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) window: Window,
    pub(super) reason: &'static str,
}

impl Gap {
    /// The reason as the ledger has it.
    pub(super) fn words(reason: &str) -> String {
        match reason {
            RESTART => "the book was not followed until a process began to (restart)".to_owned(),
            reason => format!("the book was not in step ({reason})"),
        }
    }
}

/// How far a book is in step that a process begins to follow. Time out of step that a process before did not come to
/// enter is entered.
///
/// # Errors
/// If the journal cannot be written.
pub(super) fn begin_book(writer: &Writer) -> Result<BookSteps, StoreError> {
    let (settled, ledger) = (writer.settled(), writer.ledger());
    let known = settled.last().map(|window| window.until);
    let since = [settled.first().map(|window| window.from), ledger.wanted_since].into_iter().flatten().min();
    if let Some(window) = since.zip(known).and_then(|(since, known)| Window::new(since, known)) {
        writer.unfillable(window, &Gap::words(RESTART))?;
    }
    Ok(BookSteps::new(known))
}

impl BookSteps {
    /// Of a book that a process begins to follow, which was known up to an instant.
    pub(super) fn new(known: Option<Micros>) -> Self {
        BookSteps { out: Some(Out { from: known, reason: RESTART }), is_lost: false }
    }

    /// Whether it is in step and everything of it was accepted.
    pub(super) fn is_in(&self) -> bool {
        self.out.is_none()
    }

    /// Whether rows of it are accepted.
    pub(super) fn takes_rows(&self) -> bool {
        !self.is_lost
    }

    /// It is out of step; it was known up to an instant.
    pub(super) fn fell(&mut self, known: Micros, fault: BookFault) {
        self.out.get_or_insert(Out { from: Some(known), reason: fault.name() });
        if fault == BookFault::Shed {
            // The session writes nothing more before it has a fresh book.
            self.is_lost = false;
        }
    }

    /// Rows of it could not be accepted; they were up to an instant.
    pub(super) fn lost(&mut self, known: Option<Micros>) {
        self.is_lost = true;
        self.out.get_or_insert(Out { from: known, reason: BookFault::Shed.name() });
    }

    /// It is in step from an instant on, as a whole book that was accepted; `known` is where it was known before. Returns
    /// the time between, and whether it was in step before in this process.
    pub(super) fn rose(&mut self, at: Micros, known: Option<Micros>) -> Option<(Option<Gap>, bool)> {
        if self.is_lost {
            return None;
        }
        // A connection that ended in step is followed by another.
        let between = Out { from: known, reason: BookFault::Reconnect.name() };
        let out = self.out.take().unwrap_or(between);
        let window = out.from.and_then(|from| Window::new(from, at));
        let gap = window.map(|window| Gap { window, reason: out.reason });
        Some((gap, out.reason != RESTART))
    }

    /// The part of the time out of step under way that ends before an instant.
    pub(super) fn until(&self, instant: Micros) -> Option<Gap> {
        let out = self.out?;
        let window = Window::new(out.from?, instant)?;
        Some(Gap { window, reason: out.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, until: i64) -> Window {
        Window::new(Micros(from), Micros(until)).unwrap()
    }

    fn gap(from: i64, until: i64, reason: &'static str) -> Option<(Option<Gap>, bool)> {
        Some((Some(Gap { window: window(from, until), reason }), reason != RESTART))
    }

    #[test]
    fn each_time_out_of_step_has_its_first_reason() {
        let mut steps = BookSteps::new(Some(Micros(5)));
        assert_eq!(steps.rose(Micros(9), Some(Micros(5))), gap(5, 9, "restart"));
        assert!(steps.is_in());

        steps.fell(Micros(20), BookFault::Checksum);
        steps.fell(Micros(20), BookFault::Sequence);
        assert_eq!(steps.until(Micros(22)).map(|gap| gap.window), Some(window(20, 22)));
        assert_eq!(steps.rose(Micros(30), Some(Micros(20))), gap(20, 30, "checksum"));
        assert_eq!(steps.rose(Micros(40), Some(Micros(33))), gap(33, 40, "reconnect"));
    }

    #[test]
    fn a_book_that_was_never_known_leaves_no_time_out() {
        let mut steps = BookSteps::new(None);
        assert_eq!(steps.until(Micros(7)), None);
        assert_eq!(steps.rose(Micros(9), None), Some((None, false)));
    }

    #[test]
    fn after_rows_were_lost_nothing_is_taken_before_the_session_has_begun_anew() {
        let mut steps = BookSteps::new(None);
        steps.rose(Micros(9), None);
        steps.lost(Some(Micros(12)));
        assert!(!steps.takes_rows());
        assert_eq!(steps.rose(Micros(20), Some(Micros(12))), None, "its whole book was not taken");

        steps.fell(Micros(25), BookFault::Shed);
        assert!(steps.takes_rows() && !steps.is_in());
        assert_eq!(steps.rose(Micros(30), Some(Micros(12))), gap(12, 30, "shed"));
    }
}
