//! Tasks of the tracker.

use serde::Serialize;

/// One task.
#[derive(Serialize)]
pub(crate) struct TaskLine {
    pub(crate) id: String,
    pub(crate) exchange: String,
    pub(crate) kind: &'static str,
    pub(crate) series: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) status: &'static str,
    /// Whether it belongs to a paused job.
    pub(crate) paused: bool,
    pub(crate) priority: i64,
    pub(crate) run_at: String,
    pub(crate) attempts: u32,
    pub(crate) attempts_total: u32,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) worker: Option<String>,
    pub(crate) locked_at: Option<String>,
    pub(crate) lease_until: Option<String>,
    pub(crate) cancel_requested: bool,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) finished_at: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) data: String,
}

/// One attempt at a task.
#[derive(Serialize)]
pub(crate) struct AttemptLine {
    pub(crate) number: u32,
    pub(crate) worker: String,
    pub(crate) started_at: String,
    pub(crate) ended_at: Option<String>,
    pub(crate) outcome: String,
    pub(crate) error_class: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) causes: Vec<String>,
}

/// A task with its attempts.
#[derive(Serialize)]
pub(crate) struct TaskDetail {
    #[serde(flatten)]
    pub(crate) task: TaskLine,
    pub(crate) attempts_kept: Vec<AttemptLine>,
}

/// Why a task is in its state.
#[derive(Serialize)]
pub(crate) struct TaskReasons {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) paused: bool,
    pub(crate) because: Vec<String>,
}

/// Deleted tasks, by how they ended.
#[derive(Serialize)]
pub(crate) struct PrunedTasks {
    pub(crate) succeeded: u64,
    pub(crate) exhausted: u64,
}
