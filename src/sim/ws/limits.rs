//! Limits of an exchange for clients of its sockets.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::model::Micros;

/// Something a client did more often than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WsLimit {
    /// Connections of one address within a time.
    Connects,
    /// Messages of one connection within a time.
    Messages,
    /// Topics of one connection.
    Topics,
    /// Messages of one connection that ask for topics, within a time.
    Requests,
    /// It did not subscribe in time, or left a quiet connection without a word.
    Idle,
    /// It left pings without an answer.
    Pongs,
}

/// The limits of an exchange; where one is none, it has none.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Limits {
    /// Connections of one address: how many within which time.
    pub(in crate::sim) connects: Option<(u32, Duration)>,
    /// Messages of a client on one connection, pings and pongs too: how many within which time.
    pub(in crate::sim) messages: Option<(u32, Duration)>,
    /// The most topics of one connection.
    pub(in crate::sim) topics: usize,
    /// How soon it has to subscribe.
    pub(in crate::sim) subscribe_within: Option<Duration>,
    /// How long nothing may be sent to it.
    pub(in crate::sim) quiet: Option<Duration>,
    /// How often the server pings, and how soon it wants an answer.
    pub(in crate::sim) ping: Option<(Duration, Duration)>,
}

impl Limits {
    /// None, to be overridden by struct update.
    pub(in crate::sim) const NONE: Limits = Limits {
        connects: None,
        messages: None,
        topics: usize::MAX,
        subscribe_within: None,
        quiet: None,
        ping: None,
    };
}

/// How often something happened lately.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Recent(VecDeque<Micros>);

impl Recent {
    /// Counts one more; returns whether it is one too many.
    pub(in crate::sim) fn is_over(&mut self, limit: Option<(u32, Duration)>, now: Micros) -> bool {
        let Some((most, within)) = limit else { return false };
        while self.0.front().is_some_and(|at| *at + within <= now) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() > usize::try_from(most).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_within_the_time_counts() {
        let (mut recent, limit) = (Recent::default(), Some((2, Duration::from_secs(1))));
        let over = |recent: &mut Recent, millis| recent.is_over(limit, Micros::from_millis(millis));
        assert!(!over(&mut recent, 0));
        assert!(!over(&mut recent, 500));
        assert!(over(&mut recent, 999));
        assert!(!over(&mut recent, 1_600));
        assert!(!Recent::default().is_over(None, Micros(0)));
    }
}
