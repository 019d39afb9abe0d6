//! Restores files that are only on remotes when the store needs them.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::model::Series;
use crate::remote::{Remote, RemoteError, Seal, fetch_file};
use crate::store::{FileEntry, Layout, NotRestored, Restore};
use crate::telemetry::events::{FileNotRestored, FileRestored};
use crate::telemetry::{SyncReason, Telemetry};

/// Restores files from the configured remotes, for threads that may block.
pub struct Restorer {
    /// The remotes that may hold copies.
    pub remotes: Vec<Arc<dyn Remote>>,
    /// The sink of its events.
    pub telemetry: Telemetry,
    /// The runtime of the remotes.
    pub runtime: Handle,
    /// Stops waiting.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Restorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restorer").field("remotes", &self.remotes).finish_non_exhaustive()
    }
}

/// The result of asking one remote.
enum Fetched {
    Found,
    Missing,
    Failed(SyncReason, String),
}

impl Restore for Restorer {
    fn restore(&self, series: &Series, file: &str, entry: &FileEntry, to: &Path) -> Result<(), NotRestored> {
        let mut reasons = Vec::new();
        let mut is_gone = true;
        let holds = |remote: &&Arc<dyn Remote>| entry.remotes.iter().any(|known| known == remote.name());
        for remote in self.remotes.iter().filter(holds) {
            let name = remote.name();
            let (reason, why) = match self.runtime.block_on(self.ask(&**remote, series, file, entry, to)) {
                Fetched::Found => {
                    self.telemetry.emit(FileRestored { remote: name, series, file, bytes: entry.bytes });
                    return Ok(());
                }
                Fetched::Missing => (SyncReason::Mismatch, "it is not there any more".to_owned()),
                Fetched::Failed(reason, why) => {
                    is_gone = false;
                    (reason, why)
                }
            };
            self.telemetry.emit(FileNotRestored { remote: name, series, file, reason, why: &why });
            reasons.push(format!("{name}: {why}"));
        }
        if reasons.is_empty() {
            let known = entry.remotes.join(", ");
            return Err(NotRestored::Later(format!("it is on {known}, which is not configured here")));
        }
        // A remote that is no longer configured may still hold it.
        is_gone &= reasons.len() == entry.remotes.len();
        let why = reasons.join("; ");
        Err(if is_gone { NotRestored::Gone(why) } else { NotRestored::Later(why) })
    }
}

impl Restorer {
    async fn ask(
        &self,
        remote: &dyn Remote,
        series: &Series,
        file: &str,
        entry: &FileEntry,
        to: &Path,
    ) -> Fetched {
        let asking = ask(remote, series, file, entry, to);
        let answer = tokio::select! {
            answer = asking => answer,
            () = self.stop.cancelled() => Err(RemoteError::Stopped),
        };
        answer.unwrap_or_else(|error| Fetched::Failed(error.reason(), error.to_string()))
    }
}

async fn ask(
    remote: &dyn Remote,
    series: &Series,
    file: &str,
    entry: &FileEntry,
    to: &Path,
) -> Result<Fetched, RemoteError> {
    let folder = Layout::key(series);
    let seal = Seal { bytes: entry.bytes, sha256: entry.sha256.clone() };
    match fetch_file(remote, series, file, to).await? {
        Some(found) if found.seal == seal => Ok(Fetched::Found),
        Some(_) => {
            let why = "what is there is another file; `dccd restore` takes in what it holds".to_owned();
            Ok(Fetched::Failed(SyncReason::Mismatch, why))
        }
        // An unmounted disk looks like an empty one; the ledger beside the file tells them apart.
        None => match remote.head(&format!("{folder}/_series.json")).await? {
            Some(_) => Ok(Fetched::Missing),
            None => {
                let why = "nothing of the series is there; is the disk mounted?".to_owned();
                Ok(Fetched::Failed(SyncReason::Refused, why))
            }
        },
    }
}
