//! A data path in use, shared by the one-shot commands and the daemon, and the library's front door.
//!
//! Opening it takes the lock, replays the journal and starts the loops that maintain the store. Then series are
//! run and requested work is carried out, with its progress on a feed that anyone may follow.
//!
//! Decisions:
//!
//! * **Publishing runs apart from syncing the journal**, since it may wait for a remote.
//! * **A state store that failed counts as away until it answers the worker's probe**: no run waits for it. Task
//!   outcomes and health are kept meanwhile, and saved before the next attempt at the same task begins.
//! * **A feed keeps the latest progress and every report**, so that a slow reader delays nothing and a lost one
//!   ends nothing.
//! * **A series runs a little later than scheduled, by a share of its interval derived from its name**, at most 2
//!   % and 30 s: a thousand jobs do not send their requests at once, and each keeps its rhythm over restarts.

pub mod book;
mod copies;
mod copying;
mod flusher;
pub mod history;
mod job;
mod job_task;
mod known;
mod live_job;
mod log_lines;
mod logging;
mod open;
mod owner;
pub(crate) mod paging;
mod pending_health;
mod progress_feed;
pub mod read;
mod runs;
pub(crate) mod series;
mod state;
mod streams;
pub(crate) mod tasks;
mod trigger;
mod under_way;
mod window_task;
mod wire;
mod work;
pub(crate) mod wrong;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[doc(hidden)]
pub use self::copies::{Copies, target};
pub use self::history::MetricHistory;
pub use self::job::Job;
pub use self::live_job::LiveJob;
pub(crate) use self::log_lines::{LogsError, log_lines};
pub use self::logging::Logging;
pub use self::owner::Broken;
#[doc(hidden)]
pub use self::progress_feed::ProgressFeed;
pub(crate) use self::progress_feed::is_worth_telling;
pub use self::streams::Streams;
pub use self::trigger::Trigger;
#[doc(hidden)]
pub use self::work::{Done, Work, WorkKind, carry_out};
#[doc(hidden)]
pub use crate::api::{
    CopyAsked, CopyUpdate, Files, How, NotCopied, RemoteSynced, Report, RestoredFiles, Update,
};
use crate::clock::now;
use crate::db::{Database, DbError, SetAside};
use crate::engine::flusher::enter_copied;
use crate::engine::pending_health::PendingHealth;
use crate::engine::under_way::UnderWay;
use crate::jobs::stream::{LiveStates, PresentBooks};
use crate::jobs::{Context, tell_finding};
pub use crate::jobs::{Order, Outcome, Precedence, Progress, Retry, RunError, RunErrorKind, Since};
use crate::model::Series;
use crate::net::NetError;
pub(crate) use crate::remote::Known as RemoteKnown;
use crate::remote::RemoteError;
#[doc(hidden)]
pub use crate::store::SOCKET;
use crate::store::{DataLock, FindingKind, Layout, Store, StoreError, Watch};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{Chain, DiskMeasured};
use crate::tracker::TrackerError;
use crate::worker::{Fleet, Rounds, Worker};

/// Most series named on the command line, beside the configured ones, that have metrics.
const AD_HOC_SERIES: usize = 1_000;

/// The shared parts of all runs of a process. Closing it frees the data path.
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
    history: MetricHistory,
    fleet: Arc<Fleet>,
    /// How each live series stands.
    live: LiveStates,
    /// Where live books are followed.
    books: PresentBooks,
    /// The progress of its runs.
    under_way: UnderWay,
    keeping: Mutex<JoinSet<()>>,
    /// Stops the maintenance loops.
    kept: CancellationToken,
    /// Cancelled when nothing more may be accepted.
    broken: CancellationToken,
    /// The damaged state store that was set aside on opening.
    set_aside: Option<SetAside>,
    /// Watches whether this process still holds the lock.
    watch: Watch,
    lock: Mutex<Option<DataLock>>,
}

/// Space on the disk that holds the data; both are 0 until it is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes available for writing.
    pub free_bytes: u64,
    /// Capacity in bytes.
    pub size_bytes: u64,
}

