//! A task as JSON and as a row of a table.

use crate::api::{AttemptLine, TaskLine};
use crate::cli::table::Column;
use crate::model::{Micros, Zone};
use crate::tracker::{Attempt, Task, TaskKind};

/// A task as JSON.
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

/// An attempt as JSON.
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

/// How an attempt ended, or that it is running.
pub(super) fn outcome(attempt: &Attempt) -> &str {
    attempt.outcome.as_deref().unwrap_or("running")
}

/// The columns of the table of tasks.
pub(super) fn columns(zone: &str) -> [Column; 5] {
    [
        Column::left("status", 12),
        Column::left("kind", 9),
        Column::right("attempts", 8),
        Column::time("due", 17, zone),
        Column::left("task", 0),
    ]
}

/// A task's row of the table.
pub(super) fn row(task: &Task, is_paused: bool, zone: &Zone) -> [String; 5] {
    let most = task.max_attempts.map_or_else(|| "-".to_owned(), |most| most.to_string());
    let attempts = format!("{}/{most}", task.attempts);
    let waits = task.status.is_waiting();
    let due = if waits && !is_paused { zone.minute(task.run_at) } else { "-".to_owned() };
    // A run under way ends normally.
    let status = if waits && is_paused { PAUSED } else { task.status.name() };
    [status.to_owned(), task.kind.name().to_owned(), attempts, due, task.id.clone()]
}

/// The row of a paused job or live series that never ran.
pub(super) fn paused_row(kind: TaskKind, id: String) -> [String; 5] {
    [PAUSED.to_owned(), kind.name().to_owned(), "-".to_owned(), "-".to_owned(), id]
}

/// The status shown for a waiting task of a paused job or live series.
const PAUSED: &str = "paused";
