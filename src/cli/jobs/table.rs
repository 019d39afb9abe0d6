//! A task as a row of a table.

use crate::cli::table::Column;
use crate::model::Zone;
use crate::tracker::{Task, TaskKind};

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
