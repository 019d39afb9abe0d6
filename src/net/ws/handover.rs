//! The bounded channel between a connection and its caller: updates one way, commands the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::exchange::live::{Level, PresentBook, Received, Topic, TopicId};
use crate::model::{Batch, Micros, Window};
use crate::net::ws::dial::DialError;
use crate::net::ws::ended::Ended;

/// How many updates wait for the caller before the socket is left unread.
pub(super) const WAITING: usize = 4;

/// How many handovers are in use at a time: those that wait, and a few that are filled, accepted or on their way back.
const IN_USE: usize = WAITING + 4;

/// One batch of what was read.
#[derive(Debug, Default)]
pub struct Handover {
    /// The rows and events.
    pub received: Received,
    /// Windows that the connection vouches for, except for the holes it reported; every row of them has been handed over.
    /// Topics with rows here are among them; once a second, all topics are.
    pub covered: Vec<(TopicId, Window)>,
    /// The newest exchange time received on this connection.
    pub heard: Option<Micros>,
    /// The memory of the updates that wait for whole books, in bytes; told once a second.
    pub waiting_bytes: Option<usize>,
    /// When the first of its frames was read.
    pub read_at: Option<Instant>,
    /// Whether the connection has ended and hands over nothing more.
    pub is_last: bool,
}

/// A report from a connection.
#[derive(Debug)]
pub enum Update {
    /// It begins to connect.
    Connecting,
    /// It is open.
    Connected,
    /// It read something.
    Received(Box<Handover>),
    /// It could not connect, and will try again after a wait.
    Failed {
        /// The reason.
        error: DialError,
    },
    /// It ended, after everything it had read was handed over.
    Disconnected {
        /// The reason.
        why: Ended,
        /// Whether any topic was acknowledged on it.
        was_live: bool,
    },
    /// A second connection is open beside the first, to take its topics over before it goes. Rows may come from both.
    StandbyConnected,
    /// The second connection could not be made, and is tried again; the first goes on.
    StandbyFailed {
        /// The reason.
        error: DialError,
    },
    /// The second connection ended before it took over, and is made anew; the first goes on.
    StandbyEnded {
        /// The reason.
        why: Ended,
    },
    /// The first connection ended, after everything it had read was handed over, and the second carries all topics.
    TakenOver {
        /// Why the first one ended.
        why: Ended,
    },
}

/// An instruction to a connection.
#[derive(Clone, Debug)]
pub enum Command {
    /// Listen to a topic too.
    Want(Topic),
    /// Listen to a topic no more. A connection without topics is closed until there is one.
    Leave(TopicId),
    /// Take the whole book that a topic asked for; `None` if it could not be had.
    Book {
        /// The topic.
        topic: TopicId,
        /// Its rows.
        rows: Option<Batch>,
    },
    /// Begin a book anew, since rows of it were lost.
    BookLost(TopicId),
    /// Begin to compare a book that is in step with an answer over REST, which is asked for after this.
    BeginAudit(TopicId),
    /// Take that answer; `None` if it could not be had.
    Audit {
        /// The topic.
        topic: TopicId,
        /// Its rows.
        rows: Option<Batch>,
        /// The levels of each side that were asked for.
        levels: u32,
    },
    /// Show the present book of a topic; `None` where it is not in step.
    ShowBook {
        /// The topic.
        topic: TopicId,
        /// The most levels of each side.
        levels: usize,
        /// Where to.
        to: mpsc::Sender<Option<ShownBook>>,
    },
    /// Close what there is and connect anew.
    Reconnect,
}

/// The best levels of a live book.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownBook {
    /// The exchange's time of the last update.
    pub ts: Micros,
    /// When that was received.
    pub received: Micros,
    /// Its number, where it has one.
    pub seq: Option<i64>,
    /// Highest first.
    pub bids: Vec<Level>,
    /// Lowest first.
    pub asks: Vec<Level>,
}

impl ShownBook {
    pub(super) fn of(present: &PresentBook<'_>, levels: usize) -> Self {
        let PresentBook { book, ts, received, seq } = *present;
        let [bids, asks] = book.sides().map(|side| side.levels().take(levels).copied().collect());
        ShownBook { ts, received, seq, bids, asks }
    }
}

/// The caller's end.
#[derive(Debug)]
pub struct Inlet {
    updates: mpsc::Receiver<Update>,
    used: mpsc::Sender<Box<Handover>>,
}

impl Inlet {
    /// The next update. Returns `None` once the connection has ended for good.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.recv().await
    }

    /// Gives a handover back, so that its room is used again.
    pub fn give_back(&self, mut handover: Box<Handover>) {
        handover.received.clear();
        handover.covered.clear();
        (handover.waiting_bytes, handover.read_at, handover.is_last) = (None, None, false);
        // Where enough wait already, its room goes.
        let _ = self.used.try_send(handover);
    }
}

/// The connection's end, shared by two sockets while one takes over from the other.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) updates: mpsc::Sender<Update>,
    used: Arc<Mutex<mpsc::Receiver<Box<Handover>>>>,
}

impl Outlet {
    /// An empty handover.
    pub(super) fn fresh(&self) -> Box<Handover> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.try_recv().unwrap_or_default()
    }
}

/// Both ends.
pub(super) fn channel() -> (Outlet, Inlet) {
    let (updates, incoming) = mpsc::channel(WAITING);
    let (used, returned) = mpsc::channel(IN_USE);
    (Outlet { updates, used: Arc::new(Mutex::new(returned)) }, Inlet { updates: incoming, used })
}
