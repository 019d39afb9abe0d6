//! Runs work under a task: claims it first, renews it meanwhile, and settles it afterwards.

use std::error::Error;
use std::time::Duration;

use thiserror::Error as Failure;
use tokio::time::{Instant, interval_at};

use crate::tracker::{
    Claim, Claimer, Fault, HeldLease, Next, Refusal, Start, Tracker, TrackerError, Verdict,
};

/// The task, as passed to the work.
#[derive(Clone, Debug)]
pub struct Running {
    /// The claim with its fence.
    pub claim: Claim,
    /// Progress as JSON, saved on success and failure for the next attempt.
    pub data: String,
}

/// Why work was not begun, or failed.
#[derive(Debug, Failure)]
pub enum StartError<E: Error + 'static> {
    /// It was refused, or its lease was lost: [`Refusal::TaskLocked`], [`Refusal::NoMoreRetries`] and others.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Tracker(TrackerError),
    /// The work itself failed, which has been recorded.
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
    /// Claims a task, does the work and records how it ended. The lease is renewed every third while the work
    /// lasts; if it is lost, or cannot be renewed until shortly before it expires, the work is dropped.
    ///
    /// If the returned future is dropped, the task stays locked until its lease expires, as after a crash.
    ///
    /// # Errors
    /// Why it was not begun, the error of the work, or that it was done but could not be recorded.
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
            // The error of the work matters more than that of recording it, which is reported anyway.
            Err(error) => Err(StartError::Work(error)),
        }
    }

    /// Renews the lease of a claim until it is lost, or about to expire without having been renewed.
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
                // Retried at the next third, while the lease lasts.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}

/// How long before its lease expires work must have stopped.
pub(crate) fn margin(lease: Duration) -> Duration {
    (lease / 10).min(Duration::from_secs(5))
}
