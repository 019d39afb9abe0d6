//! How an attempt ended: its word, its fault, and when it is tried again. Pure.

use std::time::Duration;

use crate::model::{Micros, escaped};

/// The words of attempts that ended, in the store and in labels.
pub mod outcome {
    /// It did what it was to do.
    pub const SUCCEEDED: &str = "succeeded";
    /// It failed.
    pub const FAILED: &str = "failed";
    /// Its worker did not renew the lease, or the task was taken away.
    pub const LEASE_LOST: &str = "lease_lost";
    /// The exchange asked to wait; the attempt does not count.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The program stopped; the attempt does not count.
    pub const GIVEN_BACK: &str = "given_back";
    /// It was cancelled.
    pub const CANCELLED: &str = "cancelled";

    /// Every one of them.
    pub const ALL: [&str; 6] = [SUCCEEDED, FAILED, LEASE_LOST, RATE_LIMITED, GIVEN_BACK, CANCELLED];
}

/// How an attempt ended, as its holder tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The work is done; a recurring job is due again at `again_at`.
    Succeeded {
        /// When it is due again; none for work that is over.
        again_at: Option<Micros>,
    },
    /// The work failed.
    Failed {
        /// Why.
        fault: Fault,
        /// When to try again.
        next: Next,
    },
    /// The exchange asked to wait so long; the attempt does not count.
    RateLimited {
        /// Why.
        fault: Fault,
        /// How long.
        wait: Duration,
    },
    /// The program stops; the attempt does not count and the task waits for the next worker.
    GivenBack,
    /// It was stopped on request; a recurring job is due again at `again_at`.
    Cancelled {
        /// When it is due again; none for work that is over.
        again_at: Option<Micros>,
    },
}

impl Verdict {
    /// The word of the attempt.
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

    /// Why the attempt failed, where it did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Verdict::Failed { fault, .. } | Verdict::RateLimited { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// When a failed task is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the task's own back-off, and not before the exchange's wait is over.
    Backoff {
        /// The wait that the exchange asked for.
        at_least: Duration,
    },
    /// At an instant, as the rhythm of a recurring job says.
    At(Micros),
    /// Never: the next attempt would meet the same.
    Never,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The class, a word of a closed set.
    pub class: String,
    /// The message, at most [`Fault::MESSAGE_BYTES`].
    pub message: String,
    /// The messages of its causes, at most [`Fault::CAUSES`] of them.
    pub causes: Vec<String>,
}

impl Fault {
    /// The most bytes of a message that are kept.
    pub const MESSAGE_BYTES: usize = 8 << 10;
    /// The most causes that are kept.
    pub const CAUSES: usize = 10;

    /// An error with its causes; a cause that its error repeats is left out.
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

/// A message as it is kept: escaped, and no longer than [`Fault::MESSAGE_BYTES`].
pub(super) fn short(text: &str) -> String {
    escaped(&text[..text.floor_char_boundary(Fault::MESSAGE_BYTES)]).into_owned()
}
