//! A data path with one remote it is copied to, and the files still to be sent.

use std::sync::Arc;

use crate::model::Series;
use crate::remote::Remote;
use crate::store::{Layout, Ledger, Store};
use crate::telemetry::Telemetry;

/// A data path and the remote it is copied to.
#[derive(Clone)]
pub struct Mirror {
    /// The store of the data path.
    pub store: Store,
    /// The data path.
    pub layout: Layout,
    /// The sink of its events.
    pub telemetry: Telemetry,
    pub remote: Arc<dyn Remote>,
    /// Whether a copy that vanished is sent again; otherwise it is only reported.
    pub sends_again: bool,
}

/// Files and bytes that are not verified on a remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Files, including the ledger.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Counts the files and bytes of a series that are not verified on a remote.
#[must_use]
pub fn pending(ledger: &Ledger, series: &Series, remote: &str) -> Pending {
    let files = ledger.unverified(remote, None);
    let digest = ledger.digest(series, remote);
    let is_synced = digest.is_ok_and(|digest| ledger.synced.get(remote) == Some(&digest));
    Pending {
        // An open file under its older name still has to be removed.
        files: files.len() as u64 + u64::from(!is_synced) + ledger.older_on(remote).count() as u64,
        bytes: files.iter().map(|(.., entry)| entry.bytes).sum(),
    }
}
