//! Tasks of the tracker.

use schemars::JsonSchema;
use serde::Serialize;

/// One task.
#[derive(Serialize, JsonSchema)]
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
#[derive(Serialize, JsonSchema)]
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
#[derive(Serialize, JsonSchema)]
pub(crate) struct TaskDetail {
    #[serde(flatten)]
    pub(crate) task: TaskLine,
    pub(crate) attempts_kept: Vec<AttemptLine>,
    /// The progress of a run in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<RunProgress>,
}

/// The progress of a run.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RunProgress {
    /// Since when this process works on it.
    pub(crate) since: String,
    /// Windows that are done.
    pub(crate) done: u64,
    /// Windows that are planned.
    pub(crate) planned: u64,
    /// Rows received and stored so far.
    pub(crate) rows: u64,
    pub(crate) rows_per_second: f64,
    /// At the rate so far; null before the first window is done.
    pub(crate) seconds_left: Option<f64>,
}

/// A page of tasks, the last changed first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TasksPage {
    pub(crate) jobs: Vec<TaskLine>,
    /// The cursor of the next page; null if this is the last.
    pub(crate) next: Option<String>,
}

/// A run: one attempt at a task.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RunLine {
    /// The task and the number of the attempt, with a colon between.
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) exchange: String,
    /// `job`, `backfill`, `repair` or `stream`.
    pub(crate) kind: &'static str,
    pub(crate) series: String,
    /// The window of the task, if it has one.
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    #[serde(flatten)]
    pub(crate) attempt: AttemptLine,
    /// The progress of a run in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<RunProgress>,
}

/// A page of runs, the last begun first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RunsPage {
    pub(crate) runs: Vec<RunLine>,
    /// The cursor of the next page; null if this is the last.
    pub(crate) next: Option<String>,
}

/// Why a task is in its state.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TaskReasons {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) paused: bool,
    pub(crate) because: Vec<String>,
}

/// Deleted tasks, by how they ended.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PrunedTasks {
    pub(crate) succeeded: u64,
    pub(crate) exhausted: u64,
}
