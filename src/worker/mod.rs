//! This process as a worker of the tracker: what it holds, the loop that renews it, and its signs of life.
//!
//! A task is dropped before its lease can end, by this process's own monotonic clock, also where the store
//! does not answer: nobody else can have begun on it then.
//!
//! **A clock that is set forward ends no lease of this process**: leases are renewed by the new time before
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
use crate::tracker::{Claim, Claimer, Tracker, TrackerError, Verdict, WorkerRow};
pub(crate) use crate::worker::config::{Sharing, WorkerConfig};
pub(crate) use crate::worker::fleet::{Bucketed, Fleet, Parts, RunPermit};
use crate::worker::fleet::{ONCE, Owned};
use crate::worker::host::{host, place_id};
pub(crate) use crate::worker::known::tell_coverage;
use crate::worker::queue_depths::QueueDepths;

/// How long a run may wait for the store before it begins without it.
pub(crate) const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// Grows with every round of the loop that keeps the leases.
pub(crate) type Rounds = Arc<AtomicU64>;

/// This process as a worker.
pub(crate) struct Worker {
    tracker: Tracker,
    config: WorkerConfig,
    name: String,
    place: String,
    began: Micros,
    held_tasks: Arc<HeldTasks>,
    owned: Arc<Owned>,
    /// Series of the configuration in force whose jobs come again by themselves.
    recurring: Mutex<BTreeSet<String>>,
    /// There may be rows of jobs that are configured no more.
    is_untidy: AtomicBool,
    unsettled: Mutex<Vec<(Claim, Verdict)>>,
    /// One at a time gives the store what it could not take.
    settling: tokio::sync::Mutex<()>,
    queue_depths: QueueDepths,
    rounds: Rounds,
}

/// The tasks that this process works on.
#[derive(Default)]
struct HeldTasks {
    held: Mutex<HashMap<String, HeldTask>>,
    /// Work that broke off without an end: its leases are not renewed, and end by themselves.
    has_dropped: AtomicBool,
}

/// One of them, as the loops see it.
struct HeldTask {
    fence: i64,
    ends: Instant,
    stop: CancellationToken,
    is_cancelled: Arc<AtomicBool>,
}

/// The lease of a task, as its work sees it. Dropped unsettled, it ends by itself.
pub(crate) struct TaskLease {
    claim: Claim,
    is_cancelled: Arc<AtomicBool>,
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
    /// Whether somebody asked for the work to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// The worker of a data path, whose lock this process holds: what earlier processes of the place held is
    /// taken from them at once.
    pub(crate) async fn enter(
        tracker: Tracker,
        own: &Path,
        config: WorkerConfig,
        telemetry: &Telemetry,
    ) -> Result<Arc<Self>, TrackerError> {
        let (host, began) = (host(), now());
        let name = config.id.clone().unwrap_or_else(|| host.clone());
        let once = if config.is_daemon { "" } else { ONCE };
        let name = format!("{name}:{}:{:x}{once}", std::process::id(), began.0);
        let worker = Worker {
            owned: Arc::new(Owned::new(tracker.clone(), telemetry.clone(), name.clone(), config.clone())),
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

    /// Grows while the loop goes round.
    pub(crate) fn rounds(&self) -> Rounds {
        Arc::clone(&self.rounds)
    }

    /// The series that are its own.
    pub(crate) fn owned(&self) -> &Arc<Owned> {
        &self.owned
    }

    /// Its name, one of each process that ever ran: the same in the store, in health and on the page.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The other workers of the store, as they were last seen.
    pub(crate) fn others(&self) -> Vec<(WorkerRow, Duration)> {
        self.queue_depths.others(&self.name)
    }

    /// Its name, where others work in the same store.
    pub(crate) fn shared_name(&self) -> Option<&str> {
        self.owned.is_shared().then_some(self.name.as_str())
    }

    /// Where its tasks are.
    pub(crate) fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What the store last said of its queues.
    pub(crate) fn queue_depths(&self) -> &QueueDepths {
        &self.queue_depths
    }

    fn claimer(&self) -> Claimer<'_> {
        Claimer { worker: &self.name, lease: self.config.lease }
    }

    /// Jobs that this process works on from now on: their series are its own as soon as nobody else owns them, and
    /// what it worked on before and does no more is anybody's once that lease has ended.
    /// Each series comes with whether its job comes again by itself.
    pub(crate) fn want(&self, jobs: &[(Arc<Series>, bool)]) {
        let recurring = jobs.iter().filter(|(_, is_recurring)| *is_recurring);
        *lock(&self.recurring) = recurring.map(|(series, _)| series.to_string()).collect();
        self.owned.want(jobs.iter().map(|(series, _)| Arc::clone(series)));
        self.release();
    }

    /// The work on a job that is configured no more has ended.
    pub(crate) fn release(&self) {
        self.is_untidy.store(true, Ordering::Relaxed);
    }

    /// Forgets the rows of jobs that nobody runs any more: with others in the store those of this data path alone.
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
