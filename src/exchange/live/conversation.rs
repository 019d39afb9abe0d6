//! The part all sessions share: asking, pings, the exchange's time, and candles that time closes.

use std::time::Duration;

use crate::exchange::live::address::{Address, offered};
use crate::exchange::live::asking::{Asking, Turn};
use crate::exchange::live::book_topic::BookTopic;
use crate::exchange::live::clock::ExchangeClock;
use crate::exchange::live::dialect::{Dialect, Verb};
use crate::exchange::live::frame_handler::FrameHandler;
use crate::exchange::live::pace::Pace;
use crate::exchange::live::put::{hole, settle};
use crate::exchange::live::topics::{Shared, Slot, TopicRows, Topics};
use crate::exchange::live::{
    AuditOutcome, BrokenReason, Event, Line, Mark, NotOffered, Now, PresentBook, Received, Session, Topic,
    TopicCounts, TopicId,
};
use crate::model::{Batch, Micros, Window};

/// How often an exchange that tells its time when asked is asked, where nothing else told it.
const CLOCK_EVERY: Duration = Duration::from_secs(5);

/// How long it may take to answer.
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// One conversation in an exchange's words.
pub(crate) struct Conversation<D> {
    dialect: D,
    line: &'static Line,
    topics: Topics,
    asking: Asking,
    clock: ExchangeClock,
    pace: Pace,
    /// Of messages that ask for topics, where they have a limit of their own.
    asking_pace: Option<Pace>,
    is_open: bool,
    /// The text that is sent before any other.
    opening: Option<String>,
    /// When the exchange was asked for a sign of life that has not come.
    pinged: Option<Duration>,
    /// When it was asked last, or the connection was opened.
    last_ping: Duration,
    is_broken: bool,
}

impl<D: Dialect> Conversation<D> {
    pub(crate) fn new(dialect: D, line: &'static Line) -> Self {
        Conversation {
            opening: dialect.opening(),
            dialect,
            line,
            topics: Topics::default(),
            asking: Asking::new(&line.limits),
            clock: ExchangeClock::default(),
            pace: Pace::new(&line.limits),
            asking_pace: Pace::of_asking(&line.limits),
            is_open: false,
            pinged: None,
            last_ping: Duration::ZERO,
            is_broken: false,
        }
    }

    /// Whatever a lost frame held is doubtful.
    fn doubt(&mut self, now: Now, into: &mut Received) {
        let heard = self.clock.newest();
        for slot in self.topics.iter_mut() {
            match &mut slot.rows {
                TopicRows::Trades(rows) => rows.doubt(heard),
                TopicRows::Candles(rows) => rows.doubt(heard.map_or(now.at, |heard| heard.max(now.at))),
                TopicRows::Book(rows) => rows.doubt(now, into),
            }
        }
    }

    /// Asks the exchange for a topic that it sends already, so that it begins anew.
    fn ask_anew(&mut self, topic: TopicId) {
        let Some(place) = self.topics.place(topic) else { return };
        let Some(slot) = self.topics.get_mut(place) else { return };
        slot.granted = None;
        self.asking.leave(place, slot.address.clone());
        self.asking.want(place);
    }

    fn breaks(&mut self, reason: BrokenReason, words: &str, into: &mut Received) {
        if !self.is_broken {
            self.is_broken = true;
            into.events.push(Event::Broken { reason, words: words.to_owned() });
        }
    }

    /// The next message that asks for topics, or asks for them no more.
    fn ask(&mut self, now: Now) -> Option<String> {
        if self.asking_pace.as_ref().is_some_and(|pace| pace.next() > now.elapsed) {
            return None;
        }
        let Conversation { dialect, topics, asking, .. } = self;
        let address = |place| topics.get(place).map(|slot| slot.address.clone());
        let (request, turn) = asking.turn(now.elapsed, address, |one, other| dialect.fits(one, other))?;
        let text = match turn {
            Turn::Leave(topics) => {
                dialect.message(Verb::Unsubscribe, request, &topics.iter().collect::<Vec<_>>())
            }
            Turn::Want(places) => {
                let topics = places.iter().filter_map(|place| topics.get(*place)).map(|slot| &slot.address);
                dialect.message(Verb::Subscribe, request, &topics.collect::<Vec<_>>())
            }
        };
        if let Some(pace) = &mut self.asking_pace {
            pace.spend(now.elapsed);
        }
        Some(text)
    }

