//! Records the requests a simulated exchange received: exact counts, and the newest requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::fault::{Endpoint, Fault};

/// The number of requests kept; counting continues beyond.
const KEPT: usize = 100_000;

/// The longest path that is kept completely.
const PATH_BYTES: usize = 1_024;

/// A request and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it arrived, since the start of the simulator.
    pub at: Duration,
    /// The operation.
    pub endpoint: Endpoint,
    /// Path and query.
    pub path: String,
    /// The status of the answer; 0 if there was none.
    pub status: u16,
    /// The fault injected.
    pub fault: Option<Fault>,
}

/// The requests seen.
#[derive(Debug, Default)]
pub(super) struct Log {
    kept: VecDeque<Seen>,
    counts: BTreeMap<(Endpoint, u16), u64>,
}

impl Log {
    pub(super) fn add(&mut self, mut seen: Seen) {
        let cut = (0..=PATH_BYTES.min(seen.path.len())).rfind(|at| seen.path.is_char_boundary(*at));
        seen.path.truncate(cut.unwrap_or(0));
        *self.counts.entry((seen.endpoint, seen.status)).or_default() += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(seen);
    }

    pub(super) fn kept(&self) -> Vec<Seen> {
        self.kept.iter().cloned().collect()
    }

    pub(super) fn counts(&self) -> BTreeMap<(Endpoint, u16), u64> {
        self.counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_exact_when_old_requests_are_dropped() {
        let mut log = Log::default();
        for number in 0..KEPT + 7 {
            log.add(Seen {
                at: Duration::from_secs(number as u64),
                endpoint: Endpoint::Ohlc,
                path: String::new(),
                status: 200,
                fault: None,
            });
        }
        assert_eq!(log.counts()[&(Endpoint::Ohlc, 200)], KEPT as u64 + 7);
        assert_eq!((log.kept().len(), log.kept()[0].at.as_secs()), (KEPT, 7));
    }
}
