//! How one socket takes the topics over from another: what the second knows of the first, and when it is ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::exchange::live::{Mark, Session, TopicId};
use crate::model::Micros;
use crate::net::ws::ended::Ended;
use crate::net::ws::handover::Command;

/// How long a topic whose trades are numbered is listened to on both sockets if nothing shows that they overlap: its
/// next number shows whether anything is missing.
const LINGER: Duration = Duration::from_secs(5);

/// How long at most both are listened to once all topics are acknowledged.
const OVERLAP_WITHIN: Duration = Duration::from_secs(60);

/// An instruction to the task of a socket.
#[derive(Debug)]
pub(super) enum Order {
    /// One of the caller's.
    Obey(Command),
    /// The socket before it ended; these are the newest trades that came over it. What is covered is vouched for from now on.
    TakeOver(Vec<(TopicId, Mark)>),
    /// Hand over what was read, and end for this reason.
    Retire(Ended),
}

/// How far a socket is with each of its topics, for the one that takes over from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Mutex<HashMap<TopicId, Reached>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    /// Where its coverage ends, or will begin.
    until: Option<Micros>,
    /// Whether its trades are numbered without a hole.
    is_numbered: bool,
}

impl Progress {
    /// Writes down how far a topic is.
    pub(super) fn note(&self, topic: TopicId, session: &dyn Session) {
        let until = session.covered(topic).map_or_else(|| session.since(topic), |window| Some(window.until));
        let reached = Reached { until, is_numbered: session.newest(topic).is_some() };
        self.lock().insert(topic, reached);
    }

    fn of(&self, topic: TopicId) -> Reached {
        self.lock().get(&topic).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TopicId, Reached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a socket that is to take over: it vouches for nothing until the one before it has ended.
pub(super) struct Standby {
    before: Progress,
    /// Cancelled once the socket before it is of no use any more.
    ready: CancellationToken,
    /// Since when all of its topics are acknowledged.
    acknowledged: Option<Instant>,
}

impl Standby {
    pub(super) fn new(before: Progress, ready: CancellationToken) -> Self {
        Standby { before, ready, acknowledged: None }
    }

    /// Judges whether it is ready to take over.
    pub(super) fn look(&mut self, session: &dyn Session, topics: impl Iterator<Item = TopicId>) {
        if session.topics().pending > 0 {
            self.acknowledged = None;
            return;
        }
        let waited = self.acknowledged.get_or_insert_with(Instant::now).elapsed();
        let has_lingered = waited >= LINGER;
        if waited >= OVERLAP_WITHIN || { topics }.all(|topic| self.is_joined(session, topic, has_lingered)) {
            self.ready.cancel();
        }
    }

    /// Whether nothing of a topic is missing if the socket before ends now.
    fn is_joined(&self, session: &dyn Session, topic: TopicId, has_lingered: bool) -> bool {
        let before = self.before.of(topic);
        let is_numbered = before.is_numbered || session.newest(topic).is_some();
        // Of a topic that nothing is covered of, nothing can be lost.
        let Some(until) = before.until else { return true };
        session.since(topic).is_some_and(|since| since <= until) || (has_lingered && is_numbered)
    }
}
