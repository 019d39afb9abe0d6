//! Why a page, a window or a run failed.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::exchange::{ParseError, RefusalKind};
use crate::model::{Series, Window};
use crate::net::{Advice, NetError};
use crate::store::StoreError;
use crate::telemetry::Reason;
use crate::tracker::Refusal;

/// Why a page could not be had.
#[derive(Debug, Error)]
pub enum FetchError {
    /// There was no usable answer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// There was an answer, and it is not one.
    #[error("an answer of {exchange} cannot be used")]
    Parse {
        /// Who answered.
        exchange: &'static str,
        /// The fault.
        source: ParseError,
    },
}

impl FetchError {
    /// The advice: retry, wait or give up.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            FetchError::Net(error) => error.advice(),
            FetchError::Parse { source: ParseError::Refused(refusal), .. } => match refusal.kind {
                RefusalKind::UnknownSymbol | RefusalKind::Permanent => Advice::GiveUp,
                RefusalKind::RateLimit | RefusalKind::Temporary => Advice::Retry,
            },
            FetchError::Parse { .. } => Advice::Retry,
        }
    }

    /// Whether every other page of the series would meet the same.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.advice() == Advice::GiveUp
    }

    /// How many rows cannot be true, where a page was refused for them.
    pub(crate) fn impossible_rows(&self) -> u64 {
        match self {
            FetchError::Parse { source: ParseError::MostlyOdd { odd, .. }, .. } => *odd as u64,
            FetchError::Parse { source: ParseError::Impossible { .. }, .. } => 1,
            _ => 0,
        }
    }

    /// The word this counts under.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            FetchError::Net(error) => error.reason(),
            FetchError::Parse { source: ParseError::Refused(_), .. } => Reason::Refused,
            FetchError::Parse { .. } => Reason::Parse,
        }
    }
}

/// Why a run ended without everything it wanted.
#[derive(Debug, Error)]
pub enum RunError {
    /// Windows could not be fetched; they are gaps, and the next run asks for them again.
    #[error(
        "{series}: {failed} of {planned} windows failed and stay gaps until the next run, the first {window} after {attempts} attempts"
    )]
    Windows {
        /// The series.
        series: Arc<Series>,
        /// How many failed.
        failed: usize,
        /// How many there were.
        planned: usize,
        /// The first of them.
        window: Window,
        /// How often it was tried.
        attempts: u32,
        /// Why it failed.
        source: FetchError,
    },
    /// The clock, the listing or the names, which a run needs before its first page, could not be read.
    #[error("{series}: the run could not begin")]
    Unprepared {
        /// The series.
        series: Arc<Series>,
        /// Why.
        source: FetchError,
    },
    /// The store could not do its work.
    #[error("{series}: its files cannot be used")]
    Store {
        /// The series.
        series: Arc<Series>,
        /// Why.
        source: StoreError,
    },
    /// The exchange has no such rows.
    #[error("{series}: {exchange} has no {what}; see the exchange's offer and correct the job")]
    NoOffer {
        /// The series.
        series: Arc<Series>,
        /// Who.
        exchange: &'static str,
        /// The object of the request.
        what: String,
    },
    /// Its task is not to be worked on.
    #[error("{series}: not run")]
    Refused {
        /// The series.
        series: Arc<Series>,
        /// Why.
        source: Refusal,
    },
    /// Another process writes the series.
    #[error("{series} is written by {worker}; what is to be done for it is done there")]
    NotOwner {
        /// The series.
        series: Arc<Series>,
        /// Who owns it.
        worker: String,
    },
    /// It is ours, and what its owner before published cannot be had.
    #[error("{series}: not run before it is taken over from the fleet's bucket")]
    NotTakenOver {
        /// The series.
        series: Arc<Series>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The program is stopping; what was accepted is stored.
    #[error("{series}: stopped before everything was fetched; the next run goes on from there")]
    Stopped {
        /// The series.
        series: Arc<Series>,
    },
    /// Work on files was cut off from within.
    #[error("{series}: the work on its files broke off: {reason}; please report this")]
    Broken {
        /// The series.
        series: Arc<Series>,
        /// A description.
        reason: String,
    },
}

impl RunError {
    /// The word this counts under.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            RunError::Windows { source, .. } | RunError::Unprepared { source, .. } => source.reason(),
            RunError::Store { .. } | RunError::NotTakenOver { .. } => Reason::Storage,
            RunError::Stopped { .. } => Reason::Cancelled,
            RunError::NoOffer { .. }
            | RunError::Refused { .. }
            | RunError::NotOwner { .. }
            | RunError::Broken { .. } => Reason::Other,
        }
    }

    /// How long the exchange asked us to wait, where that is why the run failed.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            RunError::Windows { source, .. } | RunError::Unprepared { source, .. } => match source.advice() {
                Advice::Wait(wait) => Some(wait),
                _ => None,
            },
            _ => None,
        }
    }
}
