//! A data path in use: what the one-shot commands and the daemon share, and the front door of the library.
//!
//! Opening takes the lock, replays the journal and starts the loops that keep the store; then series are run, and
//! work that was asked for is carried out, with its progress on a feed that anyone may follow.
//!
//! Decisions:
//!
//! * **Publishing what waits may wait for a remote**, so it is a task of its own beside the one that keeps the
//!   journal durable.
//! * **A state store that failed counts as away until it answers the worker's probe**: no run waits for it, and
//!   ends and health are kept and given to it before the next attempt at the same task begins.
//! * **A feed keeps the last progress and every report**, so that a slow reader holds nothing up and a lost one
//!   ends nothing.
//! * **A series runs a little later than its schedule says, by a share of its interval drawn from its name**,
//!   at most 2 % and 30 s: a thousand jobs do not ask at once, and each keeps its beat over restarts.

mod copies;
mod copying;
mod flusher;
mod job;
mod job_task;
mod known;
mod logging;
mod open;
mod owner;
mod pending_health;
mod progress_feed;
mod runs;
mod state;
mod trigger;
mod window_task;
mod wire;
mod work;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::copies::{Copies, target};
pub use self::job::Job;
pub use self::logging::Logging;
pub use self::owner::Broken;
pub use self::progress_feed::ProgressFeed;
pub(crate) use self::progress_feed::is_worth_telling;
pub use self::trigger::Trigger;
pub use self::work::{Done, Work, WorkKind, carry_out, open_gaps};
pub use crate::api::{
    CopyAsked, CopyUpdate, Files, How, NotCopied, RemoteSynced, Report, RestoredFiles, Update,
};
use crate::clock::now;
use crate::db::{Database, DbError, SetAside};
use crate::engine::flusher::enter_copied;
use crate::engine::pending_health::PendingHealth;
use crate::jobs::{Context, tell_finding};
pub use crate::jobs::{Order, Outcome, Progress, Retry, RunError, RunErrorKind, Since};
use crate::model::Series;
use crate::net::NetError;
use crate::remote::RemoteError;
pub use crate::store::SOCKET;
use crate::store::{DataLock, FindingKind, Layout, Store, StoreError, Watch};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{Chain, DiskMeasured};
use crate::tracker::TrackerError;
use crate::worker::{Fleet, Rounds, Worker};

/// Series named on the command line that have metrics beside the configured ones.
const AD_HOC_SERIES: usize = 1_000;

/// Everything the runs of a process share. The data path is free again once it is closed.
pub struct Engine {
    layout: Layout,
    telemetry: Telemetry,
    db: Database,
    store: Store,
    contexts: RwLock<BTreeMap<&'static str, Arc<Context>>>,
    paused: Mutex<HashSet<Series>>,
    copies: Copies,
    disk: Mutex<DiskRoom>,
    worker: Arc<Worker>,
    pending_health: Arc<PendingHealth>,
    fleet: Arc<Fleet>,
    keeping: Mutex<JoinSet<()>>,
    /// Ends the keeping.
    kept: CancellationToken,
    /// Cancelled when nothing more may be accepted.
    broken: CancellationToken,
    /// The state store that was damaged when this one was opened.
    set_aside: Option<SetAside>,
    /// Whether the data path still is this process's.
    watch: Watch,
    lock: Mutex<Option<DataLock>>,
}

/// The disk that the data lies on; both are 0 before it was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Bytes it can hold.
    pub size_bytes: u64,
}

/// Why a data path cannot be put to use.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The data path is held by another process, or cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state store cannot be used.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The tracker refused what every process needs of it.
    #[error(transparent)]
    Tracker(#[from] TrackerError),
    /// A client cannot be made.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A remote cannot be made ready.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// `metrics.json` cannot be read or set aside.
    #[error("{path} cannot be read; check its permissions")]
    Health {
        /// The file.
        path: String,
        /// The refusal.
        source: std::io::Error,
    },
}

impl Engine {
    /// Syncs the remotes at their interval and keeps room on the disk, until the end.
    pub fn keep_copies(&self) {
        for remote in self.copies.remotes() {
            self.keep(self.copies.clone().keep_synced(Arc::clone(remote), self.kept.clone()));
        }
        self.keep(self.copies.clone().keep_room(self.kept.clone()));
    }

