//! Errors of remotes, by the remedy.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::store::{RestoreNeeded, StoreError};
use crate::telemetry::SyncReason;

/// Why something could not be copied or restored.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// The copying program is missing.
    #[error("rclone is not installed, or not on the PATH; install it")]
    NoProgram,
    /// No answer in time.
    #[error("{remote} did not end {action} within {} s; check that it can be reached", within.as_secs())]
    Timeout {
        /// The remote's name.
        remote: String,
        /// The action that failed.
        action: String,
        /// The time allowed.
        within: Duration,
    },
    /// It could not be reached, or asked to try again later.
    #[error("{remote} could not be reached for {action}: {said}")]
    Unreachable {
        /// The remote's name.
        remote: String,
        /// The action that failed.
        action: String,
        /// Its message, without secrets.
        said: String,
    },
    /// It refused.
    #[error("{remote} refused {action}: {said}")]
    Refused {
        /// The remote's name.
        remote: String,
        /// The action that failed.
        action: String,
        /// Its message, without secrets.
        said: String,
    },
    /// Another process has changed it since it was read.
    #[error("{key} on {remote} was changed by another; it is read again")]
    Changed {
        /// The remote's name.
        remote: String,
        /// The key.
        key: String,
    },
    /// The object after an upload differs from what was sent.
    #[error("{key} on {remote} is not what was sent ({what}); it does not count as copied and is sent again")]
    Mismatch {
        /// The remote's name.
        remote: String,
        /// The key.
        key: String,
        /// The difference.
        what: String,
    },
    /// An object that was verified there is missing.
    #[error(
        "{key} was verified on {remote} and is not there any more; see that the right place is mounted or named, then `dccd sync` sends again what is gone"
    )]
    Gone {
        /// The remote's name.
        remote: String,
        /// The key.
        key: String,
    },
    /// The copy holds rows that are missing here.
    #[error(
        "the copy of {series} on {remote} has {} and stays as it is; `dccd restore {series}` brings it back",
        held(needed)
    )]
    RestoreNeeded {
        /// The remote's name.
        remote: String,
        /// The series of the copy.
        series: String,
        /// The part that is missing here.
        needed: RestoreNeeded,
    },
    /// A higher fence is in force: another process owns the series now.
    #[error("{series} on {remote} belongs to the ownership {theirs} and ours is {ours}; nothing was changed")]
    Fenced {
        /// The remote's name.
        remote: String,
        /// The series.
        series: String,
        /// The fence in the bucket.
        theirs: u64,
        /// Our own.
        ours: u64,
    },
    /// The operating system refused an operation.
    #[error("{action} {} was refused", path.display())]
    Local {
        /// The action that failed.
        action: &'static str,
        /// The path concerned.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// The local file differs from its ledger entry.
    #[error("{} is not what its ledger says, so it was not copied; `dccd repair` checks it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The local file is missing.
    #[error("{} is gone, so it was not copied; `dccd repair` gets what it held again", path.display())]
    NotHere {
        /// The file.
        path: PathBuf,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was stopped.
    #[error("stopped")]
    Stopped,
}

fn held(needed: &RestoreNeeded) -> String {
    match needed {
        RestoreNeeded::Window(window) => format!("{window}, which is not covered here,"),
        RestoreNeeded::Period(period) => format!("rows of {period} that are not here"),
    }
}

impl RemoteError {
    /// Wraps an I/O error of doing `action` to `path`.
    pub(crate) fn local(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RemoteError {
        let path = path.to_owned();
        move |source| RemoteError::Local { action, path, source }
    }

    /// The same error of a local file under the name it is published under, which `own` knows.
    pub(crate) fn at(self, own: impl FnOnce(&Path) -> PathBuf) -> RemoteError {
        match self {
            RemoteError::Damaged { path } => RemoteError::Damaged { path: own(&path) },
            RemoteError::NotHere { path } => RemoteError::NotHere { path: own(&path) },
            RemoteError::Local { action, path, source } => {
                RemoteError::Local { action, path: own(&path), source }
            }
            other => other,
        }
    }

    /// The class of this error, for metrics and alerts.
    #[must_use]
    pub fn reason(&self) -> SyncReason {
        match self {
            RemoteError::NoProgram => SyncReason::NoProgram,
            RemoteError::Timeout { .. } => SyncReason::Timeout,
            RemoteError::Unreachable { .. } => SyncReason::Connect,
            RemoteError::Refused { .. } => SyncReason::Refused,
            RemoteError::Changed { .. } | RemoteError::Mismatch { .. } | RemoteError::Gone { .. } => {
                SyncReason::Mismatch
            }
            RemoteError::RestoreNeeded { .. } => SyncReason::CoversLess,
            RemoteError::Fenced { .. } => SyncReason::Fenced,
            RemoteError::Local { .. }
            | RemoteError::Damaged { .. }
            | RemoteError::NotHere { .. }
            | RemoteError::Store(_) => SyncReason::Local,
            RemoteError::Stopped => SyncReason::Cancelled,
        }
    }

    /// Whether the remote itself failed, so that the rest of a sync is not attempted.
    #[must_use]
    pub fn is_of_the_remote(&self) -> bool {
        matches!(
            self,
            RemoteError::NoProgram
                | RemoteError::Timeout { .. }
                | RemoteError::Unreachable { .. }
                | RemoteError::Stopped
        )
    }
}
