//! A book that follows its exchange: in step only while each update proves itself.

use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::kept::{Book, Spread};
use crate::exchange::live::book::rules::{BookRules, Chain, Proof, Source, Verdict};
use crate::exchange::live::book::side::BookSide;
use crate::exchange::live::book::waiting::Waiting;
use crate::model::Micros;

/// Why a book is not in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BookFault {
    /// The connection is new.
    Reconnect,
    /// Updates are missing by their numbers.
    Sequence,
    /// A checksum differs, or is missing where it is the only proof.
    Checksum,
    /// The best bid is above the best ask.
    Crossed,
    /// A message could not be read, or a level in it cannot be true.
    Unreadable,
    /// Too few levels are known by now.
    Shallow,
    /// Rows of it could not be stored.
    Shed,
    /// Answers over REST contradict it.
    Audit,
}

impl BookFault {
    /// All there are.
    pub const ALL: [BookFault; 8] = [
        BookFault::Reconnect,
        BookFault::Sequence,
        BookFault::Checksum,
        BookFault::Crossed,
        BookFault::Unreadable,
        BookFault::Shallow,
        BookFault::Shed,
        BookFault::Audit,
    ];

    /// Its word in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BookFault::Reconnect => "reconnect",
            BookFault::Sequence => "sequence",
            BookFault::Checksum => "checksum",
            BookFault::Crossed => "crossed",
            BookFault::Unreadable => "unreadable",
            BookFault::Shallow => "shallow",
            BookFault::Shed => "shed",
            BookFault::Audit => "audit",
        }
    }
}

/// The effect of a message on a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// None: it waits, or came before.
    Nothing,
    /// The book changed and is in step as before.
    Applied,
    /// The book is in step from this message on, as a whole one.
    InStep,
    /// The book is not in step, or could not come into it; a whole one is needed.
    OutOfStep(BookFault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// For a whole book.
    Waiting,
    /// For the first update behind the whole book that was asked for.
    Joining,
    InStep,
}

/// A book, its state and the updates that wait.
#[derive(Clone, Debug)]
pub(crate) struct LiveBook {
    rules: &'static BookRules,
    book: Book,
    /// The least levels that have to be known.
    wanted: usize,
    state: State,
    /// The number of the last update.
    last: Option<i64>,
    /// The exchange's time of it.
    ts: Option<Micros>,
    waiting: Waiting,
    /// Whether a checksum was right since the last whole book.
    is_summed: bool,
    /// Room for an update that waited.
    scratch: Change,
}

impl LiveBook {
    /// A book without a level; `depth` is that of the levels the exchange tells, `wanted` the least that is of use.
    pub(crate) fn new(rules: &'static BookRules, depth: Option<usize>, wanted: usize) -> Self {
        LiveBook {
            rules,
            book: Book::new(depth.filter(|_| rules.is_cut)),
            wanted,
            state: State::Waiting,
            last: None,
            ts: None,
            waiting: Waiting::default(),
            is_summed: false,
            scratch: Change::default(),
        }
    }

    /// The book, if it is in step.
    pub(crate) fn in_step(&self) -> Option<&Book> {
        (self.state == State::InStep).then_some(&self.book)
    }

    /// The number of the last update.
    pub(crate) fn last(&self) -> Option<i64> {
        self.last
    }

    /// The exchange's time of the last update, where it is told.
    pub(crate) fn ts(&self) -> Option<Micros> {
        self.ts
    }

    /// Whether a checksum was right since the last whole book.
    pub(crate) fn is_summed(&self) -> bool {
        self.is_summed
    }

