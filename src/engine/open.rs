//! Opens a data path: its lock first, then the state that earlier processes left, then the maintenance loops.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{AD_HOC_SERIES, Engine, EngineError, owner, state};
use crate::clock::now;
use crate::config::Config;
use crate::db::{Database, SetAside};
use crate::disk::{Disk, atomic};
use crate::engine::copies::{self, Copies};
use crate::engine::flusher::Flusher;
use crate::engine::pending_health::PendingHealth;
use crate::engine::under_way::UnderWay;
use crate::engine::{Job, LiveJob, MetricHistory};
use crate::jobs::stream::{LiveStates, PresentBooks};
use crate::jobs::tell_finding;
use crate::model::Series;
use crate::remote::{Remote, Restorer};
use crate::store::{self, DataLock, Layout, Store, StoreError};
use crate::telemetry::events::{JournalReplayed, JournalTorn, PublishFailed};
use crate::telemetry::{HealthMonitor, SeriesHealth, Telemetry};
use crate::tracker::{Retention, Tracker, TrackerError};
use crate::worker::{Bucketed, Fleet, Parts, Sharing, Worker, WorkerConfig};

impl Engine {
    /// Opens a data path for `command`.
    ///
    /// # Errors
    /// See [`EngineError`]; nothing but the lock file is changed then.
    pub async fn open(config: &Config, command: &str) -> Result<Engine, EngineError> {
        let layout = Layout::new(&config.data_path);
        let lock = owner::take_lock(&layout, command).await?;
        let own = layout.own();
        atomic::sweep(&own).map_err(|source| {
            EngineError::Store(StoreError::Io { action: "tidying", path: own.clone(), source })
        })?;
        let jobs = Job::all(config);
        let telemetry = listen(&layout, config, jobs.len() + LiveJob::all(config).len())?;
        let (db, set_aside) = state::open(&layout, config, &telemetry).await?;
        let known = db.series_health().await?;
        let paused = db.paused().await?.into_iter().collect();
        let bucketed = copies::bucket(&config.storage)?;
        let remotes = copies::remotes(&config.storage, bucketed.as_ref())?;
        let is_daemon = ["start", "stream"].contains(&command);
        let worker = enter(&layout, config, &db, &telemetry, (&jobs, is_daemon)).await?;
        let store = open_store(&layout, config, &telemetry, lock.disk()).await?;
        let opened =
            Opened { layout, telemetry, db, set_aside, paused, bucketed, remotes, worker, store, lock };
        let engine = Engine::on(config, opened);
        engine.begin(config);
        for job in &jobs {
            engine.declare(&job.order.series, job.trigger.interval(now()));
            engine.connect(job.series().exchange(), config)?;
        }
        engine.remember(&jobs, known);
        engine.fleet.show().await;
        Ok(engine)
    }

    /// Joins the opened parts with the copies and the fleet.
    fn on(config: &Config, opened: Opened) -> Engine {
        let Opened { layout, telemetry, db, set_aside, paused, bucketed, remotes, worker, store, lock } =
            opened;
        let kept = CancellationToken::new();
        store.restore_with(Arc::new(Restorer {
            remotes: remotes.clone(),
            telemetry: telemetry.clone(),
            runtime: Handle::current(),
            stop: kept.clone(),
        }));
        let fleet = Fleet::new(Parts {
            owned: Arc::clone(worker.owned()),
            bucketed,
            store: store.clone(),
            layout: layout.clone(),
            telemetry: telemetry.clone(),
            db: db.clone(),
            own_address: config.worker.own_address,
            live_sync_interval: config.storage.live_sync_interval,
        });
        let (own, listener) = (layout.clone(), telemetry.clone());
        let copies = Copies::new(remotes, &config.storage, store.clone(), own, listener, Arc::clone(&fleet));
        let books = PresentBooks::default();
        books.want(LiveJob::books(&LiveJob::all(config)));
        Engine {
            history: MetricHistory::of(&worker, &db, &telemetry),
            pending_health: PendingHealth::new(&db, &telemetry, worker.shared_name()),
            live: LiveStates::new(&telemetry, now),
            books,
            under_way: UnderWay::default(),
            layout,
            telemetry,
            db,
            store,
            worker,
            fleet,
            contexts: RwLock::default(),
            paused: Mutex::new(paused),
            copies,
            disk: Mutex::default(),
            keeping: Mutex::new(JoinSet::new()),
            kept,
            broken: CancellationToken::new(),
            set_aside,
            watch: lock.watch(),
            lock: Mutex::new(Some(lock)),
        }
    }

