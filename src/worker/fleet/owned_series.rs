//! One series that this process owns, and the reason it stays.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::Series;
use crate::worker::fleet::share::Hold;

/// A series that this process owns.
pub(super) struct OwnedSeries {
    pub(super) series: Arc<Series>,
    pub(super) fence: u64,
    pub(super) ends: Instant,
    pub(super) runs: HashMap<u64, Run>,
    /// Whether some of it is not uploaded yet.
    pub(super) is_dirty: bool,
    /// Whether the fleet asked for it: no run begins.
    pub(super) is_leaving: bool,
}

/// Why a series is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its job is due.
    Scheduled,
    /// A request: an unowned series is taken.
    Asked,
    /// It is listened to until the fleet asks for it.
    Live,
}

/// A run under way.
pub(super) struct Run {
    pub(super) stop: CancellationToken,
    pub(super) is_live: bool,
    /// Whether it stops when the lease expires.
    pub(super) is_guarded: bool,
}

/// The right of a run, given back when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunToken {
    pub(super) number: u64,
    /// The fence of the ownership it runs under.
    pub(crate) fence: u64,
}

impl OwnedSeries {
    /// Whether it may be given up at once.
    pub(super) fn is_idle(&self) -> bool {
        self.runs.is_empty() && !self.is_dirty
    }

    /// The reason it stays here; a stream is asked to end only if `may_ask`.
    pub(super) fn hold(&self, may_ask: bool) -> Hold {
        if self.is_idle() {
            Hold::Idle
        } else if may_ask && !self.runs.is_empty() && self.runs.values().all(|run| run.is_live) {
            Hold::Live
        } else {
            Hold::Busy
        }
    }
}
