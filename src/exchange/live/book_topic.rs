//! One book over a connection: brought into step, kept there, and made rows of.

use std::time::Duration;

use crate::exchange::OddFault;
use crate::exchange::live::book::{
    BookFault, BookRules, BookWish, Change, Effect, LiveBook, Recorder, Resync, Source, Stamp,
};
use crate::exchange::live::book_audit::BookAudit;
use crate::exchange::live::{Event, LiveOffer, Now, PresentBook, Received, TopicId};
use crate::model::{Batch, Micros, OddRow, Window};

/// The state of a topic of a book.
#[derive(Clone, Debug)]
pub(crate) struct BookTopic {
    pub(crate) id: TopicId,
    pub(crate) book: LiveBook,
    recorder: Recorder,
    resync: Resync,
    pub(crate) audit: BookAudit,
    /// The depths that can be asked for, and the one that is.
    depths: &'static [u32],
    depth: u32,
    /// The depth that a book comes into step with.
    first_depth: u32,
    /// The least levels that are promised.
    promised: usize,
    /// Why it is not in step, while it is not.
    fault: Option<BookFault>,
    /// The first instant at which it was in step.
    since: Option<Micros>,
    /// Up to where the book is known by now, or was when it fell out of step.
    pub(crate) known: Option<Micros>,
    /// When its last update was received.
    received: Option<Micros>,
    /// Nothing comes of it, or nothing true: the exchange is to be asked for it anew.
    pub(crate) is_stalled: bool,
    /// Whether amounts count contracts.
    pub(crate) counts_contracts: bool,
}

impl BookTopic {
    pub(crate) fn new(
        id: TopicId,
        offer: &LiveOffer,
        wish: BookWish,
        rules: &'static BookRules,
        counts_contracts: bool,
    ) -> Self {
        let deepest = offer.depths.last().copied().unwrap_or(u32::MAX);
        let depth = subscribed_depth(offer, wish);
        // Of a book over REST levels go as they are used up, so that half of the deepest is promised.
        let promised = wish.depth.min(deepest / 2) as usize;
        BookTopic {
            id,
            book: LiveBook::new(rules, Some(depth as usize), least(promised, depth, rules)),
            recorder: Recorder::new(wish),
            resync: Resync::default(),
            audit: BookAudit::default(),
            depths: offer.depths,
            depth,
            first_depth: depth,
            promised,
            fault: Some(BookFault::Reconnect),
            since: None,
            known: None,
            received: None,
            is_stalled: false,
            counts_contracts,
        }
    }

