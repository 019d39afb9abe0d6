//! A live book beside the same book over REST: whether both are one.
//!
//! Where whole books have a number, a second book is made of the answer and follows the same updates; as soon as both
//! stand at one number, they have the same levels or one of them is wrong. Where they have none, the best levels of the
//! answer are held to every amount that each price had around the time of the answer.

use std::time::Duration;

use crate::exchange::live::book::audit_outcome::AuditOutcome;
use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::live_book::{Effect, LiveBook};
use crate::exchange::live::book::rules::Source;
use crate::exchange::live::book::side::BookSide;
use crate::exchange::live::book::witness::Witness;
use crate::model::Side;

/// How long updates may take to reach the number of an answer.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// How long an answer without a number may be ahead of the connection.
const AHEAD: Duration = Duration::from_secs(2);

/// A comparison under way.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    with: With,
    /// When the answer came.
    answered: Option<Duration>,
    /// How many levels a side were asked for.
    levels: u32,
}

#[derive(Clone, Debug)]
enum With {
    /// A second book, and the number of the answer that it is made of.
    Second(Box<LiveBook>, Option<i64>),
    Witness(Witness),
}

impl Comparison {
    /// Of a book that is in step; the answer is asked for after this.
    pub(crate) fn begin(own: &LiveBook) -> Self {
        let with = match (own.rules().source, own.in_step()) {
            (Source::Socket, Some(book)) => With::Witness(Witness::of(book, own.rules().is_cut)),
            (Source::Request { .. } | Source::Socket, _) => {
                With::Second(Box::new(LiveBook::new(own.rules(), None, 0)), None)
            }
        };
        Comparison { with, answered: None, levels: 0 }
    }

    /// Takes an update that the live book took.
    pub(crate) fn follow(&mut self, own: &LiveBook, change: &Change) -> Option<AuditOutcome> {
        match &mut self.with {
            With::Second(second, _) => judged(second.take(change), own, second),
            With::Witness(witness) => {
                if let Some(book) = own.in_step() {
                    witness.changed(change, book.pushed_out());
                }
                None
            }
        }
    }

    /// Takes the answer; `None` if it could not be had.
    pub(crate) fn answer(
        &mut self,
        own: &LiveBook,
        whole: Option<&Change>,
        now: Duration,
    ) -> Option<AuditOutcome> {
        let Some(whole) = whole else { return Some(AuditOutcome::Undecided) };
        self.answered = Some(now);
        self.levels = whole.asked.and_then(|asked| u32::try_from(asked).ok()).unwrap_or(u32::MAX);
        match &mut self.with {
            With::Second(second, number) => {
                *number = whole.ids.last;
                let step = second.take_answer(whole);
                if number.is_some() && *number == own.last() {
                    second.stand_at(own.last());
                    return Some(compared(own, second));
                }
                judged(step, own, second)
            }
            With::Witness(witness) => {
                witness.answered(whole);
                None
            }
        }
    }

    /// The outcome that the time has brought.
    pub(crate) fn tick(&self, own: &LiveBook, now: Duration) -> Option<AuditOutcome> {
        let waited = now.saturating_sub(self.answered?);
        match &self.with {
            With::Second(_, number) if waited >= REACHED_WITHIN => {
                let is_behind = own.last().zip(*number).is_some_and(|(last, number)| last < number);
                Some(if is_behind { AuditOutcome::Behind } else { AuditOutcome::Undecided })
            }
            With::Witness(witness) if waited >= AHEAD => Some(witness.outcome()),
            With::Second(..) | With::Witness(_) => None,
        }
    }

    /// Whether it has its answer.
    pub(crate) fn has_answer(&self) -> bool {
        self.answered.is_some()
    }

    /// How many levels a side of the answer were asked for.
    pub(crate) fn levels(&self) -> u32 {
        self.levels
    }

    /// The second book, if more levels are known of it than of the other.
    pub(crate) fn into_deeper(self, own: &LiveBook) -> Option<LiveBook> {
        let With::Second(second, _) = self.with else { return None };
        let (own, other) = own.in_step().zip(second.in_step())?;
        let is_deeper = |side| own.is_cut_off(side) && other.side(side).len() > own.side(side).len();
        let is_shallower = |side| other.is_cut_off(side) && other.side(side).len() < own.side(side).len();
        let sides = [Side::Bid, Side::Ask];
        (sides.into_iter().any(is_deeper) && !sides.into_iter().any(is_shallower)).then_some(*second)
    }
}

fn judged(step: Effect, own: &LiveBook, second: &LiveBook) -> Option<AuditOutcome> {
    match step {
        Effect::Nothing | Effect::Applied => None,
        Effect::InStep => Some(compared(own, second)),
        Effect::OutOfStep(_) => Some(AuditOutcome::Undecided),
    }
}

/// Compares two books that stand at the same update, as far as both are known.
fn compared(own: &LiveBook, second: &LiveBook) -> AuditOutcome {
    let Some((own, other)) = own.in_step().zip(second.in_step()) else { return AuditOutcome::Undecided };
    let [bids, asks] = [Side::Bid, Side::Ask].map(|side| is_same(own.side(side), other.side(side)));
    if bids && asks { AuditOutcome::Same } else { AuditOutcome::Differs }
}

fn is_same(own: &BookSide, other: &BookSide) -> bool {
    let is_known = |price| own.knows(price) && other.knows(price);
    let known = |side: &BookSide| {
        let levels = side.levels().filter(|level| is_known(level.price));
        levels.map(|level| (level.price, level.amount)).collect::<Vec<_>>()
    };
    known(own) == known(other)
}
