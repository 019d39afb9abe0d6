//! Reports the daemon's health: a snapshot of everything once a second, and `health.json` every few seconds.
//!
//! Runs beside the scheduler so that a stuck scheduler is noticed, and probes the store in a loop of its own so
//! that an unresponsive store is noticed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::config::Config;
use crate::daemon::alerts::{freshness, is_looked_at, would_fire};
use crate::daemon::queues::{joined, view};
use crate::daemon::{
    AlertView, Condition, DiskView, ExchangeView, Freshness, Liveness, OutOfStep, QueueView, RemoteView,
    STUCK, STUCK_SECS, Snapshot, Status, StoreView, StreamView, Trouble, WRITTEN_EVERY_SECS, WorkerView,
    troubles,
};
use crate::db::{DbError, Probed};
use crate::engine::{DiskRoom, Engine, RemoteKnown};
use crate::exchange::find;
use crate::jobs::stream::LiveStatus;
use crate::model::{Micros, Series};
use crate::telemetry::LiveState;
use crate::telemetry::events::{Chain, HealthChanged, HealthFileWritten, RowsDue};

/// How often the snapshot is taken.
const ROUND: Duration = Duration::from_secs(1);
/// How often `health.json` is written even if nothing changed.
const WRITE: Duration = Duration::from_secs(WRITTEN_EVERY_SECS);
/// The most reasons that are told when health changes; `/health` has all of them.
const MOST_REASONS: usize = 20;
/// How long what the metrics say is good.
const FIGURES: Duration = Duration::from_secs(5);
/// How often the store is probed.
const ASK: Duration = Duration::from_secs(5);
/// How long the store may take to answer before it counts as unreachable.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Publishes snapshots and writes `health.json`.
pub struct HealthReporter {
    engine: Arc<Engine>,
    status: Arc<Status>,
    environment: String,
    store: Mutex<StoreProbe>,
    /// When each current problem began.
    since: Mutex<BTreeMap<String, Micros>>,
    /// The last figures of the metrics, and when they were gathered.
    figures: Mutex<Option<(Instant, Figures)>>,
}

/// Figures of the metrics of all series.
#[derive(Clone, Default)]
struct Figures {
    freshness: Freshness,
    alerts: Vec<AlertView>,
}

/// The latest known state of the store.
#[derive(Default)]
struct StoreProbe {
    view: StoreView,
    /// When the pending probe was sent.
    waiting_since: Option<Instant>,
}

impl HealthReporter {
    /// A reporter that publishes to `status`.
    #[must_use]
    pub fn new(engine: Arc<Engine>, status: Arc<Status>, config: &Config) -> Self {
        HealthReporter {
            engine,
            status,
            environment: config.environment.clone(),
            store: Mutex::default(),
            since: Mutex::default(),
            figures: Mutex::default(),
        }
    }