    /// The memory of the updates that wait for a whole book, in bytes.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.bytes()
    }

    /// Whether the number of the next update shows that one is missing before it.
    pub(crate) fn is_numbered(&self) -> bool {
        self.rules.chain != Chain::Nothing && self.last.is_some()
    }

    pub(crate) fn rules(&self) -> &'static BookRules {
        self.rules
    }

    /// A book that stands at the same update takes the place of this one, with the least levels that have to be known.
    pub(crate) fn adopt(&mut self, second: LiveBook, wanted: usize) {
        let ts = self.ts.max(second.ts);
        *self = LiveBook { wanted, ts, ..second };
    }

    /// The least levels that have to be known from now on.
    pub(crate) fn want(&mut self, levels: usize) {
        self.wanted = levels;
    }

    /// The levels known of the side of which fewer are, where levels behind them are not; `None` where all are known.
    pub(crate) fn known_levels(&self) -> Option<usize> {
        let sides = self.book.sides().into_iter().filter(|side| side.has_floor());
        sides.map(BookSide::len).min()
    }

    /// The number of the whole book that no update has joined yet.
    pub(crate) fn joining(&self) -> Option<i64> {
        self.last.filter(|_| self.state == State::Joining)
    }

    /// No update is missing up to this number: one that joins an answer of this very number is the next.
    pub(crate) fn stand_at(&mut self, last: Option<i64>) {
        if self.state == State::Joining && self.last == last {
            self.state = State::InStep;
        }
    }

    /// Takes a message of the connection.
    #[inline]
    pub(crate) fn take(&mut self, change: &Change) -> Effect {
        if change.fault.is_some() {
            return self.fall(BookFault::Unreadable);
        }
        let is_whole =
            change.is_whole || (change.ids.last.is_some() && change.ids.last == self.rules.begins_anew);
        if is_whole {
            return self.take_whole(change);
        }
        let step = self.follow(change);
        if step == Effect::OutOfStep(BookFault::Sequence) && self.is_asked_for() {
            self.waiting.push(change);
        }
        step
    }

    /// Takes a whole book that was asked for, and the updates that waited for it.
    pub(crate) fn take_answer(&mut self, whole: &Change) -> Effect {
        if self.state == State::InStep {
            return Effect::Nothing;
        }
        if whole.ids.last.is_none() || whole.fault.is_some() || !self.book.replace(whole) {
            return Effect::OutOfStep(BookFault::Unreadable);
        }
        // Its time is that of the answer, and not the one of an update.
        (self.state, self.last, self.ts) = (State::Joining, whole.ids.last, None);
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut outcome = Effect::Nothing;
        while self.waiting.pop(&mut scratch) {
            match self.follow(&scratch) {
                Effect::Nothing => {}
                Effect::Applied | Effect::InStep => outcome = Effect::InStep,
                Effect::OutOfStep(fault) => {
                    // Those from here on wait for a newer one.
                    self.waiting.put_back(&scratch);
                    outcome = Effect::OutOfStep(fault);
                    break;
                }
            }
        }
        self.scratch = scratch;
        self.waiting.give_back();
        outcome
    }

    /// Takes a checksum that came in a message of its own.
    pub(crate) fn take_checksum(&mut self, checksum: u32) -> Effect {
        if self.state != State::InStep {
            return Effect::Nothing;
        }
        let own = self.rules.checksum().map(|way| way.of(&self.book));
        let is_right = own == Some(checksum);
        self.is_summed |= is_right;
        if is_right { Effect::Nothing } else { self.fall(BookFault::Checksum) }
    }

    /// Puts it out of step. Whatever waits is forgotten.
    pub(crate) fn fall(&mut self, fault: BookFault) -> Effect {
        self.state = State::Waiting;
        self.waiting.clear();
        self.book.clear();
        Effect::OutOfStep(fault)
    }

    fn is_asked_for(&self) -> bool {
        matches!(self.rules.source, Source::Request { .. })
    }

    fn take_whole(&mut self, whole: &Change) -> Effect {
        self.waiting.clear();
        if !self.book.replace(whole) {
            return self.fall(BookFault::Unreadable);
        }
        (self.state, self.last, self.is_summed) = (State::InStep, whole.ids.last, false);
        self.ts = whole.ts;
        match self.fault(whole) {
            Some(fault) => self.fall(fault),
            None => Effect::InStep,
        }
    }

    fn follow(&mut self, change: &Change) -> Effect {
        let mut verdict = match self.state {
            State::Waiting => {
                if self.is_asked_for() {
                    self.waiting.push(change);
                }
                return Effect::Nothing;
            }
            State::Joining => self.last.map_or(Verdict::Hole, |last| self.rules.joins(last, change.ids)),
            State::InStep => self.rules.follows(self.last, change.ids),
        };
        // Without numbers an update that is older than the last one shows that they came in another order.
        if verdict == Verdict::Silent && self.ts.zip(change.ts).is_some_and(|(last, own)| own < last) {
            verdict = Verdict::Hole;
        }
        match verdict {
            Verdict::Repeated => return Effect::Nothing,
            Verdict::Hole if self.state == State::Joining => {
                // The whole book is older than what is known: those that wait are kept for a newer one.
                self.state = State::Waiting;
                return Effect::OutOfStep(BookFault::Sequence);
            }
            Verdict::Hole => return self.fall(BookFault::Sequence),
            Verdict::Next | Verdict::Silent => {}
        }
        let was_joining = std::mem::replace(&mut self.state, State::InStep) == State::Joining;
        if was_joining {
            self.waiting.give_back();
        }
        self.book.apply(change);
        self.last = change.ids.last.or(self.last);
        self.ts = self.ts.max(change.ts);
        match self.fault(change) {
            Some(fault) => self.fall(fault),
            None if verdict == Verdict::Silent && self.lacks_proof(change) => self.fall(BookFault::Checksum),
            None => {
                self.is_summed |= change.checksum.is_some();
                if was_joining { Effect::InStep } else { Effect::Applied }
            }
        }
    }

    /// Whether neither a number nor a checksum speaks for an update of an exchange that has them.
    fn lacks_proof(&self, change: &Change) -> bool {
        matches!(self.rules.proof, Some(Proof::Sometimes(_))) && change.checksum.is_none()
    }

    /// Why the book cannot be true after a message, if it cannot.
    #[inline]
    fn fault(&self, change: &Change) -> Option<BookFault> {
        let proof = match self.rules.proof {
            Some(Proof::Always(way)) => Some((way, change.checksum)),
            Some(Proof::Sometimes(way)) => change.checksum.map(|told| (way, Some(told))),
            Some(Proof::Apart(_)) | None => None,
        };
        if let Some((way, told)) = proof {
            return (told != Some(way.of(&self.book))).then_some(BookFault::Checksum);
        }
        if self.book.spread() == Spread::Crossed {
            return Some(BookFault::Crossed);
        }
        self.book.is_shallow(self.wanted).then_some(BookFault::Shallow)
    }
}
