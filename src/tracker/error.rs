//! Why the tracker did not do what it was asked for.

use thiserror::Error;

use crate::db::DbError;
use crate::tracker::refusal::Refusal;

/// Refused by the state of the task, or failed by the store.
#[derive(Debug, Error)]
pub enum TrackerError {
    /// The task is not in a state for it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] DbError),
}

impl TrackerError {
    /// Why the state of the task forbids it, if that is why.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            TrackerError::Refused(refusal) => Some(refusal),
            TrackerError::Store(_) => None,
        }
    }
}
