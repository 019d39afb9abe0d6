//! What can go wrong with files, by what the caller does next.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use thiserror::Error;

use crate::telemetry::StorageReason;

/// Why the store could not do its work.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{action} {} was refused", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// A file that is not ours lies where this series would write.
    #[error(
        "{} was not written by dccd and is left alone, so this series cannot be written; take it over with `dccd import`, or move it away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the data path.
    #[error("{} is in use by {holder}; stop it first, or give this one another `data_path`", path.display())]
    InUse {
        /// The data path.
        path: PathBuf,
        /// Who holds it, as its lock file says.
        holder: String,
    },
    /// Rows could not be turned into Parquet or back.
    #[error("{} could not be encoded or read back", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ParquetError,
    },
    /// What was written does not read back as it was meant.
    #[error("{} did not read back as written ({reason}); the old file is untouched, check the disk", path.display())]
    ReadBack {
        /// The temporary file.
        path: PathBuf,
        /// The difference.
        reason: String,
    },
}

impl StoreError {
    /// An operating system's refusal to do `action` to `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Io { action, path, source }
    }

    /// A failure of the Parquet library on `path`.
    pub(crate) fn parquet(path: &Path) -> impl Fn(ParquetError) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Parquet { path: path.clone(), source }
    }

    /// The class of this error, for metrics and alerts.
    #[must_use]
    pub fn reason(&self) -> StorageReason {
        match self {
            StoreError::Io { source, .. } => StorageReason::of(source),
            StoreError::Foreign { .. } | StoreError::InUse { .. } => StorageReason::Permission,
            StoreError::Parquet { .. } | StoreError::ReadBack { .. } => StorageReason::Encode,
        }
    }
}