    /// Starts the loops that keep the data path until the engine is closed.
    fn begin(&self, config: &Config) {
        self.keep_store(config);
        self.watch_lock();
        self.keep(Arc::clone(&self.worker).run(self.kept.clone()));
        self.keep(Arc::clone(&self.pending_health).run(self.kept.clone()));
        self.keep(Arc::clone(&self.fleet).run(self.kept.clone()));
    }

    /// Restores the health and the coverage that earlier processes recorded of this process's series.
    fn remember(&self, jobs: &[Job], known: Vec<SeriesHealth>) {
        let ours = || jobs.iter().map(Job::series).filter(|series| self.fleet.has(series));
        if known.is_empty() {
            self.recover_health(ours());
        }
        self.telemetry.restore(known.into_iter().filter(|known| self.fleet.has(&known.series)).collect());
        self.restore_coverage(ours());
    }

    fn keep_store(&self, config: &Config) {
        let flusher = Flusher {
            store: self.store.clone(),
            telemetry: self.telemetry.clone(),
            sync_every: config.storage.journal_sync,
            flush_every: config.storage.flush_interval,
            broken: self.broken.clone(),
        };
        self.keep(flusher.clone().publish(self.kept.clone()));
        self.keep(flusher.run(self.kept.clone()));
    }
}

/// The parts of an engine that are opened one after the other.
struct Opened {
    layout: Layout,
    telemetry: Telemetry,
    db: Database,
    set_aside: Option<SetAside>,
    paused: HashSet<Series>,
    bucketed: Option<Bucketed>,
    remotes: Vec<Arc<dyn Remote>>,
    worker: Arc<Worker>,
    store: Store,
    lock: DataLock,
}

/// Telemetry over the health that earlier processes recorded.
fn listen(layout: &Layout, config: &Config, series: usize) -> Result<Telemetry, EngineError> {
    let health = HealthMonitor::open(layout.root()).map_err(|source| EngineError::Health {
        path: layout.own().join("metrics.json").display().to_string(),
        source,
    })?;
    let telemetry = Telemetry::with_health(health);
    telemetry.show_config(&config.hash, config.alerts.max_consecutive_errors);
    telemetry.metrics().limit_series(series + AD_HOC_SERIES);
    Ok(telemetry)
}

/// Registers this process as a worker that wants the series of its jobs.
async fn enter(
    layout: &Layout,
    config: &Config,
    db: &Database,
    telemetry: &Telemetry,
    (jobs, is_daemon): (&[Job], bool),
) -> Result<Arc<Worker>, TrackerError> {
    let tracker = Tracker::new(db, telemetry);
    let own = WorkerConfig {
        id: config.worker.id.clone(),
        slots: config.worker.slots,
        lease: config.worker.lease,
        retention: Retention::of_days(config.runs_retention_days),
        sharing: match (db.kind(), config.storage.fleet()) {
            ("sqlite", _) => Sharing::Nothing,
            (_, None) => Sharing::Store,
            (_, Some(_)) => Sharing::StoreAndBucket,
        },
        is_daemon,
    };
    let worker = Worker::enter(tracker, &layout.own(), own, telemetry).await?;
    worker.want(&Job::wanted(jobs), &LiveJob::series(&LiveJob::all(config)));
    worker.forget_gone().await?;
    worker.own().await?;
    Ok(worker)
}

/// Opens the store and reports the rows that the previous process's journal still held.
async fn open_store(
    layout: &Layout,
    config: &Config,
    telemetry: &Telemetry,
    disk: Arc<dyn Disk>,
) -> Result<Store, EngineError> {
    let began = Instant::now();
    let settings = store::StoreSettings::drawn(layout, now(), config.storage.journal_sync.is_zero())?;
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
