//! This process as a worker of the tracker: the tasks it holds, the loop that renews them, and its heartbeat.
//!
//! A task is dropped before its lease can expire, by this process's own monotonic clock, even if the store does
//! not answer: no other worker can have begun it by then.
//!
//! **Setting the clock forward expires no lease of this process**: leases are renewed by the new time before
//! expired ones are looked for.

mod config;
mod fleet;
mod heartbeat;
mod host;
mod known;
mod leases;
mod queue_depths;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::model::{Micros, Series};
use crate::telemetry::Telemetry;
use crate::tracker::{Claim, Claimer, Tracker, TrackerError, Verdict, WorkerRow, stream_id};
pub(crate) use crate::worker::config::{Sharing, WorkerConfig};
pub(crate) use crate::worker::fleet::{Bucketed, Fleet, Parts, RunPermit};
use crate::worker::fleet::{ONCE, Ownerships};
use crate::worker::host::{host, place_id};
pub(crate) use crate::worker::known::tell_coverage;
use crate::worker::queue_depths::QueueDepths;

/// How long a run may wait for the store before it begins without it.
pub(crate) const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// Counts the rounds of the loop that renews the leases.
pub(crate) type Rounds = Arc<AtomicU64>;

pub(crate) struct Worker {
    tracker: Tracker,
    config: WorkerConfig,
    /// Its name without its process.
    id: String,
    name: String,
    place: String,
    began: Micros,
    held_tasks: Arc<HeldTasks>,
    owned: Arc<Ownerships>,
    /// The tasks of configured jobs that recur, and of configured streams.
    recurring: Mutex<BTreeSet<String>>,
    /// Whether there may be rows of jobs or streams that are no longer configured.
    is_untidy: AtomicBool,
    unsettled: Mutex<Vec<(Claim, Verdict)>>,
    /// Serializes the settlements kept while the store was away.
    settling: tokio::sync::Mutex<()>,
    queue_depths: QueueDepths,
    rounds: Rounds,
}

/// The tasks this process works on.
#[derive(Default)]
struct HeldTasks {
    held: Mutex<HashMap<String, HeldTask>>,
    /// Whether work was dropped without a settlement: its leases are not renewed, and expire.
    has_dropped: AtomicBool,
}

/// A held task, as the loops see it.
struct HeldTask {
    fence: i64,
    ends: Instant,
    stop: CancellationToken,
    is_cancelled: Arc<AtomicBool>,
    progress: Progress,
}

/// The progress of a task as JSON; `None` keeps the stored one.
type Progress = Arc<Mutex<Option<String>>>;

/// The lease of a task, as its work sees it. If it is dropped unsettled, it expires.
pub(crate) struct TaskLease {
    claim: Claim,
    is_cancelled: Arc<AtomicBool>,
    progress: Progress,
    held_tasks: Arc<HeldTasks>,
    is_settled: bool,
}

impl Drop for TaskLease {
    fn drop(&mut self) {
        let mut held = lock(&self.held_tasks.held);
        if held.get(&self.claim.id).is_some_and(|held_task| held_task.fence == self.claim.fence) {
            held.remove(&self.claim.id);
        }
        if !self.is_settled {
            self.held_tasks.has_dropped.store(true, Ordering::Relaxed);
        }
    }
}

impl TaskLease {
    /// Whether the task was cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Saves its progress, as JSON, when the lease is next renewed.
    pub(crate) fn report(&self, progress: String) {
        *lock(&self.progress) = Some(progress);
    }
}

impl Worker {
    /// Registers the worker of a data path whose lock this process holds; takes over at once what earlier
    /// processes of the data path held.
    pub(crate) async fn enter(
        tracker: Tracker,
        own: &Path,
        config: WorkerConfig,
        telemetry: &Telemetry,
    ) -> Result<Arc<Self>, TrackerError> {
        let (host, began) = (host(), now());
        let id = config.id.clone().unwrap_or_else(|| host.clone());
        let once = if config.is_daemon { "" } else { ONCE };
        let name = format!("{id}:{}:{:x}{once}", std::process::id(), began.0);
        let worker = Worker {
            owned: Arc::new(Ownerships::new(
                tracker.clone(),
                telemetry.clone(),
                name.clone(),
                config.clone(),
            )),
            id,
            name,
            place: format!("{host}:{}", place_id(own)),
            tracker,
            config,
            began,
            held_tasks: Arc::default(),
            recurring: Mutex::default(),
            is_untidy: AtomicBool::default(),
            unsettled: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
            queue_depths: QueueDepths::default(),
            rounds: Rounds::default(),
        };
        worker.beat(Duration::ZERO).await?;
        worker.tracker.reap_place(&worker.place, &worker.name).await?;
        worker.tracker.disown_place(&worker.place, &worker.name).await?;
        worker.tracker.forget_place(&worker.place, &worker.name).await?;
        Ok(Arc::new(worker))
    }

    /// Counts the rounds of its loop.
    pub(crate) fn rounds(&self) -> Rounds {
        Arc::clone(&self.rounds)
    }

    /// The series it owns.
    pub(crate) fn owned(&self) -> &Arc<Ownerships> {
        &self.owned
    }

    /// Its name, unique among all processes that ever ran, and the same in the store, in health and on the
    /// page.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its name without its process: the same after a restart.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Its host and data path.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The store's other workers, as last seen.
    pub(crate) fn others(&self) -> Vec<(WorkerRow, Duration)> {
        self.queue_depths.others(&self.name)
    }

    /// Its name, if others share the store.
    pub(crate) fn shared_name(&self) -> Option<&str> {
        self.owned.is_shared().then_some(self.name.as_str())
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// The last counts of the store's queues.
    pub(crate) fn queue_depths(&self) -> &QueueDepths {
        &self.queue_depths
    }

    fn claimer(&self) -> Claimer<'_> {
        Claimer { worker: &self.name, lease: self.config.lease }
    }

    /// Sets the jobs that this process works on, each with whether it recurs, and the series it listens to. Their
    /// series are owned as soon as no other worker owns them; series no longer wanted are free once their lease
    /// expires.
    pub(crate) fn want(&self, jobs: &[(Arc<Series>, bool)], live: &[Arc<Series>]) {
        let recurring = jobs.iter().filter(|(_, is_recurring)| *is_recurring);
        let recurring = recurring.map(|(series, _)| series.to_string());
        *lock(&self.recurring) = recurring.chain(live.iter().map(|series| stream_id(series))).collect();
        let live: &[Arc<Series>] = if self.config.is_daemon { live } else { &[] };
        self.owned.want(jobs.iter().map(|(series, _)| series).chain(live).cloned());
        self.release();
    }

    /// Notes that the work on a job or stream that is no longer configured has ended.
    pub(crate) fn release(&self) {
        self.is_untidy.store(true, Ordering::Relaxed);
    }

    /// Deletes the rows of jobs and streams that are no longer configured; in a shared store only those of this data path.
    pub(crate) async fn forget_gone(&self) -> Result<(), TrackerError> {
        if !self.is_untidy.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let recurring = lock(&self.recurring).clone();
        let forgotten = match self.config.is_alone() {
            true => self.tracker.forget_jobs(&recurring).await,
            false => self.tracker.forget_jobs_of(&self.place, &recurring).await,
        };
        if forgotten.is_err() {
            self.release();
        }
        forgotten.map(|_| ())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
