//! The part of a socket that differs between exchanges.

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::book::{Changed, SimBook};
use crate::sim::market::Market;
use crate::sim::ws::counters::Counters;
use crate::sim::ws::fault::WsFault;
use crate::sim::ws::limits::{Limits, WsLimit};
use crate::sim::ws::topic::{DELAY, Topic};

/// The words of one exchange on one connection.
pub(in crate::sim) trait Protocol: Send {
    /// The limits of the exchange.
    fn limits(&self) -> Limits;

    /// Called once the connection is open: sends the greeting and subscribes to the topics of the address.
    fn open(&mut self, _talk: &mut Talk<'_>) {}

    /// Answers a client's text.
    fn hear(&mut self, text: &str, talk: &mut Talk<'_>);

    /// A frame of rows.
    fn frame(&self, rows: &Rows<'_>) -> Vec<u8>;

    /// The frames of rows, where it takes several to tell them.
    fn frames(&mut self, rows: &Rows<'_>) -> Vec<Vec<u8>> {
        vec![self.frame(rows)]
    }

    /// Whether trades of one instant share a frame.
    fn gathers_trades(&self) -> bool {
        false
    }

    /// Whether it sends checksums of books.
    fn has_sums(&self) -> bool {
        false
    }

    /// The frame it sends after a second without any other.
    fn heartbeat(&self) -> Option<&'static str> {
        None
    }

    /// The notice that it will close the connection.
    fn notice(&self, _now: Micros) -> Option<String> {
        None
    }
}

/// Rows of one topic for one frame.
pub(in crate::sim) struct Rows<'a> {
    pub(in crate::sim) world: &'a World,
    pub(in crate::sim) topic: &'a Topic,
    pub(in crate::sim) market: &'a Market,
    /// When the frame is published.
    pub(in crate::sim) at: Micros,
    pub(in crate::sim) what: What<'a>,
    /// The fault that strikes the frame.
    pub(in crate::sim) fault: Option<WsFault>,
}

/// The rows themselves.
#[derive(Clone, Copy)]
pub(in crate::sim) enum What<'a> {
    /// Trades by their ids, which follow one another.
    Trades(&'a [u64]),
    /// A candle by its open.
    Candle { open: Micros, is_closed: bool },
    /// The update of a book.
    Book(i64),
    /// No row: a sign of life.
    Heartbeat,
}

impl Rows<'_> {
    /// The levels of a book that an update changes, those to be written: bids, then asks. A fault may add a bid that is
    /// above every ask.
    pub(in crate::sim) fn changed(&self, id: i64, depth: Option<usize>) -> [Changed; 2] {
        let (book, before) = (self.market.book_at_update(id), self.market.book_at_update(id - 1));
        self.crossed(&book, book.since(&before, depth))
    }

    /// The same of a book of so many levels a side, in which those that leave them are told to go.
    pub(in crate::sim) fn changed_of(&self, id: i64, levels: usize) -> [Changed; 2] {
        let of = |id| self.market.book_at_update(id).of_levels(levels);
        self.crossed(&of(id), of(id).since(&of(id - 1), None))
    }

    fn crossed(&self, book: &SimBook, (mut bids, asks): (Changed, Changed)) -> [Changed; 2] {
        if self.fault == Some(WsFault::Crossed) {
            bids.extend(book.asks().nth(1));
        }
        [bids, asks]
    }

    /// The time the frame tells: everything before it has been published.
    pub(in crate::sim) fn told(&self) -> Micros {
        self.at - DELAY
    }
}

/// A connection while its exchange hears or greets its client.
pub(in crate::sim) struct Talk<'a> {
    pub(in crate::sim) world: &'a World,
    pub(in crate::sim) now: Micros,
    /// The connection's number.
    pub(in crate::sim) number: u64,
    pub(in crate::sim) topics: &'a mut Vec<Topic>,
    pub(super) said: &'a mut Vec<Vec<u8>>,
    pub(super) counters: &'a Counters,
    pub(super) exchange: &'static str,
    pub(super) most_topics: usize,
}

impl Talk<'_> {
    /// Sends a text.
    pub(in crate::sim) fn say(&mut self, text: impl Into<Vec<u8>>) {
        self.said.push(text.into());
    }

    /// Whether a subscription is to be refused on purpose.
    pub(in crate::sim) fn refuses(&self) -> bool {
        self.counters.strikes_subscription(self.exchange, &self.world.knobs)
    }

    /// Counts a refused topic.
    pub(in crate::sim) fn refused(&self) {
        self.counters.refused(self.exchange);
    }

    /// Counts a limit that the client overstepped.
    pub(in crate::sim) fn over(&self, limit: WsLimit) {
        self.counters.over(self.exchange, limit);
    }

    /// Whether so many more topics are too many, which is counted.
    pub(in crate::sim) fn is_full(&self, more: usize) -> bool {
        let is_full = self.topics.len() + more > self.most_topics;
        if is_full {
            self.counters.over(self.exchange, WsLimit::Topics);
        }
        is_full
    }

    /// Begins a topic, anew where the connection has it already.
    pub(in crate::sim) fn subscribe(&mut self, topic: Topic) {
        let known = self.topics.iter().position(|own| own.name == topic.name);
        self.counters.subscribed(self.exchange, self.number, known.is_none());
        match known {
            Some(place) => self.topics[place] = topic,
            None => self.topics.push(topic),
        }
    }

    /// Ends a topic; returns whether the connection had it.
    pub(in crate::sim) fn unsubscribe(&mut self, name: &str) -> bool {
        let Some(place) = self.topics.iter().position(|own| own.name == name) else { return false };
        self.topics.remove(place);
        self.counters.unsubscribed(self.exchange, self.number);
        true
    }
}
