//! A data path and one remote that it is copied to, and what is still to be sent there.

use std::sync::Arc;

use crate::model::Series;
use crate::remote::Remote;
use crate::store::{Layout, Ledger, Store};
use crate::telemetry::Telemetry;

/// A data path and the remote that it is copied to.
#[derive(Clone)]
pub struct Mirror {
    /// The owner of the data path.
    pub store: Store,
    /// Where its data lies.
    pub layout: Layout,
    /// Where it is told.
    pub telemetry: Telemetry,
    /// Where to.
    pub remote: Arc<dyn Remote>,
    /// Whether a file that is gone there is sent again; else it is reported.
    pub sends_again: bool,
}

/// Files and bytes that are not verified on a remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Files, the ledger among them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Counts the files and bytes of a series that are not verified on a remote.
#[must_use]
pub fn pending(ledger: &Ledger, series: &Series, remote: &str) -> Pending {
    let files = ledger.unverified(remote, None);
    let digest = ledger.digest(series, remote);
    let is_synced = digest.is_ok_and(|digest| ledger.synced.get(remote) == Some(&digest));
    Pending {
        // An open file under its older name is one to remove.
        files: files.len() as u64 + u64::from(!is_synced) + ledger.older_on(remote).count() as u64,
        bytes: files.iter().map(|(.., entry)| entry.bytes).sum(),
    }
}
