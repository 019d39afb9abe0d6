//! The order of a run, its progress and its outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::exchange::Instrument;
use crate::jobs::{Retry, RunError};
use crate::model::{Micros, Pair, Series};
use crate::net::Client;
use crate::store::Store;
use crate::telemetry::Telemetry;

/// Shared by the runs of one exchange.
pub struct Context {
    /// Where rows go.
    pub store: Store,
    /// The exchange's client.
    pub client: Arc<Client>,
    /// Where events go.
    pub telemetry: Telemetry,
    /// How long an accepted row may wait before it is published.
    pub flush_interval: Duration,
    /// Windows of one series that are fetched side by side.
    pub walks_at_once: usize,
    /// The instruments that the exchange has listed the pairs as since the program started.
    pub instruments: Mutex<HashMap<Pair, Instruments>>,
}

/// The instrument that a pair is listed as, and the one before it.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// Now.
    pub now: Arc<Instrument>,
    /// The contract that had the name of a dated pair until it ended.
    pub before: Option<Arc<Instrument>>,
}

/// From where on history is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From this instant on, and nothing before it in this run.
    Exactly(Micros),
    /// From this instant on, or earlier where more was ever asked for.
    AtLeast(Micros),
    /// From the first row the exchange has.
    Origin,
    /// From the earliest instant ever asked for, else the newest page.
    Known,
}

/// The series to collect, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The series.
    pub series: Arc<Series>,
    /// From where on.
    pub since: Since,
    /// Until when, exclusive; the present where it is none.
    pub until: Option<Micros>,
    /// The retry policy.
    pub retry: Retry,
    /// Levels of each side of a book.
    pub depth: u32,
    /// Holes between what is held are filled after all else, within a share of the exchange's limit.
    pub spare_repairs: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Windows done, whatever became of them.
    pub done: usize,
    /// Windows planned.
    pub planned: usize,
    /// Rows received and kept so far.
    pub rows: u64,
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Rows stored that were not there before.
    pub rows: u64,
    /// Rows that replaced one of other content.
    pub revised: u64,
    /// How long it took.
    pub took: Duration,
    /// Time of the newest row stored when it ended; none where it did not come so far.
    pub newest_row: Option<Micros>,
    /// Why it did not get everything it wanted, if it did not.
    pub error: Option<RunError>,
}

impl Outcome {
    /// A run that failed before it began.
    #[must_use]
    pub fn of_error(error: RunError) -> Self {
        Outcome { error: Some(error), ..Outcome::nothing() }
    }

    /// Nothing was to be fetched.
    #[must_use]
    pub fn nothing() -> Self {
        Outcome { rows: 0, revised: 0, took: Duration::ZERO, newest_row: None, error: None }
    }
}

impl Context {
    /// The pairs known to be listed; see the field.
    pub(crate) fn instruments(&self) -> MutexGuard<'_, HashMap<Pair, Instruments>> {
        self.instruments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
