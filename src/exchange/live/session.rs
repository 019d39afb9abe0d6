//! One conversation with an exchange over one connection, without its socket.

use std::time::Duration;

use thiserror::Error;

use crate::exchange::live::{Book, Mark, Now, Received, Topic, TopicId};
use crate::model::{Batch, Micros, Window};

/// The state of one connection's protocol. It has no socket, clock or log: a driver brings frames and the time, and
/// does what it is told.
///
/// A driver, for each connection:
///
/// 1. makes a session of a [`Line`](crate::exchange::live::Line) and calls [`want`](Session::want) for its topics, at most
///    as many as the line bears, each with the newest trade it holds;
/// 2. connects, calls [`opened`](Session::opened), then sends what [`send`](Session::send) gives until it gives none;
/// 3. reads until the socket is empty or a bound of its own is reached, and calls [`text`](Session::text) for each text
///    message; then calls [`tick`](Session::tick) once, sends what there is to send, and hands over
///    [`Received`]: first its batches, then its events, with [`covered`](Session::covered) of the topics it vouches for in
///    the same breath; then clears it;
/// 4. without frames calls `tick` when [`wakes`](Session::wakes) says, and sends what there is to send;
/// 5. sends the line's protocol pings and answers the exchange's, and calls [`spent`](Session::spent) for each, so that the
///    session keeps within what the line counts;
/// 6. closes at [`Event::Broken`](crate::exchange::live::Event::Broken), and at the end of the connection drops the session:
///    a new connection has a new one. [`newest`](Session::newest) is what each topic begins with there.
///
/// A binary message is [`unreadable`](Session::unreadable).
pub trait Session: Send {
    /// The connection is open; until then nothing is sent.
    fn opened(&mut self, now: Now);

    /// Listens to a topic from now on.
    ///
    /// # Errors
    /// When the line does not offer it, or bears no more.
    fn want(&mut self, topic: Topic) -> Result<(), NotOffered>;

    /// Listens to a topic no more. What still comes of it is left out.
    fn leave(&mut self, topic: TopicId);

    /// Reads a text message.
    fn text(&mut self, frame: &str, now: Now, into: &mut Received);

    /// A message came that is no text, or none that is UTF-8.
    fn unreadable(&mut self, why: &str, now: Now, into: &mut Received);

    /// Does what the time asks for: closes candles, gives up waiting for answers.
    fn tick(&mut self, now: Now, into: &mut Received);

    /// The next text to send. Returns `None` if there is none, or the line's limit says to wait: see
    /// [`wakes`](Session::wakes).
    fn send(&mut self, now: Now) -> Option<String>;

    /// The driver sent a ping or a pong.
    fn spent(&mut self, now: Now);

    /// When [`tick`](Session::tick) and [`send`](Session::send) are to be called next, by the driver's monotonic time;
    /// earlier is harmless.
    fn wakes(&self) -> Option<Duration>;

    /// The newest time that the exchange told on this connection.
    fn heard(&self) -> Option<Micros>;

    /// The window of a topic that the batches hold: every row of this window (of candles, every open) was received on this
    /// connection, **but for the holes told since it began**. It reaches to the newest row whose number proves it, or
    /// to the newest time the exchange told less the grace of the offer, never to our clock. A book covers the time in which it was in step, but for the times that events
    /// tell out of step. It only says what the
    /// connection shows: whether a quiet topic is alive is another question.
    fn covered(&self, topic: TopicId) -> Option<Window>;

    /// Takes the whole book that [`Event::BookWanted`](crate::exchange::live::Event::BookWanted) asked for, as rows of an
    /// answer over REST with as many levels; `None` if it could not be had, after which it is asked for again.
    fn give_book(&mut self, _: TopicId, _rows: Option<&Batch>, _now: Now, _into: &mut Received) {}

    /// Rows of a book were lost behind the session: it begins anew with a fresh one, and says so with
    /// [`Event::OutOfStep`](crate::exchange::live::Event::OutOfStep) in any case.
    fn lose_book(&mut self, _: TopicId, _now: Now, _into: &mut Received) {}

    /// The book of a topic is to be compared with an answer over REST that is asked for after this.
    fn begin_audit(&mut self, _: TopicId) {}

    /// Takes that answer, with so many levels a side; `None` if it could not be had. Says with
    /// [`Event::Audited`](crate::exchange::live::Event::Audited) what came of it, and begins anew a book that two in a row
    /// contradict.
    fn give_audit(
        &mut self,
        _: TopicId,
        _rows: Option<&Batch>,
        _levels: u32,
        _now: Now,
        _into: &mut Received,
    ) {
    }

    /// The present book of a topic, if it is in step.
    fn book(&self, _: TopicId) -> Option<PresentBook<'_>> {
        None
    }

    /// The memory of the updates that wait for whole books, in bytes.
    fn waiting_bytes(&self) -> usize {
        0
    }

    /// From which instant on a topic is covered, as soon as anything of it is.
    fn since(&self, topic: TopicId) -> Option<Micros>;

    /// The newest trade of a topic that the caller holds by another connection, told late: from here on the topic is covered
    /// behind it as if it had been wanted with it, and trades between it and the first that came here are a hole.
    fn resume(&mut self, topic: TopicId, held: Mark, into: &mut Received);

    /// The newest trade of a topic, where ids are contiguous and none of its instant is unknown.
    fn newest(&self, topic: TopicId) -> Option<Mark>;

    /// The topics by state.
    fn topics(&self) -> TopicCounts;
}

/// A book that is in step, as of its last update.
#[derive(Clone, Copy, Debug)]
pub struct PresentBook<'a> {
    /// Its levels.
    pub book: &'a Book,
    /// The exchange's time of the last update.
    pub ts: Micros,
    /// When that was received.
    pub received: Micros,
    /// Its number, where it has one.
    pub seq: Option<i64>,
}

/// How many topics a session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicCounts {
    /// Not asked for yet, or not answered yet.
    pub pending: usize,
    /// Acknowledged.
    pub live: usize,
}

/// Why a session does not take a topic.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotOffered {
    /// The exchange has no such topic here.
    #[error("{exchange} sends no {what} over its {line} line")]
    Unknown {
        /// The exchange.
        exchange: &'static str,
        /// The line.
        line: &'static str,
        /// The kind and span.
        what: String,
    },
    /// Its rows could not be counted.
    #[error("the listing of {symbol} does not say what a contract is")]
    Sizeless {
        /// The exchange's name of it.
        symbol: String,
    },
    /// The number, or the series, is listened to already.
    #[error("it is listened to already")]
    Twice,
    /// The line bears no more.
    #[error("the {line} line of {exchange} bears {topics} topics a connection")]
    Full {
        /// The exchange.
        exchange: &'static str,
        /// The line.
        line: &'static str,
        /// How many it bears.
        topics: usize,
    },
}