    /// When a ping is due, where the exchange has pings of its own.
    fn ping_due(&self) -> Option<Duration> {
        let has_pings = self.is_open && self.pinged.is_none() && self.dialect.has_pings();
        has_pings.then(|| self.last_ping.max(self.clock.told().unwrap_or_default()) + CLOCK_EVERY)
    }

    fn give_up_waiting(&mut self, now: Now, into: &mut Received) {
        let overdue = self.asking.overdue(now.elapsed);
        let topics = overdue.topics.iter().filter_map(|place| self.topics.get(*place));
        into.events.extend(topics.map(|slot| Event::Unanswered { topic: slot.topic.id }));
        if overdue.is_hopeless {
            self.breaks(BrokenReason::Unanswered, "it does not answer requests for topics", into);
        }
        if self.pinged.is_some_and(|pinged| pinged + PONG_WITHIN <= now.elapsed) {
            self.breaks(BrokenReason::Silent, "it does not answer pings", into);
        }
    }
}

impl<D> Conversation<D> {
    fn book_topic(&mut self, topic: TopicId) -> Option<&mut BookTopic> {
        match &mut self.topics.get_mut(self.topics.place(topic)?)?.rows {
            TopicRows::Book(own) => Some(own),
            _ => None,
        }
    }
}

impl<D: Dialect> Session for Conversation<D> {
    fn opened(&mut self, now: Now) {
        self.is_open = true;
        self.last_ping = now.elapsed;
    }

    fn want(&mut self, topic: Topic) -> Result<(), NotOffered> {
        let (exchange, line) = (self.dialect.exchange(), self.line);
        let rules = self.dialect.book_rules();
        let counts_contracts = self.dialect.counts_contracts(&topic);
        let shared = Shared { closing: self.dialect.closing(), rules, counts_contracts };
        let (offer, channel) = offered(exchange, self.dialect.offers(), line, &topic)?;
        let address = Address { symbol: self.dialect.symbol(&topic)?, channel };
        if self.topics.has(topic.id, &address) {
            return Err(NotOffered::Twice);
        }
        if self.topics.len() >= line.limits.topics {
            return Err(NotOffered::Full { exchange, line: line.name, topics: line.limits.topics });
        }
        let place = self.topics.insert(Slot::new(topic, address, offer, shared));
        self.asking.want(place);
        Ok(())
    }

    fn leave(&mut self, topic: TopicId) {
        let Some(place) = self.topics.place(topic) else { return };
        if let Some(slot) = self.topics.remove(place) {
            self.asking.leave(place, slot.address);
        }
    }

    fn text(&mut self, frame: &str, now: Now, into: &mut Received) {
        into.counts.frames += 1;
        self.pinged = None;
        let Conversation { dialect, topics, asking, clock, pace, .. } = self;
        let mut frame_handler = FrameHandler { now, topics, asking, clock, pace, into, has_lost: false };
        if let Err(unreadable) = dialect.read(frame, &mut frame_handler) {
            frame_handler.lose(frame, &unreadable.0);
        }
        if frame_handler.has_lost {
            self.doubt(now, into);
        }
    }

    fn unreadable(&mut self, why: &str, now: Now, into: &mut Received) {
        into.counts.frames += 1;
        into.events.push(Event::unreadable("", why));
        self.doubt(now, into);
    }

    fn tick(&mut self, now: Now, into: &mut Received) {
        self.give_up_waiting(now, into);
        let heard = self.clock.newest();
        let (times, for_candles) = (self.clock.times(), self.clock.times_for_candles());
        let mut anew = Vec::new();
        for slot in self.topics.iter_mut().filter(|slot| slot.granted.is_some()) {
            // A time told before the topic was granted says nothing of the topic.
            let is_of_candles = matches!(slot.rows, TopicRows::Candles(_));
            let times = if is_of_candles { for_candles } else { times };
            let begins = heard.filter(|_| slot.granted.is_some_and(|granted| granted < times));
            let id = slot.topic.id;
            match &mut slot.rows {
                TopicRows::Trades(rows) => {
                    begins.into_iter().for_each(|at| rows.begin(at));
                    into.events.extend(rows.settle(heard).map(|gap| hole(id, gap)));
                }
                TopicRows::Candles(rows) => {
                    begins.into_iter().for_each(|at| rows.begin(at));
                    settle(into, id, rows.tick(heard));
                }
                TopicRows::Book(rows) => {
                    if rows.tick(now, heard, into) {
                        anew.push(slot.topic.id);
                    }
                }
            }
        }
        anew.into_iter().for_each(|topic| self.ask_anew(topic));
    }