    /// Runs until `stop`, then removes `health.json`.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.ask_store(&stop), self.beat(&stop));
        if let Err(error) = Liveness::remove(&self.engine.layout().own()) {
            tracing::debug!(%error, "health.json is left behind");
        }
    }

    async fn beat(&self, stop: &CancellationToken) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut written: Option<(Instant, (String, String, bool))> = None;
        let mut health = (Condition::Unhealthy, Vec::new());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            self.look_at_scheduler();
            let snapshot = self.snapshot();
            self.tell(&snapshot, &mut health);
            let liveness = Liveness::of(&snapshot, &self.status.troubles());
            self.status.set_snapshot(snapshot);
            // Write at once what changes the result of a health check.
            let told = (liveness.worker.clone(), liveness.status.clone(), liveness.store_error.is_some());
            let is_due = |(at, last): &(Instant, _)| *last != told || at.elapsed() >= WRITE;
            if written.as_ref().is_none_or(is_due) {
                written = Some((Instant::now(), told));
                self.write(liveness).await;
            }
        }
    }

    /// Tells those who follow along what happened in this round; `before` is the health that they know of.
    fn tell(&self, snapshot: &Snapshot, before: &mut (Condition, Vec<String>)) {
        let telemetry = self.engine.telemetry();
        telemetry.emit(RowsDue { at: snapshot.at });
        let unready = self.status.troubles();
        let condition = Condition::of(snapshot, &unready);
        let all: Vec<Trouble> = unready.into_iter().chain(troubles(snapshot)).collect();
        let about: Vec<String> = all.iter().map(|trouble| trouble.about.clone()).collect();
        // The words of a trouble may count seconds: only another one is news.
        if *before != (condition, about.clone()) {
            *before = (condition, about);
            let reasons = all.iter().take(MOST_REASONS).map(ToString::to_string).collect();
            telemetry.emit(HealthChanged { status: condition.name(), reasons, at: snapshot.at });
        }
    }

    async fn write(&self, liveness: Liveness) {
        let own = self.engine.layout().own();
        let written = tokio::task::spawn_blocking(move || liveness.write(&own)).await;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        self.engine.telemetry().emit(HealthFileWritten { error: written.as_ref().err() });
    }

    async fn ask_store(&self, stop: &CancellationToken) {
        let mut rounds = interval(ASK);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let own = self.engine.layout().own();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            self.asked(|asked| asked.waiting_since = Some(Instant::now()));
            tokio::select! {
                () = stop.cancelled() => return,
                answer = self.engine.database().probe(&own) => self.asked(|asked| asked.answered(answer)),
            }
        }
    }

    fn asked<T>(&self, change: impl FnOnce(&mut StoreProbe) -> T) -> T {
        change(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks the daemon unready while its scheduler is stuck.
    fn look_at_scheduler(&self) {
        let late = self.status.since_tick().as_secs_f64();
        if late > STUCK_SECS {
            let why = format!("the scheduler has not gone round for {late:.0} s");
            self.status.set_unready(STUCK, why);
        } else {
            self.status.clear_unready(STUCK);
        }
    }

    /// Takes a snapshot and updates when each problem began.
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.now();
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.since.clone_from(&since);
        *since = troubles(&snapshot).into_iter().map(|trouble| (trouble.about, trouble.since)).collect();
        snapshot.since.clone_from(&since);
        snapshot
    }

    /// The only place where a snapshot is filled.
    fn now(&self) -> Snapshot {
        let queues = self.queues();
        let DiskRoom { free_bytes, size_bytes } = self.engine.disk_room();
        let Figures { freshness, alerts } = self.figures();
        Snapshot {
            at: now(),
            environment: self.environment.clone(),
            workers: self.workers(),
            store: self.asked(|asked| asked.view()),
            disk: DiskView { free_bytes, size_bytes, error: self.engine.storage_trouble() },
            exchanges: self.engine.exchanges().into_iter().filter_map(|name| self.exchange(name)).collect(),
            queues,
            streams: self.streams(),
            remotes: self.remotes(),
            freshness,
            alerts,
            since: BTreeMap::new(),
        }
    }

    /// The same for a few seconds: gathering every metric costs more than all else here.
    fn figures(&self) -> Figures {
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, figures)) = &*figures
            && at.elapsed() < FIGURES
        {
            return figures.clone();
        }
        let (families, at) = (self.engine.telemetry().metrics().gather_of(is_looked_at), now());
        let found = Figures { freshness: freshness(&families, at), alerts: would_fire(&families, at) };
        *figures = Some((Instant::now(), found.clone()));
        found
    }

    fn streams(&self) -> Vec<StreamView> {
        let all = self.engine.live_states().snapshot().into_iter();
        let view = |(series, own): (Arc<Series>, LiveStatus)| StreamView {
            series: series.to_string(),
            state: own.state.name(),
            since: own.since,
            why: own.why.or_else(|| why_not_live(own.state).map(str::to_owned)),
            last_message: own.last_message,
            lag_s: own.lag.map(|lag| lag.as_secs_f64()),
            reconnects: own.connections.saturating_sub(1),
            out_of_step: own
                .out_of_step
                .map(|(since, reason)| OutOfStep { reason: reason.to_owned(), since }),
        };
        all.map(view).collect()
    }

    fn remotes(&self) -> Vec<RemoteView> {
        let view = |(name, own): (String, RemoteKnown)| RemoteView {
            name,
            pending_files: own.pending_files,
            pending_bytes: own.pending_bytes,
            last_success: own.last_success.map(Micros),
            consecutive_errors: own.consecutive_errors,
            last_error: own.last_error,
        };
        self.engine.copies().known().into_iter().map(view).collect()
    }

    /// This process first, then the store's other workers.
    fn workers(&self) -> Vec<WorkerView> {
        let late = self.status.since_tick().as_secs_f64();
        let worker = self.engine.worker();
        let own = WorkerView {
            id: worker.name().to_owned(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: if late > STUCK_SECS { "stuck" } else { self.status.word() },
            last_seen_s: 0.0,
            loop_lag_s: late,
            in_progress: self.status.queues().iter().map(|queue| queue.in_progress).sum(),
            rss_bytes: resident_bytes(),
        };
        let others = worker.others();
        std::iter::once(own).chain(others.iter().map(|(row, since)| view(row, *since))).collect()
    }

    /// The schedule's own counts replace the store's where those are stale.
    fn queues(&self) -> Vec<QueueView> {
        let scheduled = self.status.queues();
        match self.engine.worker().queue_depths().counts() {
            Some(counts) => joined(scheduled, &counts),
            None => scheduled,
        }
    }

    fn exchange(&self, name: &'static str) -> Option<ExchangeView> {
        let client = self.engine.client(name).filter(|_| self.engine.is_in_use(name))?;
        let held = client.held();
        let quota = find(name).and_then(|exchange| exchange.quotas().first()).map(|(_, quota)| quota);
        Some(ExchangeView {
            name,
            is_up: client.is_up(),
            is_down: client.is_down(),
            limited_until: held.filter(|hold| !hold.is_ban).map(|hold| hold.until),
            banned_until: held.filter(|hold| hold.is_ban).map(|hold| hold.until),
            limit: quota.map_or(0, |quota| quota.weight),
            per_secs: quota.map_or(0.0, |quota| quota.per.as_secs_f64()),
        })
    }
}