    /// Owns a loop until the end.
    fn keep(&self, looping: impl Future<Output = ()> + Send + 'static) {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner).spawn(looping);
    }

    /// The remotes and what is there.
    #[must_use]
    pub fn copies(&self) -> &Copies {
        &self.copies
    }

    /// The owner of the data path.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Why rows are not accepted, or not published, at present; none where all is well.
    #[must_use]
    pub fn storage_trouble(&self) -> Option<String> {
        self.store.refusing().or_else(|| self.store.unpublished())
    }

    /// Whether somebody paused the job of a series.
    #[must_use]
    pub fn is_paused(&self, series: &Series) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(series)
    }

    /// Keeps over restarts that jobs are paused, or not any more.
    ///
    /// # Errors
    /// Where the state store cannot be written.
    pub async fn keep_paused(&self, series: &[Series], is_paused: bool) -> Result<(), DbError> {
        self.db.set_paused(series, is_paused, now()).await?;
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if is_paused {
            paused.extend(series.iter().cloned());
        } else {
            paused.retain(|one| !series.contains(one));
        }
        Ok(())
    }

    /// Where its data lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// This process as a worker of the tracker.
    pub(crate) fn worker(&self) -> &Worker {
        &self.worker
    }

    /// What keeps its series apart from those of other processes.
    pub(crate) fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    /// Grows while the loop goes round that keeps this process's leases.
    #[must_use]
    pub fn rounds(&self) -> Rounds {
        self.worker.rounds()
    }

    /// Where state is kept over restarts.
    pub(crate) fn database(&self) -> &Database {
        &self.db
    }

    /// Where its events go.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Checks every file of a series against its hash and sets damaged ones aside; gives what was set aside.
    ///
    /// # Errors
    /// Where the series cannot be opened or its files not moved.
    pub async fn set_aside_damaged(&self, series: &Arc<Series>) -> Result<Vec<String>, StoreError> {
        let (store, own) = (self.store.clone(), Arc::clone(series));
        let checked = tokio::task::spawn_blocking(move || {
            let (writer, mut findings) = store.writer(&own)?;
            findings.extend(writer.set_aside_damaged()?);
            Ok::<_, StoreError>(findings)
        });
        let findings = checked.await.map_err(|error| StoreError::Io {
            action: "checking",
            path: self.layout.folder(series),
            source: std::io::Error::other(error),
        })??;
        findings.iter().for_each(|finding| tell_finding(&self.telemetry, series, finding));
        let aside = findings.iter().filter(|finding| finding.kind == FindingKind::Quarantined);
        Ok(aside.map(|finding| finding.path.display().to_string()).collect())
    }

    /// Measures the disk the data lies on.
    pub fn measure_disk(&self) {
        if let Ok(disk) = rustix::fs::statvfs(self.layout.root()) {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            let room = DiskRoom { free_bytes: bytes(disk.f_bavail), size_bytes: bytes(disk.f_blocks) };
            *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = room;
            self.telemetry.emit(DiskMeasured { free_bytes: room.free_bytes, size_bytes: room.size_bytes });
        }
    }

    /// The disk as it was last measured.
    #[must_use]
    pub fn disk_room(&self) -> DiskRoom {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends in good order and gives the data path's lock back; nothing may run on it any more. Returns whether the
    /// journal ended in good order too; if not, the next start replays it.
    pub async fn close(&self) -> bool {
        self.kept.cancel();
        let mut keeping = std::mem::take(&mut *self.keeping.lock().unwrap_or_else(PoisonError::into_inner));
        while keeping.join_next().await.is_some() {}
        self.fleet.close().await;
        let store = self.store.clone();
        let closing = move || {
            enter_copied(&store);
            store.close()
        };
        let closed = tokio::task::spawn_blocking(closing).await;
        self.worker.leave().await;
        self.db.close().await;
        match &closed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = %Chain(error), "the journal is left as it is"),
            Err(error) => tracing::error!(%error, "closing the journal broke off"),
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        matches!(closed, Ok(Ok(())))
    }
}
