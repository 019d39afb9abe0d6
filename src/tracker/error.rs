//! Why an operation of the tracker failed.

use thiserror::Error;

use crate::db::DbError;
use crate::tracker::refusal::Refusal;

/// Refused because of the task's state, or failed in the store.
#[derive(Debug, Error)]
pub enum TrackerError {
    /// The task's state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] DbError),
}

impl TrackerError {
    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            TrackerError::Refused(refusal) => Some(refusal),
            TrackerError::Store(_) => None,
        }
    }
}
