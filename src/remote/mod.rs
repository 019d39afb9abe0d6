//! Copies of the data on remotes: sent, verified and restored.
//!
//! A copy counts only once it was read, or its hash requested, after the upload and matched what the ledger says,
//! byte for byte. Only published files and ledgers are sent; this room knows no exchange and no configuration.
//!
//! Decisions:
//!
//! * **A copy counts once it was verified.** After it is sent, each file is checked on the remote by size and
//!   SHA-256; rclone backends without SHA-256 are read back. The ledger records per file where that very content
//!   was verified, so a replaced file automatically counts as unverified. If a remote covers more than the local
//!   files, it is never replaced: `restore` merges it first.
//! * **One published state is copied at a time**, from links taken between two publishes; whatever is published meanwhile
//!   is pending, never an error. Many files go at once, since a request of rclone is the start of a program.
//! * **Before a file is dropped here, its copy is read back, every byte.** The ledger records the drop first. Its
//!   period stays covered, as *remote-only*; readers fail rather than leave its rows out, and a write into the
//!   period restores it first. The same applies to a deleted or damaged file that has a copy.
//! * **In a shared bucket the ledger commits**, under If-Match and with the ownership's fence; a file's tag is
//!   read before that fence, so what a later owner put there is never replaced.
//! * **A sync with nothing to send still checks the remote**, by a ledger that was verified there. A missing copy
//!   is reported, and sent again only if the sync was requested by hand, since an unmounted folder looks the same.

mod bucket;
mod credentials;
mod error;
mod mirror;
mod operations;
mod process;
mod purge;
mod rclone;
mod restore;
mod restorer;
mod s3;
mod series;
mod state;
mod sync;
mod target;
mod transfer;

use std::sync::Arc;

pub use bucket::{Bucket, Published, Taken};
pub use error::RemoteError;
pub use mirror::{Mirror, Pending, pending};
pub use operations::{Head, Remote, RemoteFuture, Seal, Upload};
pub use process::{Ended, run as run_program};
pub use purge::{Dropped, free_bytes, purge, remote_only};
pub use rclone::Rclone;
pub use restore::{Restored, Restoring};
pub use restorer::Restorer;
pub use s3::{S3, Stamp};
pub use state::{Known, read_known, write_known};
pub use sync::Synced;
pub use target::{Provider, Target, mask};
pub use transfer::{Fetched, fetch, fetch_file, read, read_back, upload, upload_all, verify};

/// Sets up a remote, without contacting it.
///
/// # Errors
/// If its address is invalid.
pub fn open(target: &Target) -> Result<Arc<dyn Remote>, RemoteError> {
    Ok(match target.provider {
        Provider::Rclone => Arc::new(Rclone::new(target)),
        Provider::S3 => Arc::new(S3::new(target)?),
    })
}
