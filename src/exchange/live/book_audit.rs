//! How a live book stood its comparisons with answers over REST.

use std::time::Duration;

use crate::exchange::live::book::{AuditOutcome, Change, Comparison, LiveBook};
use crate::model::Micros;

/// How many comparisons in a row have to speak against a book: an answer may be wrong as well.
const AGAINST: u8 = 2;

/// The wait between two requests for a deeper book.
const DEEPER_EVERY: Duration = Duration::from_secs(10);

/// The comparisons of one book.
#[derive(Clone, Debug, Default)]
pub(crate) struct BookAudit {
    pub(crate) under_way: Option<Comparison>,
    /// Up to where the book was known when that began: the answer is of a later moment, and shows no more than that.
    began: Option<Micros>,
    /// How many in a row spoke against it.
    against: u8,
    /// Up to where a whole book or a comparison proved it.
    pub(crate) proven: Option<Micros>,
    /// When a deeper book may be asked for.
    deeper_at: Duration,
}

impl BookAudit {
    /// The book is in step as a whole one.
    pub(crate) fn begin_anew(&mut self, at: Micros) {
        (self.proven, self.deeper_at) = (Some(at), Duration::ZERO);
    }

    /// A comparison begins, of a book that is known up to an instant; none where the book is not in step.
    pub(crate) fn begin(&mut self, comparison: Option<Comparison>, known: Option<Micros>) {
        (self.under_way, self.began) = (comparison, known);
    }

    /// A deeper book may be asked for now; returns whether it may.
    pub(crate) fn may_deepen(&mut self, now: Duration) -> bool {
        let may = self.under_way.is_none() && self.deeper_at <= now;
        if may {
            self.deeper_at = now + DEEPER_EVERY;
        }
        may
    }

    /// An update was taken.
    pub(crate) fn follow(&mut self, own: &LiveBook, change: &Change) -> Option<AuditOutcome> {
        self.under_way.as_mut()?.follow(own, change)
    }

    /// The comparison spoke for the book, as it was when that began.
    pub(crate) fn spoke_for(&mut self) {
        (self.against, self.proven) = (0, self.began);
    }

    /// A comparison spoke against the book. Returns whether it is to be believed no more.
    pub(crate) fn spoke_against(&mut self) -> bool {
        self.against += 1;
        self.against >= AGAINST
    }

    /// The book is not in step any more. Returns whether a comparison was under way.
    pub(crate) fn end(&mut self) -> bool {
        self.against = 0;
        self.under_way.take().is_some()
    }
}
