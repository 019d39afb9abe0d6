//! One live book and its comparisons with answers over REST: one that shows more levels takes the place of the book, and
//! a book that two in a row contradict is believed no more.

use crate::exchange::live::book::{AuditOutcome, Change, Comparison};
use crate::exchange::live::book_topic::BookTopic;
use crate::exchange::live::{BookFault, Event, Now, Received};
use crate::model::{Batch, Micros};

impl BookTopic {
    /// The book is to be compared with an answer that is asked for after this. A comparison that has its answer goes on.
    pub(crate) fn begin_audit(&mut self) {
        if self.audit.under_way.as_ref().is_some_and(Comparison::has_answer) {
            return;
        }
        let comparison = self.book.in_step().is_some().then(|| Comparison::begin(&self.book));
        self.audit.begin(comparison, self.known);
    }

    /// Takes the answer with so many levels a side; `None` if it could not be had.
    pub(crate) fn give_audit(
        &mut self,
        rows: Option<&Batch>,
        levels: usize,
        now: Now,
        heard: Option<Micros>,
        into: &mut Received,
    ) {
        let whole = rows.map(|rows| Change::of_answer(rows, levels));
        let Some(comparison) = &mut self.audit.under_way else {
            return into.events.push(Event::Audited { topic: self.id, outcome: AuditOutcome::Undecided });
        };
        if comparison.has_answer() {
            return;
        }
        if let Some(outcome) = comparison.answer(&self.book, whole.as_ref(), now.elapsed) {
            self.judge(outcome, now, heard, into);
        }
    }

    /// Ends a comparison that the time decides.
    pub(crate) fn tick_audit(&mut self, now: Now, heard: Option<Micros>, into: &mut Received) {
        let comparison = self.audit.under_way.as_ref();
        if let Some(outcome) = comparison.and_then(|own| own.tick(&self.book, now.elapsed)) {
            self.judge(outcome, now, heard, into);
        }
    }

    /// Draws the conclusion of a comparison.
    pub(crate) fn judge(
        &mut self,
        outcome: AuditOutcome,
        now: Now,
        heard: Option<Micros>,
        into: &mut Received,
    ) {
        let Some(comparison) = self.audit.under_way.take() else { return };
        into.events.push(Event::Audited { topic: self.id, outcome });
        match outcome {
            AuditOutcome::Same => {
                let levels = comparison.levels();
                self.audit.spoke_for();
                if let Some(second) = comparison.into_deeper(&self.book) {
                    self.deepen(second, levels, now, heard, into);
                }
            }
            AuditOutcome::Undecided => {}
            AuditOutcome::Differs | AuditOutcome::Behind => {
                if self.audit.spoke_against() {
                    self.disbelieve(now, into);
                }
            }
        }
    }

    /// The book is not in step any more: a comparison under way is over.
    pub(crate) fn end_audit(&mut self, into: &mut Received) {
        if self.audit.end() {
            into.events.push(Event::Audited { topic: self.id, outcome: AuditOutcome::Undecided });
        }
    }

    /// It is not believed from the last proof of it on, and the exchange is asked for it anew.
    fn disbelieve(&mut self, now: Now, into: &mut Received) {
        let known = self.known;
        self.known = self.audit.proven.or(known);
        self.lose(BookFault::Audit, now, into);
        (self.known, self.is_stalled) = (known, true);
    }
}