    /// When it is asked for again.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.resync.due()
    }

    /// The exchange sends it from now on.
    pub(crate) fn granted(&mut self, now: Now) {
        if self.is_asked_for() {
            self.resync.begin(now.elapsed);
        } else if self.fault.is_some() {
            self.resync.asked(now.elapsed);
        }
    }

    fn is_asked_for(&self) -> bool {
        matches!(self.book.rules().source, Source::Request { .. })
    }

    /// Takes a message about it; `heard` is the newest time of the exchange.
    pub(crate) fn take(&mut self, change: &Change, now: Now, heard: Option<Micros>, into: &mut Received) {
        if let Some(why) = change.fault {
            let row = OddRow::new(OddFault::Value, why.to_owned(), "", None);
            into.events.push(Event::Odd { topic: self.id, row });
        }
        let told = change.ts.or(heard);
        let ts = told.unwrap_or(now.at);
        if let Some(book) = self.book.in_step().filter(|_| !change.is_whole) {
            self.recorder.before(book, ts, self.book.last());
        }
        let was_in_step = self.book.in_step().is_some();
        let step = self.book.take(change);
        if was_in_step && step == Effect::InStep {
            self.end_audit(into);
        }
        if step == Effect::Applied
            && let Some(book) = self.book.in_step()
        {
            self.received = Some(now.at);
            let stamp = Stamp { topic: self.id, ts, received: now.at, seq: self.book.last() };
            self.recorder.after(book, change, stamp, into);
            // It is known up to the exchange's time, never to ours.
            self.known = self.known.max(told);
            if let Some(outcome) = self.audit.follow(&self.book, change) {
                self.judge(outcome, now, heard, into);
            }
            return;
        }
        self.settle(step, ts, now, into);
    }

    /// Takes a checksum that came by itself.
    pub(crate) fn take_checksum(&mut self, checksum: u32, now: Now, into: &mut Received) {
        let step = self.book.take_checksum(checksum);
        self.settle(step, now.at, now, into);
    }

    /// Takes the whole book that was asked for; `None` if it could not be had.
    pub(crate) fn give(
        &mut self,
        rows: Option<&Batch>,
        now: Now,
        heard: Option<Micros>,
        into: &mut Received,
    ) {
        if self.fault.is_none() {
            return;
        }
        let Some(rows) = rows else { return self.resync.failed(now.elapsed) };
        self.resync.joining(now.elapsed);
        let whole = Change::of_answer(rows, self.depth as usize);
        // The exchange's book went on, and no update of it came to join the one before.
        self.is_stalled |= self.book.joining().is_some_and(|before| whole.ids.last != Some(before));
        let step = self.book.take_answer(&whole);
        let ts = self.book.ts().or(heard).unwrap_or(now.at);
        self.settle(step, ts, now, into);
    }

    /// Something of it is missing.
    pub(crate) fn lose(&mut self, fault: BookFault, now: Now, into: &mut Received) {
        if self.book.in_step().is_some() {
            let step = self.book.fall(fault);
            self.settle(step, now.at, now, into);
        }
    }

    /// Rows of it were lost.
    pub(crate) fn lose_rows(&mut self, now: Now, into: &mut Received) {
        if self.book.in_step().is_some() {
            return self.lose(BookFault::Shed, now, into);
        }
        let at = self.known.unwrap_or(now.at);
        into.events.push(Event::OutOfStep { topic: self.id, at, fault: BookFault::Shed });
    }

    /// A frame that may have been about it could not be read: the number of the next update shows whether it was.
    pub(crate) fn doubt(&mut self, now: Now, into: &mut Received) {
        if !self.book.is_numbered() {
            self.lose(BookFault::Unreadable, now, into);
        }
    }

    /// Does what the time asks for. Returns whether the exchange is to be asked for the topic anew.
    ///
    /// Nothing is said of the time since the last update, however much is heard of other topics: only the next one, or an
    /// answer over REST, shows that none is missing.
    pub(crate) fn tick(&mut self, now: Now, heard: Option<Micros>, into: &mut Received) -> bool {
        self.tick_audit(now, heard, into);
        self.want_deeper(now, into);
        if std::mem::take(&mut self.is_stalled) {
            self.resync.hold();
            return true;
        }
        if !self.resync.is_due(now.elapsed) {
            return false;
        }
        if self.is_asked_for() {
            self.resync.asked(now.elapsed);
            into.events.push(Event::BookWanted { topic: self.id, levels: self.depth });
            return false;
        }
        // It is held to the time that the exchange takes once it grants it.
        self.resync.hold();
        true
    }

    /// Wants a deeper book beside one that is in step, where few levels behind those that are promised are known.
    fn want_deeper(&mut self, now: Now, into: &mut Received) {
        let is_in_step = self.book.in_step().is_some();
        let known = self.book.known_levels().filter(|_| is_in_step && self.is_asked_for());
        let spare = (self.depth as usize).saturating_sub(self.promised);
        let is_little = known.is_some_and(|known| spare < self.promised || known < self.promised + spare / 2);
        if is_little && self.audit.may_deepen(now.elapsed) {
            let twice = self.depths.iter().copied().find(|depth| *depth as usize >= 2 * self.promised);
            let levels = twice.or(self.depths.last().copied()).unwrap_or(self.depth);
            into.events.push(Event::BookDeeper { topic: self.id, levels: levels.max(self.depth) });
        }
    }

    /// A second book that stands at the same update takes its place, since more levels are known of it.
    pub(crate) fn deepen(
        &mut self,
        second: LiveBook,
        levels: u32,
        now: Now,
        heard: Option<Micros>,
        into: &mut Received,
    ) {
        self.depth = levels;
        self.book.adopt(second, least(self.promised, levels, self.book.rules()));
        let ts = self.known.or(heard).unwrap_or(now.at);
        if let Some(book) = self.book.in_step() {
            let stamp = Stamp { topic: self.id, ts, received: now.at, seq: self.book.last() };
            self.recorder.deeper(book, stamp, into);
        }
    }

    /// The book as of its last update, if it is in step.
    pub(crate) fn present(&self) -> Option<PresentBook<'_>> {
        let (book, seq) = (self.book.in_step()?, self.book.last());
        Some(PresentBook { book, ts: self.known?, received: self.received?, seq })
    }

    /// The window in which it was in step, but for the times out of step that events tell.
    pub(crate) fn covered(&self) -> Option<Window> {
        Window::new(self.since?, self.known?)
    }

    /// The first instant at which it was in step.
    pub(crate) fn since(&self) -> Option<Micros> {
        self.since
    }

    fn settle(&mut self, effect: Effect, ts: Micros, now: Now, into: &mut Received) {
        match effect {
            Effect::Nothing | Effect::Applied => {}
            Effect::InStep => self.came_into_step(ts, now, into),
            Effect::OutOfStep(fault) => self.fell_out_of_step(fault, now, into),
        }
    }

    fn came_into_step(&mut self, ts: Micros, now: Now, into: &mut Received) {
        let Some(book) = self.book.in_step() else { return };
        let at = self.known.map_or(ts, |known| known.max(ts));
        let stamp = Stamp { topic: self.id, ts: at, received: now.at, seq: self.book.last() };
        self.recorder.begin(book, stamp, into);
        (self.known, self.received) = (Some(at), Some(now.at));
        self.audit.begin_anew(at);
        self.is_stalled = false;
        self.since = self.since.or(Some(at));
        if let Some(fault) = self.fault.take() {
            self.resync.in_step(now.elapsed);
            into.events.push(Event::InStep { topic: self.id, at, after: fault });
        }
    }

    fn fell_out_of_step(&mut self, fault: BookFault, now: Now, into: &mut Received) {
        self.recorder.end();
        self.end_audit(into);
        let deeper = self.depths.iter().copied().find(|depth| *depth > self.depth);
        match deeper.filter(|_| fault == BookFault::Shallow) {
            Some(deeper) => {
                // The price moved; a deeper book is another question, and is asked for at once.
                (self.depth, self.first_depth) = (deeper, deeper);
                self.resync.begin(now.elapsed);
            }
            None => {
                self.depth = self.first_depth;
                match fault {
                    BookFault::Shallow => self.resync.used_up(now.elapsed),
                    BookFault::Checksum if !self.book.is_summed() => self.resync.never_right(now.elapsed),
                    _ => self.resync.failed(now.elapsed),
                }
            }
        }
        self.book.want(least(self.promised, self.depth, self.book.rules()));
        if self.fault.is_none() {
            self.fault = Some(fault);
            let at = self.known.unwrap_or(now.at);
            into.events.push(Event::OutOfStep { topic: self.id, at, fault });
        } else {
            into.counts.failed_resyncs += 1;
        }
    }
}

/// The least levels of a book in step. It is half of those that are promised where the exchange was asked for hardly more
/// of them: books come into step by answers no deeper than needed, and deeper ones take their place when there is time.
fn least(promised: usize, depth: u32, rules: &BookRules) -> usize {
    let is_scarce = matches!(rules.source, Source::Request { .. }) && (depth as usize) < 2 * promised;
    if is_scarce { promised.div_ceil(2) } else { promised }
}

/// The depth that is asked for.
pub(crate) fn subscribed_depth(offer: &LiveOffer, wish: BookWish) -> u32 {
    let own = offer.depths.iter().copied().find(|depth| *depth >= wish.depth);
    own.or(offer.depths.last().copied()).unwrap_or(u32::MAX)
}
