//! Why a page, a window or a run failed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::exchange::{ParseError, RefusalKind};
use crate::model::{Series, Window};
use crate::net::{Advice, NetError};
use crate::store::StoreError;
use crate::telemetry::Reason;
use crate::tracker::Refusal;

/// Why a page could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// There was no usable answer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// There was an answer, but it cannot be parsed.
    #[error("an answer of {exchange} cannot be used")]
    Parse {
        /// The exchange.
        exchange: &'static str,
        /// The parse error.
        source: ParseError,
    },
}

impl FetchError {
    /// Whether to retry, wait or give up.
    #[must_use]
    pub(crate) fn advice(&self) -> Advice {
        match self {
            FetchError::Net(error) => error.advice(),
            FetchError::Parse { source: ParseError::Refused(refusal), .. } => match refusal.kind {
                RefusalKind::UnknownSymbol | RefusalKind::Permanent => Advice::GiveUp,
                RefusalKind::RateLimit | RefusalKind::Temporary => Advice::Retry,
            },
            FetchError::Parse { .. } => Advice::Retry,
        }
    }

    /// Whether every other page of the series would fail in the same way.
    #[must_use]
    pub(crate) fn is_final(&self) -> bool {
        self.advice() == Advice::GiveUp
    }

    /// The number of impossible rows because of which the page was refused.
    pub(crate) fn impossible_rows(&self) -> u64 {
        match self {
            FetchError::Parse { source: ParseError::MostlyOdd { odd, .. }, .. } => *odd as u64,
            FetchError::Parse { source: ParseError::Impossible { .. }, .. } => 1,
            _ => 0,
        }
    }

    /// The reason it counts under in metrics.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            FetchError::Net(error) => error.reason(),
            FetchError::Parse { source: ParseError::Refused(_), .. } => Reason::Refused,
            FetchError::Parse { .. } => Reason::Parse,
        }
    }
}

/// A run that ended without everything it wanted.
#[derive(Debug)]
pub struct RunError {
    /// The series it ran for.
    pub series: Arc<Series>,
    pub kind: RunErrorKind,
}

/// Why a run ended without everything it wanted.
#[derive(Debug, Error)]
pub enum RunErrorKind {
    /// Windows could not be fetched; they are gaps, and the next run requests them again.
    #[error(
        "{failed} of {planned} windows failed and stay gaps until the next run, the first {window} after {attempts} attempts"
    )]
    Windows {
        /// Windows that failed.
        failed: usize,
        /// Windows planned.
        planned: usize,
        /// The first of them.
        window: Window,
        /// The attempts made at it.
        attempts: u32,
        /// Its last error.
        source: FetchError,
    },
    /// The clock, the listing or the asset names, which a run needs before its first page, could not be
    /// fetched.
    #[error("the run could not begin")]
    Unprepared(#[source] FetchError),
    /// The store failed.
    #[error("its files cannot be used")]
    Store(#[source] StoreError),
    /// The exchange has no such rows.
    #[error("{exchange} has no {what}; see the exchange's offer and correct the job")]
    NoOffer {
        /// The exchange.
        exchange: &'static str,
        /// The requested kind, span and pair.
        what: String,
    },
    /// Its task may not be worked on.
    #[error("not run")]
    Refused(#[source] Refusal),
    /// Another process writes the series.
    #[error("worker {worker} writes it; run this there")]
    NotOwner {
        /// The owner's id.
        worker: String,
    },
    /// This process owns the series, but the rows that its previous owner published cannot be fetched.
    #[error("not run before it is taken over from the fleet's bucket")]
    NotTakenOver(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The program is stopping; accepted rows are stored.
    #[error("stopped before everything was fetched; the next run goes on from there")]
    Stopped,
    /// No row came of it live.
    #[error("not live: {words}")]
    NotLive {
        /// The exchange's words, or those of the connection's end.
        words: String,
    },
    /// Work on files panicked.
    #[error("the work on its files broke off: {reason}; please report this")]
    Broken {
        /// The panic message.
        reason: String,
    },
}

impl RunErrorKind {
    /// The error of a run for `series`.
    #[must_use]
    pub fn of(self, series: &Arc<Series>) -> RunError {
        RunError { series: Arc::clone(series), kind: self }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.series, self.kind)
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

impl RunError {
    /// Whether the run was ended by the program's stop rather than by a failure.
    #[must_use]
    pub(crate) fn is_stop(&self) -> bool {
        matches!(self.kind, RunErrorKind::Stopped)
    }

    /// The reason it counts under in metrics.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match &self.kind {
            RunErrorKind::Windows { source, .. } | RunErrorKind::Unprepared(source) => source.reason(),
            RunErrorKind::Store(_) | RunErrorKind::NotTakenOver(_) => Reason::Storage,
            RunErrorKind::Stopped => Reason::Cancelled,
            RunErrorKind::NoOffer { .. }
            | RunErrorKind::Refused(_)
            | RunErrorKind::NotOwner { .. }
            | RunErrorKind::NotLive { .. }
            | RunErrorKind::Broken { .. } => Reason::Other,
        }
    }

    /// How long the exchange asked to wait, if that is why the run failed.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        let (RunErrorKind::Windows { source, .. } | RunErrorKind::Unprepared(source)) = &self.kind else {
            return None;
        };
        match source.advice() {
            Advice::Wait(wait) => Some(wait),
            _ => None,
        }
    }
}
