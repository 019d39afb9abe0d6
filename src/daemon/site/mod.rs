//! One data path in use: its lock, its store, a client for each exchange, and what is told of them.

mod known;
mod owner;
mod runs;
mod state;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use owner::Broken;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::atomic;
use crate::config::Config;
use crate::daemon::Job;
use crate::daemon::copies::{self, Copies};
use crate::daemon::fleet::{Fleet, Parts};
use crate::daemon::keeper::{Keeper, enter_copied};
use crate::daemon::late::Late;
use crate::daemon::watchdog::Rounds;
use crate::daemon::worker::{Terms, Worker};
use crate::db::{Database, DbError, SetAside};
use crate::disk::Disk;
use crate::exchange::find;
use crate::jobs::{Context, coverage, plan, tell_finding};
use crate::model::{Micros, Series};
use crate::net::NetError;
use crate::remote::{Bringer, RemoteError};
use crate::store::{self, DataLock, FindingKind, Layout, Ledger, Store, StoreError};
use crate::telemetry::events::{Chain, DiskMeasured, JournalReplayed, JournalTorn, PublishFailed};
use crate::telemetry::{HealthMonitor, Telemetry};
use crate::tracker::{Retention, Tracker, TrackerError};

/// Series named on the command line that have metrics beside the configured ones.
const AD_HOC_SERIES: usize = 1_000;

/// Everything the runs of a process share. Dropping it gives the data path's lock back.
pub struct Site {
    layout: Layout,
    telemetry: Telemetry,
    db: Database,
    store: Store,
    contexts: RwLock<BTreeMap<&'static str, Arc<Context>>>,
    paused: Mutex<HashSet<Series>>,
    copies: Copies,
    worker: Arc<Worker>,
    late: Arc<Late>,
    fleet: Arc<Fleet>,
    keeping: JoinSet<()>,
    /// Ends the keeping.
    kept: CancellationToken,
    /// Cancelled when nothing more may be accepted.
    broken: CancellationToken,
    /// The state store that was damaged when this one was opened.
    set_aside: Option<SetAside>,
    lock: DataLock,
}

/// Why a data path cannot be put to use.
#[derive(Debug, Error)]
pub enum SiteError {
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

impl Site {
    /// Takes a data path into use for `command`: its lock first, then what earlier processes knew.
    ///
    /// # Errors
    /// See [`SiteError`]; nothing is changed then but the lock file.
    pub async fn open(config: &Config, command: &str) -> Result<Site, SiteError> {
        let layout = Layout::new(&config.data_path);
        let lock = owner::take_lock(&layout, command).await?;
        let own = layout.own();
        atomic::sweep(&own).map_err(|source| {
            SiteError::Store(StoreError::Io { action: "tidying", path: own.clone(), source })
        })?;
        let health = HealthMonitor::open(layout.root()).map_err(|source| SiteError::Health {
            path: layout.own().join("metrics.json").display().to_string(),
            source,
        })?;
        let telemetry = Telemetry::with_health(health);
        let jobs = Job::all(config);
        telemetry.show_config(&config.hash, config.alerts.max_consecutive_errors);
        telemetry.metrics().limit_series(jobs.len() + AD_HOC_SERIES);
        let (db, set_aside) = state::open(&layout, config, &telemetry).await?;
        let known = db.series_health().await?;
        let paused = db.paused().await?.into_iter().collect();
        let bucketed = copies::bucket(&config.storage)?;
        let remotes = copies::remotes(&config.storage, bucketed.as_ref())?;
        let is_daemon = ["start", "stream"].contains(&command);
        let worker = enter(&layout, config, &db, &telemetry, (&jobs, is_daemon)).await?;
        let store = open_store(&layout, config, &telemetry, lock.disk()).await?;
        let kept = CancellationToken::new();
        store.bring_with(Arc::new(Bringer {
            remotes: remotes.clone(),
            telemetry: telemetry.clone(),
            runtime: Handle::current(),
            stop: kept.clone(),
        }));
        let (own, told) = (layout.clone(), telemetry.clone());
        let fleet = Fleet::new(Parts {
            owned: Arc::clone(worker.owned()),
            bucketed,
            store: store.clone(),
            layout: layout.clone(),
            telemetry: telemetry.clone(),
            db: db.clone(),
            own_address: config.worker.own_address,
        });
        let copies = Copies::new(remotes, &config.storage, store.clone(), own, told, Arc::clone(&fleet));
        let mut site = Site {
            late: Late::new(&db, &telemetry, worker.shared_name()),
            layout,
            telemetry,
            db,
            store,
            worker,
            fleet,
            contexts: RwLock::default(),
            paused: Mutex::new(paused),
            copies,
            keeping: JoinSet::new(),
            kept,
            broken: CancellationToken::new(),
            set_aside,
            lock,
        };
        site.keep_store(config);
        site.watch_lock();
        site.keeping.spawn(Arc::clone(&site.worker).run(site.kept.clone()));
        site.keeping.spawn(Arc::clone(&site.late).run(site.kept.clone()));
        site.keeping.spawn(Arc::clone(&site.fleet).run(site.kept.clone()));
        for job in &jobs {
            site.declare(&job.order.series, job.rhythm.interval(now()));
            site.meet(job.series().exchange(), config)?;
        }
        let ours = || jobs.iter().map(Job::series).filter(|series| site.fleet.has(series));
        if known.is_empty() {
            site.recover_health(ours());
        }
        site.telemetry.restore(known.into_iter().filter(|known| site.fleet.has(&known.series)).collect());
        site.restore_coverage(ours());
        site.fleet.show().await;
        Ok(site)
    }

