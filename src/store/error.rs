//! Errors of the store, by what the caller does next.

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
        /// The operation.
        action: &'static str,
        /// Its file or folder.
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
    /// A link stands where one of our own files or folders should be.
    #[error(
        "{} is a symbolic link, and dccd opens its own files through none; put a file or a folder there (a folder of another disk can be mounted there)",
        path.display()
    )]
    Linked {
        /// The link.
        path: PathBuf,
    },
    /// Rows could not be turned into Parquet or back.
    #[error("{} could not be encoded or read back", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ParquetError,
    },
    /// A published file is not what it should be.
    #[error("{} is damaged ({reason}); it is set aside when its series is next opened, and what it held is asked for again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// Rows of a period are on remotes only, and they are needed here.
    #[error("{} is on remotes only and did not come back ({reason}); bring it with `dccd restore {series}`", path.display())]
    RemoteOnly {
        /// The series.
        series: String,
        /// The file.
        path: PathBuf,
        /// Why it did not come back.
        reason: String,
    },
    /// A file that the ledger lists is not there.
    #[error("{} is gone, and with it {rows} rows that the ledger speaks of; `dccd repair {series}` gets them again", path.display())]
    Gone {
        /// The series.
        series: String,
        /// The file.
        path: PathBuf,
        /// How many rows it held.
        rows: u64,
    },
    /// The ledger of a series cannot be read, so its files cannot be accounted for.
    #[error("the ledger {} cannot be read ({reason}); `dccd repair {series}` makes it anew from the files", path.display())]
    NoLedger {
        /// The series.
        series: String,
        /// Where it should be.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// Another run of this process is writing the series.
    #[error(
        "{series} is being written by another run; let that one end, or give one of two jobs for it another time"
    )]
    Busy {
        /// The series.
        series: String,
    },
    /// More rows of a series cannot be true than are set aside.
    #[error(
        "{series}: {} is full of rows that cannot be true; see them with `dccd gaps {series}`, then move the file away if more are to be set aside",
        path.display()
    )]
    TooManyAside {
        /// The series.
        series: String,
        /// The file.
        path: PathBuf,
    },
    /// Accepted rows may not survive a power cut, and writing them once more did not help.
    #[error(
        "the journal in {} could not be made durable, nor written anew; nothing more is accepted, check the disk",
        path.display()
    )]
    Journal {
        /// Its folder.
        path: PathBuf,
        /// The second refusal.
        source: io::Error,
    },
    /// A written file does not read back as intended.
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

    /// A failure of the Parquet library on `path`, or of the operating system below it.
    pub(crate) fn parquet(path: &Path) -> impl Fn(ParquetError) -> StoreError {
        let path = path.to_owned();
        move |source| {
            let path = path.clone();
            let ParquetError::External(cause) = source else { return StoreError::Parquet { path, source } };
            match cause.downcast::<io::Error>() {
                Ok(source) => StoreError::Io { action: "writing or reading", path, source: *source },
                Err(cause) => StoreError::Parquet { path, source: ParquetError::External(cause) },
            }
        }
    }

    /// The class of this error, for metrics and alerts.
    #[must_use]
    pub fn reason(&self) -> StorageReason {
        match self {
            StoreError::Io { source, .. } => StorageReason::of(source),
            StoreError::Journal { source, .. } => StorageReason::of(source),
            StoreError::Foreign { .. }
            | StoreError::InUse { .. }
            | StoreError::Linked { .. }
            | StoreError::Busy { .. } => StorageReason::Permission,
            StoreError::RemoteOnly { .. } => StorageReason::Remote,
            StoreError::TooManyAside { .. } => StorageReason::Io,
            StoreError::Parquet { .. }
            | StoreError::ReadBack { .. }
            | StoreError::Damaged { .. }
            | StoreError::Gone { .. }
            | StoreError::NoLedger { .. } => StorageReason::Encode,
        }
    }

    /// Whether the process must end rather than accept one more row.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, StoreError::Journal { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_below_the_encoder_is_one_of_the_disk_and_not_of_the_encoder() {
        let full = ParquetError::from(io::Error::from(io::ErrorKind::StorageFull));
        let error = StoreError::parquet(Path::new("2024.parquet"))(full);
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert_eq!(error.reason(), StorageReason::Enospc);

        let error = StoreError::parquet(Path::new("2024.parquet"))(ParquetError::General("odd".to_owned()));
        assert_eq!(error.reason(), StorageReason::Encode);
    }
}
