//! A window of history as a task of the tracker: planned or found waiting, claimed before its run, and settled
//! after it.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::engine::job_task::{is_stopped, refused};
use crate::engine::{Engine, Job, Work, WorkKind};
use crate::jobs::{Order, Outcome, Precedence, Retry, Since};
use crate::model::{Micros, Series, Window};
use crate::tracker::{Fault, NewTask, Next, Refusal, Task, TaskKind, TrackerError, Verdict};
use crate::worker::{TAKES_WITHIN, TaskLease};

/// Levels per side of a book if no job says how many.
const USUAL_DEPTH: u32 = 50;

impl Engine {
    /// Claims the tasks of a window of history. Claims nothing if the tracker's store fails, since collecting
    /// continues without it. The error is the outcome of a run that this process may not begin.
    pub(crate) async fn claim_window(
        &self,
        work: &Work,
        stop: &CancellationToken,
    ) -> Result<Vec<TaskLease>, Outcome> {
        let taking = async {
            match (&work.task, self.window_of(&work.order)) {
                (Some(id), _) => self.worker().claim_waiting(id, stop).await.map(|lease| vec![lease]),
                (None, Some(window)) if !self.database().is_away() => {
                    self.worker().claim_window(&new_task(work, window), stop).await
                }
                (None, _) => Ok(Vec::new()),
            }
        };
        match (timeout(TAKES_WITHIN, taking).await, &work.task) {
            (Ok(Ok(leases)), _) => Ok(leases),
            (Ok(Err(TrackerError::Refused(refusal))), _) => Err(refused(&work.order, refusal)),
            // While the store is unreachable, a waiting task may have been claimed by another worker.
            (_, Some(id)) => Err(refused(&work.order, Refusal::LeaseLost { id: id.clone() })),
            (_, None) => Ok(Vec::new()),
        }
    }

    /// Settles the tasks of a window of history.
    pub(crate) async fn settle_window(&self, leases: Vec<TaskLease>, outcome: &Outcome, work: &Work) {
        if !is_stopped(outcome) {
            return self.worker().settle_all(leases, &verdict(outcome)).await;
        }
        if leases.iter().any(TaskLease::is_cancelled) {
            return self.worker().settle_all(leases, &Verdict::Cancelled { again_at: None }).await;
        }
        match work.withdrawn.is_cancelled() {
            true => self.worker().withdraw_all(leases).await,
            false => self.worker().settle_all(leases, &Verdict::GivenBack).await,
        }
    }

    /// The window of an order, unless it is empty.
    fn window_of(&self, order: &Order) -> Option<Window> {
        let since = match order.since {
            Since::Exactly(since) | Since::AtLeast(since) => since,
            Since::Origin | Since::Known => Micros::OLDEST,
        };
        Window::new(since, order.until.unwrap_or_else(|| self.now_at(&order.series)))
    }
}

fn new_task(work: &Work, window: Window) -> NewTask {
    let (order, kind) = (&work.order, kind(work));
    NewTask {
        max_attempts: Some(order.retry.attempts),
        retry_delay: order.retry.delay,
        is_explicit: true,
        ..NewTask::window(kind, &order.series, window)
    }
}

fn kind(work: &Work) -> TaskKind {
    if matches!(work.kind, WorkKind::Repair) { TaskKind::Repair } else { TaskKind::Backfill }
}

impl Work {
    /// The work for a window task. `None` if this version does not support it. A job of the series supplies
    /// the settings that the task does not carry.
    pub(crate) fn of_task(task: &Task, jobs: &[Job]) -> Option<Work> {
        let (series, window) = (task.series.parse::<Series>().ok()?, task.window?);
        let job = jobs.iter().find(|job| **job.series() == series);
        let since = match (task.kind, window.from) {
            (TaskKind::Job | TaskKind::Stream, _) => return None,
            (_, from) if from > Micros::OLDEST => Since::Exactly(from),
            (TaskKind::Repair, _) => Since::Known,
            (TaskKind::Backfill, _) => Since::Origin,
        };
        let order = Order {
            series: series.into(),
            since,
            until: Some(window.until),
            retry: Retry {
                attempts: task.max_attempts.unwrap_or(1).max(1),
                delay: task.retry_delay.min(Duration::from_secs(86_400)),
            },
            depth: job.map_or(USUAL_DEPTH, |job| job.order.depth),
            precedence: Precedence::Ordinary,
        };
        let work = if task.kind == TaskKind::Repair { Work::repair(order) } else { Work::fetch(order) };
        Some(Work { task: Some(task.id.clone()), ..work })
    }
}

/// How to settle the attempt at a window. The run has already retried each part as often as the policy allows, so
/// a failure leaves it exhausted: it is tried again after an hour, or by the next explicit run.
fn verdict(outcome: &Outcome) -> Verdict {
    match &outcome.error {
        None => Verdict::Succeeded { again_at: None },
        Some(error) if error.is_stop() => Verdict::GivenBack,
        Some(error) => Verdict::Failed { fault: Fault::of(error.reason().name(), error), next: Next::Never },
    }
}
