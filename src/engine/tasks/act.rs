//! Decisions of people about a task.

use super::lines::{is_paused, task_line};
use super::list::{TasksError, paused, shown, tracker};
use crate::api::TaskLine;
use crate::db::Database;
use crate::engine::wrong::wrong;

/// The most characters of a reason, which is shown with the task.
const REASON_CHARS: usize = 500;

/// A decision about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskAction {
    /// It runs at once, with all its attempts left; one that succeeded only if forced.
    Retry { force: bool },
    /// It is skipped until it is retried.
    Ignore { reason: String },
    /// Its holder stops; a waiting window is skipped.
    Cancel,
    /// It is taken from its holder.
    Unlock,
}

/// Carries out a decision, and returns the task after it.
///
/// # Errors
/// If there is no such task, the reason is too long, or its state does not allow it.
pub(crate) async fn act(db: &Database, id: &str, action: &TaskAction) -> Result<TaskLine, TasksError> {
    if let TaskAction::Ignore { reason } = action
        && reason.chars().count() > REASON_CHARS
    {
        return Err(wrong("reason", format!("it has at most {REASON_CHARS} characters")).into());
    }
    let tracker = tracker(db);
    if tracker.task(id).await?.is_none() {
        return Err(TasksError::NoTask { id: shown(id) });
    }
    let task = match action {
        TaskAction::Retry { force } => tracker.retry(id, *force).await?,
        TaskAction::Ignore { reason } => tracker.ignore(id, reason).await?,
        TaskAction::Cancel => tracker.cancel(id).await?,
        TaskAction::Unlock => tracker.unlock(id).await?,
    };
    Ok(task_line(&task, is_paused(&task, &paused(db).await?)))
}
