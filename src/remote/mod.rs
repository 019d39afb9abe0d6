//! Copies of the data on remotes: sent there, verified there, brought back from there.
//!
//! A copy counts only once it was read or asked for after the upload and found to be, byte for byte by
//! its hash, what the ledger says. Only published files and ledgers are sent; this room knows no exchange and no
//! configuration.
//!
//! Decisions:
//!
//! * **A copy counts once it was seen.** Each file is looked at on the remote after it was sent, by size and
//!   SHA-256; rclone backends that know no SHA-256 are read back. The ledger keeps per file where that very
//!   content was verified, so a replaced file is unverified by itself. What a remote covers more than is held
//!   here is never replaced: `restore` takes it in first.
//! * **Before a file is dropped here, its copy is read back, every byte.** The ledger says so first. Its period
//!   stays covered, as *remote-only*; readers refuse rather than leave its rows out, and a write into it brings
//!   it back first. So does a file that was deleted or damaged and has a copy.
//! * **In a shared bucket the ledger commits**, under If-Match and with the fence of the ownership; a file's
//!   tag is read before that fence, so what a later owner put there is never replaced.
//! * **A sync with nothing to send looks at the remote all the same**, at an account that was verified there.
//!   A file that is gone is reported, and sent again only when the sync was asked for: a place that is not mounted
//!   looks the same.

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
pub use operations::{Head, Remote, RemoteFuture, Seal};
pub use process::{Ended, run as run_program};
pub use purge::{Dropped, free_bytes, purge, remote_only};
pub use rclone::Rclone;
pub use restore::{Restored, Restoring};
pub use restorer::Restorer;
pub use s3::{S3, Stamp};
pub use state::{Known, read_known, write_known};
pub use sync::Synced;
pub use target::{Provider, Target, mask};
pub use transfer::{Fetched, fetch, fetch_file, read, read_back, upload, verify};

/// Makes a remote ready; nothing is asked of it yet.
///
/// # Errors
/// Where its address is none.
pub fn open(target: &Target) -> Result<Arc<dyn Remote>, RemoteError> {
    Ok(match target.provider {
        Provider::Rclone => Arc::new(Rclone::new(target)),
        Provider::S3 => Arc::new(S3::new(target)?),
    })
}