/// Why a data path cannot be opened.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The data path is locked by another process, or cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state store cannot be used.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The tracker cannot be used.
    #[error(transparent)]
    Tracker(#[from] TrackerError),
    /// A client cannot be created.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A remote cannot be set up.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// `metrics.json` cannot be read or set aside.
    #[error("{path} cannot be read; check its permissions")]
    Health {
        /// The file.
        path: String,
        /// The I/O error.
        source: std::io::Error,
    },
}

impl Engine {
    /// Syncs the remotes at their intervals and frees disk space, until closing.
    pub fn keep_copies(&self) {
        for remote in self.copies.remotes() {
            self.keep(self.copies.clone().keep_synced(Arc::clone(remote), self.kept.clone()));
        }
        self.keep(self.copies.clone().keep_room(self.kept.clone()));
    }

    /// Runs a maintenance loop until closing.
    fn keep(&self, looping: impl Future<Output = ()> + Send + 'static) {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner).spawn(looping);
    }

    /// The remotes and their state.
    #[must_use]
    #[doc(hidden)]
    pub fn copies(&self) -> &Copies {
        &self.copies
    }

    /// The store of the data path.
    #[must_use]
    #[doc(hidden)]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Why rows cannot be accepted or published at present. `None` if they can.
    #[must_use]
    pub(crate) fn storage_trouble(&self) -> Option<String> {
        self.store.refusing().or_else(|| self.store.unpublished())
    }

    /// Whether the job of a series is paused.
    #[must_use]
    #[doc(hidden)]
    pub fn is_paused(&self, series: &Series) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(series)
    }

    /// Saves that jobs are paused, or resumed, so that it survives restarts.
    ///
    /// # Errors
    /// If the state store cannot be written.
    pub(crate) async fn keep_paused(&self, series: &[Series], is_paused: bool) -> Result<(), DbError> {
        self.db.set_paused(series, is_paused, now()).await?;
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if is_paused {
            paused.extend(series.iter().cloned());
        } else {
            paused.retain(|one| !series.contains(one));
        }
        Ok(())
    }

    /// The data path.
    #[must_use]
    #[doc(hidden)]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// This process as a worker of the tracker.
    pub(crate) fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ownership of series, and their takeover by other processes.
    pub(crate) fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    /// The round counter of the loop that renews this process's leases.
    #[must_use]
    #[doc(hidden)]
    pub fn rounds(&self) -> Rounds {
        self.worker.rounds()
    }

    /// The history of metrics: what this process records, and what all workers wrote.
    #[must_use]
    pub fn history(&self) -> &MetricHistory {
        &self.history
    }

    /// How each live series stands.
    pub(crate) fn live_states(&self) -> &LiveStates {
        &self.live
    }

    /// Where live books are followed.
    pub(crate) fn present_books(&self) -> &PresentBooks {
        &self.books
    }

    /// The progress of its runs.
    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// The state store.
    pub(crate) fn database(&self) -> &Database {
        &self.db
    }

    /// The sink of its events.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Checks every file of a series against its hash and sets damaged ones aside; returns their names.
    ///
    /// # Errors
    /// If the series cannot be opened or its files cannot be moved.
    #[doc(hidden)]
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

    /// Measures the disk that holds the data.
    pub(crate) fn measure_disk(&self) {
        if let Ok(disk) = rustix::fs::statvfs(self.layout.root()) {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            let room = DiskRoom { free_bytes: bytes(disk.f_bavail), size_bytes: bytes(disk.f_blocks) };
            *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = room;
            self.telemetry.emit(DiskMeasured { free_bytes: room.free_bytes, size_bytes: room.size_bytes });
        }
    }

    /// The disk as last measured.
    #[must_use]
    pub(crate) fn disk_room(&self) -> DiskRoom {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the engine and releases the data path's lock; nothing may run on it any more. Returns whether
    /// the journal was closed cleanly; if not, the next start replays it.
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
        self.history.finish().await;
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
