//! Tasks in hand: taken under a lease, and ended with a verdict, at once or when the store takes it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Hold, Holding, Worker, lock};
use crate::tracker::{Claim, NewTask, Refusal, Start, TrackerError, Verdict};

/// Ends that the store did not take; more are dropped, and their tasks then end as lost leases.
const UNSETTLED: usize = 1_000;

impl Worker {
    /// Takes the one task of a recurring job in hand, planning it first where it is not known. `stop` is
    /// cancelled when the work must stop.
    pub(crate) async fn take(&self, new: &NewTask, stop: &CancellationToken) -> Result<Hold, TrackerError> {
        match self.take_by_id(&new.id, stop).await {
            Err(TrackerError::Refused(Refusal::NotFound { .. })) => {
                self.tracker.enqueue(new).await?;
                self.take_by_id(&new.id, stop).await
            }
            taken => taken,
        }
    }

    /// Takes every task in hand that stands for a window, planning what no task stands for.
    pub(crate) async fn take_window(
        &self,
        new: &NewTask,
        stop: &CancellationToken,
    ) -> Result<Vec<Hold>, TrackerError> {
        let planned = self.tracker.enqueue(new).await?;
        let mut taken = Vec::new();
        for id in planned.open.iter().chain(&planned.waiting) {
            match self.take_by_id(id, stop).await {
                Ok(hold) => taken.push(hold),
                Err(error) => {
                    self.settle_all(taken, &Verdict::GivenBack).await;
                    return Err(error);
                }
            }
        }
        match planned.blocked.first().filter(|_| taken.is_empty()) {
            Some(id) => self.take_by_id(id, stop).await.map(|hold| vec![hold]),
            None => Ok(taken),
        }
    }

    /// Takes a task in hand that waits; one that is done meanwhile is not done again.
    pub(crate) async fn take_waiting(
        &self,
        id: &str,
        stop: &CancellationToken,
    ) -> Result<Hold, TrackerError> {
        let asked = Instant::now();
        let claim = self.tracker.claim_by_id(id, &Start::new(&self.name, self.terms.lease)).await?;
        Ok(self.hold(claim, asked, stop))
    }

    pub(crate) async fn take_by_id(&self, id: &str, stop: &CancellationToken) -> Result<Hold, TrackerError> {
        // An end that the store could not take belongs to the attempt before this one.
        self.settle_late().await;
        let start = Start { rerun: true, ..Start::new(&self.name, self.terms.lease) };
        let asked = Instant::now();
        let claim = match self.tracker.claim_by_id(id, &start).await {
            // A run that broke off left it: it is in nobody's hand.
            Err(TrackerError::Refused(Refusal::TaskLocked { worker, .. }))
                if worker == self.name && !lock(&self.hand.held).contains_key(id) =>
            {
                self.tracker.claim_by_id(id, &Start { ignore_lock: true, ..start }).await?
            }
            claimed => claimed?,
        };
        Ok(self.hold(claim, asked, stop))
    }

    pub(crate) fn hold(&self, claim: Claim, asked: Instant, stop: &CancellationToken) -> Hold {
        let (ends, is_cancelled) = (asked + self.terms.lease, Arc::new(AtomicBool::new(false)));
        let holding =
            Holding { fence: claim.fence, ends, stop: stop.clone(), is_cancelled: Arc::clone(&is_cancelled) };
        lock(&self.hand.held).insert(claim.id.clone(), holding);
        Hold { claim, is_cancelled, hand: Arc::clone(&self.hand), is_settled: false }
    }

    /// Ends the work on a task. What the store does not take now it is given again later.
    pub(crate) async fn settle(&self, mut hold: Hold, verdict: Verdict) {
        hold.is_settled = true;
        if !self.tracker.is_store_away() {
            match self.tracker.settle(&hold.claim, &verdict, None).await {
                Ok(_) => return,
                Err(TrackerError::Refused(refusal)) => return tracing::warn!("{refusal}"),
                Err(TrackerError::Store(_)) => {}
            }
        }
        let mut unsettled = lock(&self.unsettled);
        if unsettled.len() < UNSETTLED {
            unsettled.push((hold.claim.clone(), verdict));
        }
    }

    /// Ends the work on several tasks alike.
    pub(crate) async fn settle_all(&self, holds: Vec<Hold>, verdict: &Verdict) {
        for hold in holds {
            self.settle(hold, verdict.clone()).await;
        }
    }

    /// Ends work that nobody wants any more. A task that was tried before is somebody else's too, and stays.
    pub(crate) async fn withdraw_all(&self, holds: Vec<Hold>) {
        for mut hold in holds {
            if hold.claim.attempts_total > 1 {
                self.settle(hold, Verdict::GivenBack).await;
                continue;
            }
            hold.is_settled = true;
            match self.tracker.withdraw(&hold.claim).await {
                Ok(()) => {}
                Err(TrackerError::Refused(refusal)) => tracing::warn!("{refusal}"),
                Err(TrackerError::Store(_)) => self.settle(hold, Verdict::GivenBack).await,
            }
        }
    }

    /// Gives the store the ends it could not take before.
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
