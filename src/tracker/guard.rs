//! A task around a piece of work: locked before, renewed meanwhile, recorded after.

use std::error::Error;
use std::time::Duration;

use thiserror::Error as Failure;
use tokio::time::{Instant, interval_at};

use crate::tracker::{
    Claim, Claimer, Fault, HeldLease, Next, Refusal, Start, Tracker, TrackerError, Verdict,
};

/// A task as the work on it sees it.
#[derive(Clone, Debug)]
pub struct Running {
    /// The fence of the claim.
    pub claim: Claim,
    /// How far it is, as JSON; kept on success and on failure, for the next attempt.
    pub data: String,
}

/// Why a piece of work was not begun, or did not end well.
#[derive(Debug, Failure)]
pub enum StartError<E: Error + 'static> {
    /// It was not begun, or its lease was lost: [`Refusal::TaskLocked`], [`Refusal::NoMoreRetries`] and others.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Tracker(TrackerError),
    /// The work itself failed; that is on record.
    #[error(transparent)]
    Work(E),
}

impl<E: Error + 'static> From<TrackerError> for StartError<E> {
    fn from(error: TrackerError) -> Self {
        match error {
            TrackerError::Refused(refusal) => StartError::Refused(refusal),
            store @ TrackerError::Store(_) => StartError::Tracker(store),
        }
    }
}

impl Tracker {
    /// Locks a task, does the work and records how it ended. The lease is renewed every third while the work
    /// lasts; once it is lost, or cannot be renewed until shortly before it ends, the work is dropped.
    ///
    /// Where the returned future is dropped the task stays locked until its lease ends, as after a crash.
    ///
    /// # Errors
    /// Why it was not begun; what the work failed with; or that it was done, and not recorded.
    pub async fn start<T, E: Error + Send + Sync + 'static>(
        &self,
        id: &str,
        start: &Start<'_>,
        work: impl AsyncFnOnce(&mut Running) -> Result<T, E>,
    ) -> Result<T, StartError<E>> {
        let claim = self.claim_by_id(id, start).await?;
        let mut running = Running { data: claim.data.clone(), claim: claim.clone() };
        let done = tokio::select! {
            done = work(&mut running) => done,
            () = self.until_lost(&claim, Claimer { worker: start.worker, lease: start.lease }) => {
                return Err(Refusal::LeaseLost { id: id.to_owned() }.into());
            }
        };
        let verdict = match &done {
            Ok(_) => Verdict::Succeeded { again_at: None },
            Err(error) => Verdict::Failed {
                fault: Fault::of("error", error),
                next: Next::Backoff { at_least: Duration::ZERO },
            },
        };
        let settled = self.settle(&claim, &verdict, Some(&running.data)).await;
        match done {
            Ok(value) => settled.map(|_| value).map_err(StartError::from),
            // The failure of the work says more than that its record could not be kept, which is told.
            Err(error) => Err(StartError::Work(error)),
        }
    }

    /// Renews the lease of a claim until it is lost, or until it would end before it can be renewed.
    async fn until_lost(&self, claim: &Claim, claimer: Claimer<'_>) {
        let third = (claimer.lease / 3).max(Duration::from_millis(1));
        let mut ticks = interval_at(Instant::now() + third, third);
        let mut ends = Instant::now() + claimer.lease;
        let held = [HeldLease::from(claim)];
        while Instant::now() + margin(claimer.lease) < ends {
            ticks.tick().await;
            let asked = Instant::now();
            let left = ends.saturating_duration_since(asked).saturating_sub(margin(claimer.lease));
            match tokio::time::timeout(left, self.renew(claimer, &held)).await {
                Ok(Ok(renewed)) if renewed.is_empty() => return,
                Ok(Ok(_)) => ends = asked + claimer.lease,
                // Tried again at the next third, while the lease lasts.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}

/// How long before a lease ends its work must have stopped.
pub(crate) fn margin(lease: Duration) -> Duration {
    (lease / 10).min(Duration::from_secs(5))
}
