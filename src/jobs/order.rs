//! A run's order, its progress and its outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::exchange::Instrument;
use crate::jobs::{Retry, RunError};
use crate::model::{Micros, Pair, Series};
use crate::net::Client;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Shared by the runs of an exchange.
pub struct Context {
    /// The store for its rows.
    pub store: Store,
    /// The exchange's client.
    pub client: Arc<Client>,
    pub telemetry: Telemetry,
    /// How long accepted rows may wait to be published.
    pub flush_interval: Duration,
    /// Windows of one series fetched side by side.
    pub walks_at_once: usize,
    /// The instruments that pairs resolved to since the program started.
    pub instruments: Mutex<HashMap<Pair, Instruments>>,
}

/// The instrument a pair is listed as, and its predecessor.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// The present instrument.
    pub now: Arc<Instrument>,
    /// The contract that a dated pair named until it expired.
    pub before: Option<Arc<Instrument>>,
}

/// The beginning of the wanted history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// This instant; nothing before it is fetched in this run.
    Exactly(Micros),
    /// This instant, or an earlier one requested before.
    AtLeast(Micros),
    /// The exchange's first row.
    Origin,
    /// The earliest instant ever requested, else the newest page.
    Known,
}

/// How urgent the requests of an order are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precedence {
    /// Ahead of everything else of the exchange: a live series misses these rows.
    Live,
    /// In order of arrival.
    #[default]
    Ordinary,
    /// Like `Ordinary`, but holes between stored rows are filled last, behind others and within a share of the limit.
    RepairsLast,
}

/// The data to collect, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub series: Arc<Series>,
    /// The beginning of the wanted range.
    pub since: Since,
    /// The exclusive end of the wanted range; the present if `None`.
    pub until: Option<Micros>,
    /// The retry policy.
    pub retry: Retry,
    /// Levels per side of a book.
    pub depth: u32,
    /// How urgent it is.
    pub precedence: Precedence,
}

/// The progress of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Windows done, successful or not.
    pub done: usize,
    /// Windows planned.
    pub planned: usize,
    /// Rows received and stored so far.
    pub rows: u64,
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// New rows stored.
    pub rows: u64,
    /// Rows that replaced a different one.
    pub revised: u64,
    /// Windows that were missing and are settled now.
    pub windows: u64,
    /// Requests for rows and listings that were sent, repeated ones too.
    pub requests: u32,
    /// Duration of the run.
    pub took: Duration,
    /// Time of the newest row stored at the end of the run; `None` if it did not get that far.
    pub newest_row: Option<Micros>,
    /// Why it did not get everything it wanted, if so.
    pub error: Option<RunError>,
}

impl Outcome {
    /// A run that failed before it began.
    #[must_use]
    pub(crate) fn of_error(error: RunError) -> Self {
        Outcome { error: Some(error), ..Outcome::nothing() }
    }

    /// A run with nothing to fetch.
    #[must_use]
    pub fn nothing() -> Self {
        Outcome {
            rows: 0,
            revised: 0,
            windows: 0,
            requests: 0,
            took: Duration::ZERO,
            newest_row: None,
            error: None,
        }
    }
}

impl Context {
    /// Locks [`Context::instruments`].
    pub(crate) fn instruments(&self) -> MutexGuard<'_, HashMap<Pair, Instruments>> {
        self.instruments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
