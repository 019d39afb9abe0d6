//! One sync of one remote: whatever is not verified there is sent, several series side by side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tracing::Instrument;

use crate::model::Series;
use crate::remote::series::Copying;
use crate::remote::{Remote, RemoteError};
use crate::store::{Layout, Ledger, Store};
use crate::telemetry::events::{SeriesNotCopied, SyncPending};
use crate::telemetry::{Telemetry, trace};

/// Series copied side by side to one remote.
const SERIES_AT_ONCE: usize = 4;

/// What a sync works with.
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
}

/// What a sync did.
#[derive(Debug, Default)]
pub struct Synced {
    /// Files and ledgers sent and verified.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files and ledgers that are not verified there now.
    pub pending_files: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// What could not be copied.
    pub failures: Vec<(Series, RemoteError)>,
    /// How long it took.
    pub took: Duration,
}

/// What is not verified on a remote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Files, the ledger among them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Mirror {
    /// Sends what is not there yet. Dropping it ends whatever runs; what was verified by then stays marked.
    pub async fn sync(&self) -> Synced {
        let began = Instant::now();
        let mut synced = Synced::default();
        let mut waiting = self.waiting().await.into_iter();
        let mut left: Pending = waiting.as_slice().iter().fold(Pending::default(), |sum, (_, own)| Pending {
            files: sum.files + own.files,
            bytes: sum.bytes + own.bytes,
        });
        self.tell(left);
        let mut copying = JoinSet::new();
        let mut is_lost = false;
        loop {
            while copying.len() < SERIES_AT_ONCE && !is_lost {
                let Some((series, pending)) = waiting.next() else { break };
                let own = Copying { mirror: self.clone(), series };
                let span = trace::sync_push(self.remote.name(), &own.series);
                let copied = async move {
                    let copied = own.run().await;
                    trace::pushed(copied.files, copied.bytes);
                    copied.error.iter().for_each(|error| trace::failed(error.reason().name(), error));
                    (own.series, pending, copied)
                };
                copying.spawn(copied.instrument(span));
            }
            let Some(ended) = copying.join_next().await else { break };
            let Ok((series, pending, copied)) = ended else { continue };
            synced.files += copied.files;
            synced.bytes += copied.bytes;
            left.files = left.files.saturating_sub(pending.files.saturating_sub(copied.left.files));
            left.bytes = left.bytes.saturating_sub(pending.bytes.saturating_sub(copied.left.bytes));
            if let Some(error) = copied.error {
                self.telemetry.emit(SeriesNotCopied {
                    remote: self.remote.name(),
                    series: &series,
                    error: &error,
                });
                // What it cannot do for one series it cannot do for the others.
                is_lost |= error.is_of_the_remote();
                synced.failures.push((series, error));
            }
            self.tell(left);
        }
        (synced.pending_files, synced.pending_bytes) = (left.files, left.bytes);
        synced.took = began.elapsed();
        synced
    }

    fn tell(&self, left: Pending) {
        let remote = self.remote.name();
        self.telemetry.emit(SyncPending { remote, files: left.files, bytes: left.bytes });
    }

    /// The series that are not all there, in the order of their names.
    async fn waiting(&self) -> Vec<(Series, Pending)> {
        let (layout, remote) = (self.layout.clone(), self.remote.name().to_owned());
        let looking = tokio::task::spawn_blocking(move || {
            let look = |series: Series| {
                // One that cannot be read is told by whoever opens it.
                let ledger = Ledger::read(&layout.ledger(&series), &series).ok().flatten()?;
                let pending = pending(&ledger, &series, &remote);
                (pending.files > 0).then_some((series, pending))
            };
            layout.series().into_iter().filter_map(look).collect()
        });
        looking.await.unwrap_or_default()
    }
}

/// What of a series is not verified on a remote.
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
