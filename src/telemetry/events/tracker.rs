//! Events of tasks and of the workers that process them.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::Chain;
use crate::model::Micros;
use crate::telemetry::history::SavedJob;
use crate::telemetry::{Event, Telemetry};

/// Work was planned that was not already open.
pub struct TasksPlanned<'a> {
    /// The queue.
    pub exchange: &'a str,
    /// The number of tasks waiting for it.
    pub tasks: u64,
}

impl Event for TasksPlanned<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.planned.with_label_values(&[self.exchange]).inc_by(self.tasks);
        tracing::debug!(exchange = self.exchange, tasks = self.tasks, "tasks planned");
    }
}

/// A worker claimed tasks.
pub struct TasksClaimed<'a> {
    /// The queue.
    pub exchange: &'a str,
    /// The number of tasks.
    pub tasks: u64,
}

impl Event for TasksClaimed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.claims.with_label_values(&[self.exchange]).inc_by(self.tasks);
        tracing::debug!(exchange = self.exchange, tasks = self.tasks, "tasks claimed");
    }
}

/// An attempt at a task ended.
pub struct AttemptEnded<'a> {
    /// The queue.
    pub exchange: &'a str,
    /// The task.
    pub task: &'a str,
    /// Its outcome.
    pub outcome: &'static str,
    /// Whether it was the last attempt allowed.
    pub is_exhausted: bool,
}

impl Event for AttemptEnded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let tasks = &telemetry.metrics().tasks;
        tasks.attempts.with_label_values(&[self.exchange, self.outcome]).inc();
        let Self { exchange: queue, task: id, outcome, is_exhausted } = self;
        telemetry.history().saved(SavedJob { queue, id, outcome, is_exhausted });
        if self.is_exhausted {
            tasks.exhaustions.with_label_values(&[self.exchange]).inc();
            tracing::warn!(task = self.task, "the task failed as often as it may; see `dccd jobs show`");
        } else {
            tracing::debug!(task = self.task, outcome = self.outcome, "attempt ended");
        }
    }
}

/// Attempts at several tasks succeeded.
pub struct AttemptsSucceeded<'a> {
    /// The queue.
    pub exchange: &'a str,
    /// The tasks.
    pub tasks: &'a [String],
}

impl Event for AttemptsSucceeded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let attempts = &telemetry.metrics().tasks.attempts;
        attempts.with_label_values(&[self.exchange, "succeeded"]).inc_by(self.tasks.len() as u64);
        for id in self.tasks {
            let (queue, outcome, is_exhausted) = (self.exchange, "succeeded", false);
            telemetry.history().saved(SavedJob { queue, id, outcome, is_exhausted });
        }
        tracing::debug!(exchange = self.exchange, attempts = self.tasks.len(), "attempts succeeded");
    }
}

/// A task was taken from a worker that had stopped renewing its lease.
pub struct LeaseTaken<'a> {
    /// The queue.
    pub exchange: &'a str,
    /// The task.
    pub task: &'a str,
    /// The worker that held it.
    pub worker: &'a str,
}

impl Event for LeaseTaken<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.leases_lost.with_label_values(&[self.exchange]).inc();
        tracing::warn!(task = self.task, worker = self.worker, "lease lost; the task is tried again");
    }
}

/// The tasks of a queue were counted.
pub struct QueueCounted<'a> {
    /// The queue.
    pub exchange: &'a str,
    /// The number of tasks in each state.
    pub by_status: &'a [(&'static str, u64)],
    /// The number of pending tasks that are due.
    pub due: u64,
    /// When the one that has waited longest became due.
    pub oldest_due: Option<Micros>,
}

impl Event for QueueCounted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let tasks = &telemetry.metrics().tasks;
        for (status, count) in self.by_status {
            tasks.tasks.with_label_values(&[self.exchange, status]).set(*count as f64);
        }
        tasks.due.with_label_values(&[self.exchange]).set(self.due as f64);
        let oldest = self.oldest_due.map_or(0.0, Micros::as_secs_f64);
        tasks.oldest_due.with_label_values(&[self.exchange]).set(oldest);
    }
}

/// Every task was counted, and wrong counts were corrected.
pub struct CountsCorrected {
    /// The number of wrong counts.
    pub counts: u64,
}

impl Event for CountsCorrected {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.corrections.inc_by(self.counts);
        if self.counts > 0 {
            tracing::error!(counts = self.counts, "kept counts of tasks were wrong; please report this");
        }
    }
}

/// Tasks that ended long ago were deleted.
pub struct TasksPruned {
    /// The number of tasks.
    pub tasks: u64,
}

impl Event for TasksPruned {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.pruned.inc_by(self.tasks);
        tracing::debug!(tasks = self.tasks, "tasks pruned");
    }
}

/// This process recorded its heartbeat.
pub struct WorkerBeat {
    /// The time of the heartbeat.
    pub at: Micros,
    /// How late its loop was.
    pub lag: Duration,
    /// The number of tasks it holds.
    pub held: u32,
}

impl Event for WorkerBeat {
    fn emit(self, telemetry: &Telemetry) {
        let tasks = &telemetry.metrics().tasks;
        tasks.heartbeat.set(self.at.as_secs_f64());
        tasks.loop_lag.set(self.lag.as_secs_f64());
        tasks.held.set(f64::from(self.held));
    }
}

/// The workers of the store were read.
pub struct WorkersSeen<'a> {
    /// The number in each state.
    pub by_state: &'a [(&'static str, u64)],
}

impl Event for WorkersSeen<'_> {
    fn emit(self, telemetry: &Telemetry) {
        for (state, count) in self.by_state {
            telemetry.metrics().tasks.workers.with_label_values(&[state]).set(*count as f64);
        }
    }
}

/// The tracker's store failed; collecting continues.
pub struct TrackerFailed<'a> {
    /// The operation.
    pub operation: &'static str,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for TrackerFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.failures.with_label_values(&[self.operation]).inc();
        tracing::error!(operation = self.operation, error = %Chain(self.error), "the tracker's store failed");
    }
}

/// When the state store of the data path was last set aside, by any process.
pub struct StateStoreKnown {
    /// `None` if it never was.
    pub set_aside_at: Option<Micros>,
}

impl Event for StateStoreKnown {
    fn emit(self, telemetry: &Telemetry) {
        let at = self.set_aside_at.map_or(0.0, Micros::as_secs_f64);
        telemetry.metrics().tasks.store_set_aside.set(at);
    }
}

/// The state store was damaged, and a new one was created.
pub struct StateStoreSetAside<'a> {
    /// The path of the damaged one.
    pub to: &'a Path,
    /// The damage.
    pub why: &'a str,
    /// When it was set aside.
    pub at: Micros,
}

impl fmt::Display for StateStoreSetAside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the state store was damaged ({}); it lies in {} now and a new one was made. Rows, coverage and \
             metrics.json are not touched; lost is what it alone knew: the attempts of tasks, which ones were ignored, \
             which jobs were paused, the history of each series' runs, and that of metrics",
            self.why,
            self.to.display()
        )
    }
}

impl Event for StateStoreSetAside<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().tasks.store_set_aside.set(self.at.as_secs_f64());
        tracing::error!("{self}");
    }
}
