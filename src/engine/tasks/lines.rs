//! Tasks and attempts in the shapes of answers.

use std::collections::HashSet;

use crate::api::{AttemptLine, RunProgress, TaskDetail, TaskLine};
use crate::model::{Micros, Series};
use crate::tracker::{Attempt, Task};

/// Whether a task is that of a paused job or live series.
pub(crate) fn is_paused(task: &Task, paused: &HashSet<Series>) -> bool {
    task.kind.recurs() && task.series.parse::<Series>().is_ok_and(|series| paused.contains(&series))
}

/// A task.
pub(crate) fn task_line(task: &Task, paused: bool) -> TaskLine {
    let text = |at: Micros| at.to_string();
    let lease = task.lease.as_ref();
    TaskLine {
        id: task.id.clone(),
        exchange: task.queue.clone(),
        kind: task.kind.name(),
        series: task.series.clone(),
        from: task.window.map(|window| text(window.from)),
        until: task.window.map(|window| text(window.until)),
        status: task.status.name(),
        paused,
        priority: task.priority.code(),
        run_at: text(task.run_at),
        attempts: task.attempts,
        attempts_total: task.attempts_total,
        max_attempts: task.max_attempts,
        worker: lease.map(|lease| lease.worker.clone()),
        locked_at: lease.map(|lease| text(lease.since)),
        lease_until: lease.map(|lease| text(lease.until)),
        cancel_requested: task.cancel_requested,
        created_at: text(task.created_at),
        updated_at: text(task.updated_at),
        finished_at: task.finished_at.map(text),
        reason: task.reason.clone(),
        data: task.data.clone(),
    }
}

/// A task with its attempts, and the progress of a run in this process.
pub(crate) fn detail(
    task: &Task,
    attempts: &[Attempt],
    paused: bool,
    progress: Option<RunProgress>,
) -> TaskDetail {
    let attempts_kept = attempts.iter().map(attempt_line).collect();
    TaskDetail { task: task_line(task, paused), attempts_kept, progress }
}

/// An attempt.
pub(crate) fn attempt_line(attempt: &Attempt) -> AttemptLine {
    AttemptLine {
        number: attempt.number,
        worker: attempt.worker.clone(),
        started_at: attempt.started_at.to_string(),
        ended_at: attempt.ended_at.map(|at| at.to_string()),
        outcome: outcome(attempt).to_owned(),
        error_class: attempt.error_class.clone(),
        error: attempt.error.clone(),
        causes: attempt.causes.clone(),
    }
}

/// How an attempt ended, or that it is running.
pub(crate) fn outcome(attempt: &Attempt) -> &str {
    attempt.outcome.as_deref().unwrap_or("running")
}
