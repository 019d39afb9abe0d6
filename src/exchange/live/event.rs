//! Events of a session, beside rows.

use crate::exchange::live::{AuditOutcome, BookFault, TopicId};
use crate::model::{Micros, OddRow, Window, foreign};

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The exchange sends a topic from now on, by its own word or because a row of it came.
    Acknowledged {
        /// The topic.
        topic: TopicId,
    },
    /// The exchange will not send a topic. The session has forgotten it; the others go on.
    Refused {
        /// The topic.
        topic: TopicId,
        /// The exchange's words.
        words: String,
    },
    /// The exchange said nothing to a request for a topic in time. The session asks again by itself.
    Unanswered {
        /// The topic.
        topic: TopicId,
    },
    /// Rows of a topic are missing.
    Hole(Hole),
    /// Rows that were told missing have come late: as far as the exchange's numbers show, none is missing in this window.
    Closed {
        /// The topic.
        topic: TopicId,
        /// The window, of the kind of a hole's.
        window: Window,
    },
    /// A whole book is wanted over REST, and is to be given to the session, so that its updates can follow it.
    BookWanted {
        /// The topic.
        topic: TopicId,
        /// The levels of each side.
        levels: u32,
    },
    /// A deeper book is wanted over REST beside one that is in step: an audit with so many levels.
    BookDeeper {
        /// The topic.
        topic: TopicId,
        /// The levels of each side.
        levels: u32,
    },
    /// A book in step was compared with an answer over REST.
    Audited {
        /// The topic.
        topic: TopicId,
        /// The outcome.
        outcome: AuditOutcome,
    },
    /// A book is in step with the exchange from an instant on.
    InStep {
        /// The topic.
        topic: TopicId,
        /// The exchange's time.
        at: Micros,
        /// Why it was not before.
        after: BookFault,
    },
    /// A book is not in step any more. The session brings it into step again by itself.
    OutOfStep {
        /// The topic.
        topic: TopicId,
        /// Up to where it was known.
        at: Micros,
        /// The reason, one of few: a label of metrics.
        fault: BookFault,
    },
    /// A row that cannot be true was left out.
    Odd {
        /// The topic.
        topic: TopicId,
        /// The row and its fault.
        row: OddRow,
    },
    /// A frame could not be read. Whatever it held is missing: ids show it of trades, and candles that it may have
    /// changed become holes unless a later frame tells them whole.
    Unreadable {
        /// The fault.
        why: String,
        /// How the frame begins.
        excerpt: String,
    },
    /// Whether the exchange trades at all: where it does not, quiet is right.
    Trading {
        /// Whether it does.
        is_on: bool,
        /// The exchange's word for it.
        words: String,
    },
    /// The exchange complains of something that is no topic's.
    Complaint {
        /// The exchange's words.
        words: String,
    },
    /// The exchange will close this connection at a time it does not name: let another one carry the topics at once, and
    /// go on reading this one until it ends.
    Notice {
        /// The exchange's words.
        words: String,
    },
    /// The connection is of no use any more: close it and connect anew.
    Broken {
        /// The reason, one of few: a label of metrics.
        reason: BrokenReason,
        /// The same for people.
        words: String,
    },
}

impl Event {
    /// A frame that could not be read.
    #[must_use]
    pub fn unreadable(frame: &str, why: &str) -> Self {
        let head = &frame[..frame.floor_char_boundary(EXCERPT_BYTES)];
        Event::Unreadable { why: foreign(why), excerpt: foreign(head) }
    }
}

/// How much of a frame an event shows.
const EXCERPT_BYTES: usize = 200;

/// Rows of a topic that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The topic.
    pub topic: TopicId,
    /// The first and the last number left out, where rows are numbered.
    pub ids: Option<(u64, u64)>,
    /// Where they lie: from the instant of the row before on, up to and with the instant of the row behind. Of candles,
    /// which opens.
    pub window: Window,
    /// How it shows.
    pub reason: HoleReason,
}

/// How it shows that rows are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoleReason {
    /// Numbers, or opens on the grid, were left out.
    LeftOut,
    /// The exchange names a newer trade than it sent.
    NotSent,
    /// The exchange began to count anew.
    Restarted,
    /// A candle ended a while ago and was not told closed.
    Overdue,
    /// A frame that may have changed a candle could not be read, or contradicts what was taken from others.
    Doubtful,
}

impl HoleReason {
    /// Its word in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HoleReason::LeftOut => "left_out",
            HoleReason::NotSent => "not_sent",
            HoleReason::Restarted => "restarted",
            HoleReason::Overdue => "overdue",
            HoleReason::Doubtful => "doubtful",
        }
    }
}

/// Why a connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BrokenReason {
    /// The exchange does not answer requests for topics.
    Unanswered,
    /// The exchange does not answer the session's own pings.
    Silent,
}

impl BrokenReason {
    /// Its word in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BrokenReason::Unanswered => "unanswered",
            BrokenReason::Silent => "silent",
        }
    }
}