    fn send(&mut self, now: Now) -> Option<String> {
        if !self.is_open || self.pace.next() > now.elapsed {
            return None;
        }
        let text = match self.opening.take().or_else(|| self.ask(now)) {
            Some(text) => text,
            None if self.ping_due()? <= now.elapsed => {
                self.pinged = Some(now.elapsed);
                self.last_ping = now.elapsed;
                let request = self.asking.number();
                self.dialect.ping(request)?
            }
            None => return None,
        };
        self.pace.spend(now.elapsed);
        Some(text)
    }

    fn spent(&mut self, now: Now) {
        if self.line.limits.counts_control_frames {
            self.pace.spend(now.elapsed);
        }
    }

    fn wakes(&self) -> Option<Duration> {
        let may_ask = self.asking_pace.as_ref().map_or(Duration::ZERO, Pace::next);
        let asks = (self.is_open && (self.opening.is_some() || self.asking.has_turn()))
            .then(|| self.pace.next().max(may_ask));
        let pongs = self.pinged.map(|pinged| pinged + PONG_WITHIN);
        let books = self.topics.books().filter_map(|place| match &self.topics.get(place)?.rows {
            TopicRows::Book(rows) => rows.due(),
            _ => None,
        });
        [asks, pongs, self.asking.deadline(), self.ping_due(), books.min()].into_iter().flatten().min()
    }

    fn heard(&self) -> Option<Micros> {
        self.clock.newest()
    }

    fn covered(&self, topic: TopicId) -> Option<Window> {
        let slot = self.topics.get(self.topics.place(topic)?)?;
        match &slot.rows {
            TopicRows::Trades(rows) => rows.covered(self.clock.newest()),
            TopicRows::Candles(rows) => rows.covered(self.clock.newest()),
            TopicRows::Book(rows) => rows.covered(),
        }
    }

    fn give_book(&mut self, topic: TopicId, rows: Option<&Batch>, now: Now, into: &mut Received) {
        let heard = self.clock.newest();
        if let Some(own) = self.book_topic(topic) {
            own.give(rows, now, heard, into);
        }
    }

    fn begin_audit(&mut self, topic: TopicId) {
        if let Some(own) = self.book_topic(topic) {
            own.begin_audit();
        }
    }

    fn give_audit(
        &mut self,
        topic: TopicId,
        rows: Option<&Batch>,
        levels: u32,
        now: Now,
        into: &mut Received,
    ) {
        let heard = self.clock.newest();
        match self.book_topic(topic) {
            Some(own) => own.give_audit(rows, levels as usize, now, heard, into),
            None => into.events.push(Event::Audited { topic, outcome: AuditOutcome::Undecided }),
        }
    }

    fn lose_book(&mut self, topic: TopicId, now: Now, into: &mut Received) {
        if let Some(own) = self.book_topic(topic) {
            own.lose_rows(now, into);
        }
    }

    fn book(&self, topic: TopicId) -> Option<PresentBook<'_>> {
        match &self.topics.get(self.topics.place(topic)?)?.rows {
            TopicRows::Book(rows) => rows.present(),
            _ => None,
        }
    }

    fn waiting_bytes(&self) -> usize {
        let of_slot = |slot: &Slot| match &slot.rows {
            TopicRows::Book(rows) => rows.book.waiting_bytes(),
            TopicRows::Trades(_) | TopicRows::Candles(_) => 0,
        };
        self.topics.iter().map(of_slot).sum()
    }

    fn since(&self, topic: TopicId) -> Option<Micros> {
        match &self.topics.get(self.topics.place(topic)?)?.rows {
            TopicRows::Trades(rows) => rows.since(),
            TopicRows::Candles(rows) => rows.since(),
            TopicRows::Book(rows) => rows.since(),
        }
    }

    fn resume(&mut self, topic: TopicId, held: Mark, into: &mut Received) {
        let place = self.topics.place(topic);
        let slot = place.and_then(|place| self.topics.get_mut(place));
        if let Some(Slot { rows: TopicRows::Trades(rows), .. }) = slot {
            into.events.extend(rows.resume(held).map(|gap| hole(topic, gap)));
        }
    }

    fn newest(&self, topic: TopicId) -> Option<Mark> {
        match &self.topics.get(self.topics.place(topic)?)?.rows {
            TopicRows::Trades(rows) => rows.held(),
            TopicRows::Candles(_) | TopicRows::Book(_) => None,
        }
    }

    fn topics(&self) -> TopicCounts {
        let live = self.topics.iter().filter(|slot| slot.granted.is_some()).count();
        TopicCounts { pending: self.topics.len() - live, live }
    }
}
