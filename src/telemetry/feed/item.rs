//! An event on the feed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::model::{Batch, Micros, Series};
use crate::telemetry::labels::{FeedKind, LiveState};

/// The most bytes of an error.
const ERROR_BYTES: usize = 1_024;
/// The memory of an event without its texts, about; its text as it is sent is included.
const EVENT_BYTES: usize = 512;
/// The same of each series with rows.
const SERIES_BYTES: usize = 256;
/// The same of a row, once here and once as text.
const ROW_BYTES: usize = 320;

/// An event.
#[derive(Debug)]
pub struct FeedEvent {
    /// Its number in this process.
    pub number: u64,
    /// When it happened.
    pub at: Micros,
    /// The event itself.
    pub item: FeedItem,
    /// As it is sent to a reader of everything.
    text: OnceLock<bytes::Bytes>,
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedItem {
    /// Rows were accepted, by series.
    Rows(BTreeMap<Series, u64>),
    /// A run began or ended.
    Run {
        /// Its series.
        series: Series,
        /// How it stands.
        state: RunState,
        /// New rows, once it ended.
        rows: Option<u64>,
        /// Why it failed.
        error: Option<String>,
    },
    /// A job was paused or resumed.
    Job {
        /// Its series.
        series: Series,
        /// Paused rather than resumed.
        is_paused: bool,
    },
    /// A live series is in another state.
    Stream {
        /// The series.
        series: Series,
        /// Its state.
        state: LiveState,
    },
    /// The daemon's health changed.
    Health {
        /// `healthy`, `degraded` or `unhealthy`.
        status: &'static str,
        /// The problems, if there are any.
        reasons: Vec<String>,
    },
    /// Rows received live were accepted. It is on the [`Tap`](super::Tap) alone.
    Accepted {
        /// Their series.
        series: Series,
        /// The rows.
        rows: Batch,
    },
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It began.
    Started,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
    /// It was interrupted by the program's stop.
    Stopped,
}

impl RunState {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RunState::Started => "started",
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Stopped => "stopped",
        }
    }
}

impl FeedItem {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FeedKind {
        match self {
            FeedItem::Rows(_) => FeedKind::Rows,
            FeedItem::Run { .. } => FeedKind::Run,
            FeedItem::Job { .. } => FeedKind::Job,
            FeedItem::Stream { .. } => FeedKind::Stream,
            FeedItem::Health { .. } => FeedKind::Health,
            FeedItem::Accepted { .. } => FeedKind::Accepted,
        }
    }

    /// A run that failed.
    pub(in crate::telemetry) fn failed(series: &Series, rows: u64, error: &str) -> Self {
        let error = error[..error.floor_char_boundary(ERROR_BYTES)].to_owned();
        let (series, rows) = (series.clone(), Some(rows));
        FeedItem::Run { series, state: RunState::Failed, rows, error: Some(error) }
    }
}

impl FeedEvent {
    pub(super) fn new(number: u64, item: FeedItem, at: Micros) -> Self {
        FeedEvent { number, at, item, text: OnceLock::new() }
    }

    /// Its text for a reader of everything, which is made once.
    pub fn text(&self, make: impl FnOnce() -> bytes::Bytes) -> bytes::Bytes {
        self.text.get_or_init(make).clone()
    }

    pub(super) fn bytes(&self) -> usize {
        EVENT_BYTES
            + match &self.item {
                FeedItem::Rows(rows) => rows.len() * SERIES_BYTES,
                // Once here and once as text.
                FeedItem::Run { error, .. } => 2 * error.as_ref().map_or(0, String::len),
                FeedItem::Health { reasons, .. } => 2 * reasons.iter().map(String::len).sum::<usize>(),
                FeedItem::Accepted { rows, .. } => rows.len() * ROW_BYTES,
                FeedItem::Job { .. } | FeedItem::Stream { .. } => 0,
            }
    }
}
