//! Runs recurring jobs as tasks of the tracker: claimed before the run, settled after it. If the tracker's store
//! fails, collecting continues without it.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::engine::{Engine, Job, Trigger};
use crate::jobs::{Order, Outcome, Progress, RunError, RunErrorKind};
use crate::model::Micros;
use crate::telemetry::Reason;
use crate::tracker::{Fault, NewTask, Next, Refusal, TrackerError, Verdict};
use crate::worker::{TAKES_WITHIN, TaskLease};

/// The delay after a run that failed because of the disk: there may be space again at any moment.
const AFTER_STORAGE: Duration = Duration::from_secs(30);
/// The delay after a run that was refused, because another worker runs the job or it is ignored.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// The result of a run of a job.
#[derive(Debug)]
pub struct JobRun {
    /// The outcome; [`RunErrorKind::Refused`] if this process was not allowed to run it.
    pub outcome: Outcome,
    /// When the job is due again.
    pub due: Option<Micros>,
}

impl Engine {
    /// Runs a recurring job as its one task, `delay` after it was due. `failed` counts the consecutive failed
    /// runs before.
    pub async fn run_job(
        &self,
        job: &Job,
        failed: u32,
        delay: Duration,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &CancellationToken,
    ) -> JobRun {
        let permit = match self.fleet().enter(job.series(), stop, false).await {
            Ok(permit) => permit,
            Err(error) if matches!(error.kind, RunErrorKind::NotOwner { .. } | RunErrorKind::Stopped) => {
                // Its owner runs it.
                let due = Some(now() + self.fleet().again());
                return JobRun { outcome: Outcome::of_error(error), due };
            }
            Err(error) => return self.not_begun(job, failed, error).await,
        };
        let new = NewTask::job(job.series(), job.order.retry.delay);
        let taking = async {
            // Do not wait for an unreachable store.
            match self.database().is_away() {
                true => Ok(None),
                false => self.worker().claim_job(&new, &permit.stop).await.map(Some),
            }
        };
        let lease = match timeout(TAKES_WITHIN, taking).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(TrackerError::Refused(source))) => {
                tracing::info!(series = %job.series(), "not run: {source}");
                return JobRun { outcome: refused(&job.order, source), due: Some(now() + AFTER_REFUSAL) };
            }
            Ok(Err(TrackerError::Store(_))) | Err(_) => None,
        };
        let outcome = self.run_as_owner(&job.order, delay, progress, &permit).await;
        let is_cancelled = is_stopped(&outcome) && lease.as_ref().is_some_and(TaskLease::is_cancelled);
        let due = if is_cancelled { job.next_after(now()) } else { self.due_after(job, failed, &outcome) };
        if let Some(lease) = lease {
            let verdict = match is_cancelled {
                true => Verdict::Cancelled { again_at: due },
                false => verdict_of_job(&outcome, due),
            };
            self.worker().settle(lease, verdict).await;
        }
        JobRun { outcome, due }
    }

    /// A run that failed before any request was sent.
    async fn not_begun(&self, job: &Job, failed: u32, error: RunError) -> JobRun {
        let outcome = Outcome::of_error(error);
        self.keep_outcome(job.series(), &outcome).await;
        let due = self.due_after(job, failed, &outcome);
        JobRun { outcome, due }
    }

    /// When a job is due after a run. Candles close by the exchange's clock, whatever the system's says.
    fn due_after(&self, job: &Job, failed: u32, outcome: &Outcome) -> Option<Micros> {
        let at = now();
        let Some(error) = &outcome.error else {
            let theirs = match job.trigger {
                Trigger::AtClose { .. } => self.now_at(job.series()),
                Trigger::Every(_) | Trigger::Cron(..) | Trigger::Once | Trigger::OnDemand => at,
            };
            return job.next_after(theirs).map(|next| at + next.since(theirs));
        };
        let asked = error.wait().unwrap_or_default();
        let due = job.trigger.retry_after(failed + 1, asked, at);
        let is_by_storage = matches!(error.kind, RunErrorKind::Store(_) | RunErrorKind::NotTakenOver(_));
        Some(if is_by_storage { due.min(at + AFTER_STORAGE) } else { due })
    }
}

pub(crate) fn refused(order: &Order, source: Refusal) -> Outcome {
    Outcome::of_error(RunErrorKind::Refused(source).of(&order.series))
}

pub(crate) fn is_stopped(outcome: &Outcome) -> bool {
    outcome.error.as_ref().is_some_and(RunError::is_stop)
}

/// How to settle the attempt at a recurring job.
fn verdict_of_job(outcome: &Outcome, due: Option<Micros>) -> Verdict {
    let Some(error) = &outcome.error else { return Verdict::Succeeded { again_at: due } };
    let fault = Fault::of(error.reason().name(), error);
    match (error, due) {
        (error, _) if error.is_stop() => Verdict::GivenBack,
        (error, Some(due)) if error.reason() == Reason::RateLimited => {
            Verdict::RateLimited { fault, wait: due.since(now()) }
        }
        (_, Some(due)) => Verdict::Failed { fault, next: Next::At(due) },
        (_, None) => Verdict::Failed { fault, next: Next::Never },
    }
}
