//! How an attempt ended: its outcome, its error, and when to retry. Pure.

use std::time::Duration;

use crate::model::{Micros, escaped};

/// Names of outcomes, in the store and in labels.
pub mod outcome {
    /// The work succeeded.
    pub const SUCCEEDED: &str = "succeeded";
    /// The work failed.
    pub const FAILED: &str = "failed";
    /// Its worker did not renew the lease, or the task was taken away.
    pub const LEASE_LOST: &str = "lease_lost";
    /// The exchange asked to wait; the attempt does not count.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The program stopped; the attempt does not count.
    pub const GIVEN_BACK: &str = "given_back";
    /// It was cancelled.
    pub const CANCELLED: &str = "cancelled";

    pub const ALL: [&str; 6] = [SUCCEEDED, FAILED, LEASE_LOST, RATE_LIMITED, GIVEN_BACK, CANCELLED];
}

/// How an attempt ended, as reported by its holder.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The work is done; a recurring job is due again at `again_at`.
    Succeeded {
        /// When it is due again; `None` if it does not recur.
        again_at: Option<Micros>,
    },
    /// The work failed.
    Failed {
        /// The error.
        fault: Fault,
        /// When to retry.
        next: Next,
    },
    /// The exchange asked to wait; the attempt does not count.
    RateLimited {
        /// The error.
        fault: Fault,
        /// How long to wait.
        wait: Duration,
    },
    /// The program is stopping; the attempt does not count, and the task is left to the next worker.
    GivenBack,
    /// It was stopped on request; a recurring job is due again at `again_at`.
    Cancelled {
        /// When it is due again; `None` if it does not recur.
        again_at: Option<Micros>,
    },
}

impl Verdict {
    /// The name of the outcome.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Verdict::Succeeded { .. } => outcome::SUCCEEDED,
            Verdict::Failed { .. } => outcome::FAILED,
            Verdict::RateLimited { .. } => outcome::RATE_LIMITED,
            Verdict::GivenBack => outcome::GIVEN_BACK,
            Verdict::Cancelled { .. } => outcome::CANCELLED,
        }
    }

    /// The error, if the attempt failed.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Verdict::Failed { fault, .. } | Verdict::RateLimited { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// When a failed task is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the task's own back-off, but not before the exchange's wait is over.
    Backoff {
        /// The wait the exchange asked for.
        at_least: Duration,
    },
    /// At an instant, by the schedule of a recurring job.
    At(Micros),
    /// Never: the next attempt would fail in the same way.
    Never,
}

/// The error of a failed attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Its class, one of a closed set.
    pub class: String,
    /// The message, at most [`Fault::MESSAGE_BYTES`].
    pub message: String,
    /// The messages of its causes, at most [`Fault::CAUSES`].
    pub causes: Vec<String>,
}

impl Fault {
    /// The longest message that is kept.
    pub const MESSAGE_BYTES: usize = 8 << 10;
    /// The most causes that are kept.
    pub const CAUSES: usize = 10;

    /// An error with its causes, without those that the error's own message repeats.
    #[must_use]
    pub fn of(class: &str, error: &dyn std::error::Error) -> Self {
        let message = short(&error.to_string());
        let (mut causes, mut said, mut next) = (Vec::new(), message.clone(), error.source());
        while let Some(cause) = next.filter(|_| causes.len() < Fault::CAUSES) {
            let text = short(&cause.to_string());
            if !said.ends_with(&text) {
                causes.push(text.clone());
            }
            said = text;
            next = cause.source();
        }
        Fault { class: class.to_owned(), message, causes }
    }
}

/// A message as stored: escaped, and at most [`Fault::MESSAGE_BYTES`] long.
pub(super) fn short(text: &str) -> String {
    escaped(&text[..text.floor_char_boundary(Fault::MESSAGE_BYTES)]).into_owned()
}
