//! A task as programs and people read it.

use crate::api::{AttemptLine, TaskLine};
use crate::model::{Micros, Series, Zone};
use crate::tracker::{Attempt, Task};

/// A task for programs.
pub(super) fn task_line(task: &Task, paused: bool) -> TaskLine {
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

/// An attempt for programs.
pub(super) fn attempt_line(attempt: &Attempt) -> AttemptLine {
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

/// How an attempt ended, or that it goes on.
pub(super) fn outcome(attempt: &Attempt) -> &str {
    attempt.outcome.as_deref().unwrap_or("running")
}

/// The head of the table of tasks.
pub(super) fn head() -> String {
    format!("{:<12} {:<9} {:>8} {:<17} {}", "status", "kind", "attempts", "due", "task")
}

/// A task's row of the table.
pub(super) fn row(task: &Task, is_paused: bool, zone: &Zone) -> String {
    let most = task.max_attempts.map_or_else(|| "-".to_owned(), |most| most.to_string());
    let attempts = format!("{}/{most}", task.attempts);
    let waits = task.status.is_waiting();
    let due = if waits && !is_paused { zone.minute(task.run_at) } else { "-".to_owned() };
    // A run under way ends normally.
    let status = if waits && is_paused { PAUSED } else { task.status.name() };
    format!("{status:<12} {:<9} {attempts:>8} {due:<17} {}", task.kind.name(), task.id)
}

/// The row of a paused job that never ran.
pub(super) fn paused_row(series: &Series) -> String {
    format!("{PAUSED:<12} {:<9} {:>8} {:<17} {series}", "job", "-", "-")
}

/// What is shown in place of a state of the tracker.
const PAUSED: &str = "paused";
