//! Claims tasks under a lease and settles them with a verdict, at once or when the store is reachable again.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{HeldTask, Progress, TaskLease, Worker, lock};
use crate::tracker::{Claim, NewTask, Refusal, Start, TrackerError, Verdict};

/// Most settlements kept while the store is away; beyond that they are dropped, and their tasks end as lost
/// leases.
const UNSETTLED: usize = 1_000;

impl Worker {
    /// Claims the one task of a job or stream, planning it first if needed. `stop` is cancelled when the work
    /// must stop.
    pub(crate) async fn claim_job(
        &self,
        new: &NewTask,
        stop: &CancellationToken,
    ) -> Result<TaskLease, TrackerError> {
        match self.claim(&new.id, stop).await {
            Err(TrackerError::Refused(Refusal::NotFound { .. })) => {
                self.tracker.enqueue(new).await?;
                self.claim(&new.id, stop).await
            }
            taken => taken,
        }
    }

    /// Claims every task that covers part of a window, planning tasks for the rest.
    pub(crate) async fn claim_window(
        &self,
        new: &NewTask,
        stop: &CancellationToken,
    ) -> Result<Vec<TaskLease>, TrackerError> {
        let planned = self.tracker.enqueue(new).await?;
        let mut taken = Vec::new();
        for id in planned.open.iter().chain(&planned.waiting) {
            match self.claim(id, stop).await {
                Ok(lease) => taken.push(lease),
                Err(error) => {
                    self.settle_all(taken, &Verdict::GivenBack).await;
                    return Err(error);
                }
            }
        }
        match planned.blocked.first().filter(|_| taken.is_empty()) {
            Some(id) => self.claim(id, stop).await.map(|lease| vec![lease]),
            None => Ok(taken),
        }
    }

    /// Claims a waiting task, unless it was done meanwhile.
    pub(crate) async fn claim_waiting(
        &self,
        id: &str,
        stop: &CancellationToken,
    ) -> Result<TaskLease, TrackerError> {
        let asked = Instant::now();
        let claim = self.tracker.claim_by_id(id, &Start::new(&self.name, self.config.lease)).await?;
        Ok(self.leased(claim, asked, stop))
    }

    pub(crate) async fn claim(&self, id: &str, stop: &CancellationToken) -> Result<TaskLease, TrackerError> {
        // A pending settlement belongs to the attempt before this one.
        self.settle_late().await;
        let start = Start { rerun: true, ..Start::new(&self.name, self.config.lease) };
        let asked = Instant::now();
        let claim = match self.tracker.claim_by_id(id, &start).await {
            // A run that panicked left it claimed by this worker.
            Err(TrackerError::Refused(Refusal::TaskLocked { worker, .. }))
                if worker == self.name && !lock(&self.held_tasks.held).contains_key(id) =>
            {
                self.tracker.claim_by_id(id, &Start { ignore_lock: true, ..start }).await?
            }
            claimed => claimed?,
        };
        Ok(self.leased(claim, asked, stop))
    }

    pub(crate) fn leased(&self, claim: Claim, asked: Instant, stop: &CancellationToken) -> TaskLease {
        let (ends, is_cancelled) = (asked + self.config.lease, Arc::new(AtomicBool::new(false)));
        let progress = Progress::default();
        let held_task = HeldTask {
            fence: claim.fence,
            ends,
            stop: stop.clone(),
            is_cancelled: Arc::clone(&is_cancelled),
            progress: Arc::clone(&progress),
        };
        lock(&self.held_tasks.held).insert(claim.id.clone(), held_task);
        let held_tasks = Arc::clone(&self.held_tasks);
        TaskLease { claim, is_cancelled, progress, held_tasks, is_settled: false }
    }

    /// Settles a task. If the store is away, the settlement is kept and retried.
    pub(crate) async fn settle(&self, mut lease: TaskLease, verdict: Verdict) {
        lease.is_settled = true;
        if !self.tracker.is_store_away() {
            match self.tracker.settle(&lease.claim, &verdict, None).await {
                Ok(_) => return,
                Err(TrackerError::Refused(refusal)) => return tracing::warn!("{refusal}"),
                Err(TrackerError::Store(_)) => {}
            }
        }
        let mut unsettled = lock(&self.unsettled);
        if unsettled.len() < UNSETTLED {
            unsettled.push((lease.claim.clone(), verdict));
        }
    }

    /// Settles several tasks with the same verdict.
    pub(crate) async fn settle_all(&self, leases: Vec<TaskLease>, verdict: &Verdict) {
        for lease in leases {
            self.settle(lease, verdict.clone()).await;
        }
    }

    /// Withdraws tasks whose request was cancelled. A task that was attempted before stays, since others
    /// depend on it too.
    pub(crate) async fn withdraw_all(&self, leases: Vec<TaskLease>) {
        for mut lease in leases {
            if lease.claim.attempts_total > 1 {
                self.settle(lease, Verdict::GivenBack).await;
                continue;
            }
            lease.is_settled = true;
            match self.tracker.withdraw(&lease.claim).await {
                Ok(()) => {}
                Err(TrackerError::Refused(refusal)) => tracing::warn!("{refusal}"),
                Err(TrackerError::Store(_)) => self.settle(lease, Verdict::GivenBack).await,
            }
        }
    }

    /// Retries pending settlements.
    pub(crate) async fn settle_late(&self) {
        let _one = self.settling.lock().await;
        while !self.tracker.is_store_away() {
            let Some((claim, verdict)) = lock(&self.unsettled).pop() else { return };
            if let Err(TrackerError::Store(_)) = self.tracker.settle(&claim, &verdict, None).await {
                lock(&self.unsettled).push((claim, verdict));
                return;
            }
        }
    }
}