    fn keep_store(&mut self, config: &Config) {
        let keeper = Keeper {
            store: self.store.clone(),
            telemetry: self.telemetry.clone(),
            sync_every: config.storage.journal_sync,
            flush_every: config.storage.flush_interval,
            broken: self.broken.clone(),
        };
        self.keeping.spawn(keeper.clone().publish(self.kept.clone()));
        self.keeping.spawn(keeper.run(self.kept.clone()));
    }

    /// Syncs the remotes at their interval and keeps room on the disk, until the end.
    pub fn keep_copies(&mut self) {
        for remote in self.copies.remotes() {
            self.keeping.spawn(self.copies.clone().keep_synced(Arc::clone(remote), self.kept.clone()));
        }
        self.keeping.spawn(self.copies.clone().keep_room(self.kept.clone()));
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
    pub(super) fn worker(&self) -> &Worker {
        &self.worker
    }

    /// What keeps its series apart from those of other processes.
    pub(super) fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    /// Grows while the loop goes round that keeps this process's leases.
    #[must_use]
    pub fn rounds(&self) -> Rounds {
        self.worker.rounds()
    }

    /// Where state is kept over restarts.
    pub(super) fn database(&self) -> &Database {
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
            let (mut writer, mut findings) = store.writer(&own)?;
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
            self.telemetry
                .emit(DiskMeasured { free_bytes: bytes(disk.f_bavail), size_bytes: bytes(disk.f_blocks) });
        }
    }

    /// Ends in good order. Gives whether the journal did too; if not, the next start replays it.
    pub async fn close(mut self) -> bool {
        self.kept.cancel();
        while self.keeping.join_next().await.is_some() {}
        self.fleet.close().await;
        let store = self.store.clone();
        let closing = move || {
            enter_copied(&store);
            store.close()
        };
        let closed = tokio::task::spawn_blocking(closing).await;
        self.worker.leave().await;
        self.db.close().await;
        match closed {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::error!(error = %Chain(&error), "the journal is left as it is"),
            Err(error) => tracing::error!(%error, "closing the journal broke off"),
        }
        false
    }
}

/// State gauges from a ledger, so that they show what is true before the first run ends.
pub(super) fn tell_coverage(telemetry: &Telemetry, series: &Series, ledger: &Ledger) {
    // A process that was killed stored rows that it did not live to report.
    telemetry.health().know_rows(series, ledger.rows());
    let Some(exchange) = find(series.exchange()) else { return };
    let until = plan::due_until(exchange, series, &ledger.covered, now());
    telemetry.emit(coverage(series, ledger, until));
}

/// Takes in what the state store knows of series that are this process's now.
pub(super) async fn tell_known(telemetry: &Telemetry, db: &Database, series: &[Arc<Series>]) {
    match db.series_health().await {
        Ok(mut known) => {
            known.retain(|known| series.iter().any(|one| **one == known.series));
            telemetry.restore(known);
        }
        Err(error) => tracing::warn!(%error, "what earlier runs came to is not known"),
    }
}

/// Makes this process a worker, and the series of its jobs its own.
async fn enter(
    layout: &Layout,
    config: &Config,
    db: &Database,
    telemetry: &Telemetry,
    (jobs, is_daemon): (&[Job], bool),
) -> Result<Arc<Worker>, TrackerError> {
    let tracker = Tracker::new(db, telemetry);
    let terms = Terms {
        id: config.worker.id.clone(),
        slots: config.worker.slots,
        lease: config.worker.lease,
        retention: Retention::of_days(config.runs_retention_days),
        is_alone: db.kind() == "sqlite",
        is_spread: config.storage.fleet().is_some(),
        is_daemon,
    };
    let worker = Worker::enter(tracker, &layout.own(), terms, telemetry).await?;
    worker.want(jobs);
    worker.forget_gone().await?;
    worker.own().await?;
    Ok(worker)
}

/// Opens the store, and tells what the journal of the process before still held.
async fn open_store(
    layout: &Layout,
    config: &Config,
    telemetry: &Telemetry,
    disk: Arc<dyn Disk>,
) -> Result<Store, SiteError> {
    let began = Instant::now();
    let settings = store::Settings::drawn(layout, now(), config.storage.journal_sync.is_zero())?;
    let layout = layout.clone();
    let opened = tokio::task::spawn_blocking(move || Store::on(disk, &layout, settings)).await;
    let (store, replay) = opened.map_err(|error| StoreError::Io {
        action: "replaying",
        path: config.data_path.clone(),
        source: std::io::Error::other(error),
    })??;
    for (series, finding) in &replay.findings {
        match series {
            Some(series) => tell_finding(telemetry, series, finding),
            None => telemetry.emit(JournalTorn { file: &finding.path, why: &finding.detail }),
        }
    }
    for (series, error) in &replay.failures {
        telemetry.emit(PublishFailed { series, reason: error.reason(), error });
    }
    let (frames, rows, is_clean) = (replay.frames, replay.rows, replay.is_clean);
    telemetry.emit(JournalReplayed { frames, rows, is_clean, took: began.elapsed() });
    Ok(store)
}

/// The system's present time.
#[must_use]
pub fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