impl StoreProbe {
    fn answered(&mut self, answer: Result<Probed, DbError>) {
        self.waiting_since = None;
        match answer {
            Ok(probed) => {
                self.view = StoreView {
                    kind: probed.kind,
                    version: probed.version,
                    latency_ms: Some(probed.latency.as_secs_f64() * 1e3),
                    size_bytes: probed.size_bytes,
                    wal_bytes: probed.wal_bytes,
                    connections: probed.connections,
                    error: None,
                }
            }
            Err(error) => self.view.error = Some(Chain(&error).to_string()),
        }
    }

    fn view(&self) -> StoreView {
        let mut view = self.view.clone();
        let late = self.waiting_since.map(|since| since.elapsed()).filter(|late| *late > ANSWER_WITHIN);
        if let (None, Some(late)) = (&view.error, late) {
            view.error = Some(format!("the state store has not answered for {} s", late.as_secs()));
        }
        view
    }
}

/// The reason of a state for which no other is known.
fn why_not_live(state: LiveState) -> Option<&'static str> {
    match state {
        LiveState::Off => Some("this process does not listen to it"),
        LiveState::Connecting => Some("the exchange has not acknowledged it on an open connection yet"),
        LiveState::Live => None,
        LiveState::Stale => Some("the exchange has newer rows than it sends"),
        LiveState::Refused => Some("the exchange refuses to send it"),
    }
}

fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
