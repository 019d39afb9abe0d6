//! Converts rows of either store to values of this room.

use std::time::Duration;

use sqlx::error::BoxDynError;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::model::{Micros, Window};
use crate::tracker::status::{Priority, Status, TaskKind};
use crate::tracker::task::{Lease, Task};

/// A column of either store, by name.
struct Columns<'r, R: Row>(&'r R);

impl<'r, R: Row> Columns<'r, R>
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn text(&self, name: &'static str) -> sqlx::Result<String> {
        self.0.try_get(name)
    }

    fn maybe_text(&self, name: &'static str) -> sqlx::Result<Option<String>> {
        self.0.try_get(name)
    }

    fn whole(&self, name: &'static str) -> sqlx::Result<i64> {
        self.0.try_get(name)
    }

    fn maybe_whole(&self, name: &'static str) -> sqlx::Result<Option<i64>> {
        self.0.try_get(name)
    }

    fn at(&self, name: &'static str) -> sqlx::Result<Micros> {
        self.whole(name).map(Micros)
    }

    fn maybe_at(&self, name: &'static str) -> sqlx::Result<Option<Micros>> {
        Ok(self.maybe_whole(name)?.map(Micros))
    }

    fn count(&self, name: &'static str) -> sqlx::Result<u32> {
        self.whole(name).map(count)
    }

    fn window(&self) -> sqlx::Result<Option<Window>> {
        let ends = self.maybe_at("window_from")?.zip(self.maybe_at("window_until")?);
        Ok(ends.and_then(|(from, until)| Window::new(from, until)))
    }

    fn kind(&self) -> sqlx::Result<TaskKind> {
        let name = self.text("kind")?;
        TaskKind::of_name(&name).ok_or_else(|| unknown("kind", &name))
    }

    fn status(&self) -> sqlx::Result<Status> {
        let code = self.whole("status")?;
        Status::of_code(code).ok_or_else(|| unknown("status", &code.to_string()))
    }
}

/// A count from the store, clamped to the valid range.
pub(super) fn count(stored: i64) -> u32 {
    u32::try_from(stored.max(0)).unwrap_or(u32::MAX)
}

fn unknown(column: &str, value: &str) -> sqlx::Error {
    let source: BoxDynError = format!("{value} is unknown to this version").into();
    sqlx::Error::ColumnDecode { index: column.to_owned(), source }
}

impl<'r, R: Row> FromRow<'r, R> for Task
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let row = Columns(row);
        let held =
            row.maybe_text("locked_by")?.zip(row.maybe_at("lock_time")?.zip(row.maybe_at("lease_until")?));
        Ok(Task {
            id: row.text("id")?,
            queue: row.text("queue")?,
            kind: row.kind()?,
            series: row.text("series")?,
            window: row.window()?,
            status: row.status()?,
            priority: Priority::of_code(row.whole("priority")?),
            run_at: row.at("run_at")?,
            attempts: row.count("attempts")?,
            attempts_total: row.count("attempts_total")?,
            max_attempts: row.maybe_whole("max_attempts")?.map(count),
            retry_delay: Duration::from_micros(row.whole("retry_delay")?.max(0).unsigned_abs()),
            fence: row.whole("fence")?,
            lease: held.map(|(worker, (since, until))| Lease { worker, since, until }),
            cancel_requested: row.whole("cancel_requested")? != 0,
            created_at: row.at("created_at")?,
            updated_at: row.at("updated_at")?,
            finished_at: row.maybe_at("finished_at")?,
            data: row.text("data")?,
            reason: row.maybe_text("reason")?,
            as_of: row.at("as_of")?,
        })
    }
}

/// A task just claimed by a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The task.
    pub id: String,
    pub queue: String,
    /// The kind of work.
    pub kind: TaskKind,
    /// The series, as text.
    pub series: String,
    /// The window to fetch, if it is a window task.
    pub window: Option<Window>,
    pub priority: Priority,
    /// When it was due.
    pub run_at: Micros,
    /// Attempts since it last succeeded, this one included.
    pub attempts: u32,
    /// Attempts ever begun, this one included.
    pub attempts_total: u32,
    /// The fence of this attempt.
    pub fence: i64,
    /// Progress of earlier attempts, as JSON.
    pub data: String,
}

impl From<&Task> for Claim {
    fn from(task: &Task) -> Self {
        Claim {
            id: task.id.clone(),
            queue: task.queue.clone(),
            kind: task.kind,
            series: task.series.clone(),
            window: task.window,
            priority: task.priority,
            run_at: task.run_at,
            attempts: task.attempts,
            attempts_total: task.attempts_total,
            fence: task.fence,
            data: task.data.clone(),
        }
    }
}

impl<'r, R: Row> FromRow<'r, R> for Claim
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let row = Columns(row);
        Ok(Claim {
            id: row.text("id")?,
            queue: row.text("queue")?,
            kind: row.kind()?,
            series: row.text("series")?,
            window: row.window()?,
            priority: Priority::of_code(row.whole("priority")?),
            run_at: row.at("run_at")?,
            attempts: row.count("attempts")?,
            attempts_total: row.count("attempts_total")?,
            fence: row.whole("fence")?,
            data: row.text("data")?,
        })
    }
}

/// One attempt at a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number among all attempts at the task, from 1.
    pub number: u32,
    pub fence: i64,
    pub worker: String,
    /// When it began.
    pub started_at: Micros,
    /// When it ended; `None` while it lasts.
    pub ended_at: Option<Micros>,
    /// How it ended, one of [`crate::tracker::outcome`].
    pub outcome: Option<String>,
    /// The class of its error.
    pub error_class: Option<String>,
    /// The message of its error.
    pub error: Option<String>,
    /// The causes of its error, the nearest first.
    pub causes: Vec<String>,
}

impl<'r, R: Row> FromRow<'r, R> for Attempt
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let row = Columns(row);
        let causes = row.maybe_text("causes")?.unwrap_or_default();
        Ok(Attempt {
            number: row.count("number")?,
            fence: row.whole("fence")?,
            worker: row.text("worker")?,
            started_at: row.at("started_at")?,
            ended_at: row.maybe_at("ended_at")?,
            outcome: row.maybe_text("outcome")?,
            error_class: row.maybe_text("error_class")?,
            error: row.maybe_text("error")?,
            causes: serde_json::from_str(&causes).unwrap_or_default(),
        })
    }
}

/// An attempt and its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The task's id.
    pub task: String,
    pub queue: String,
    /// The kind of work.
    pub kind: TaskKind,
    /// The series, as text.
    pub series: String,
    /// The window to fetch, if it is a window task.
    pub window: Option<Window>,
    pub attempt: Attempt,
}

impl Run {
    /// An attempt at a task.
    #[must_use]
    pub fn of(task: &Task, attempt: Attempt) -> Self {
        Run {
            task: task.id.clone(),
            queue: task.queue.clone(),
            kind: task.kind,
            series: task.series.clone(),
            window: task.window,
            attempt,
        }
    }
}

impl<'r, R: Row> FromRow<'r, R> for Run
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let attempt = Attempt::from_row(row)?;
        let row = Columns(row);
        Ok(Run {
            task: row.text("task_id")?,
            queue: row.text("queue")?,
            kind: row.kind()?,
            series: row.text("series")?,
            window: row.window()?,
            attempt,
        })
    }
}

/// A worker, by its last heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its name, unique among all processes that ever ran.
    pub id: String,
    /// The host and data path it works on.
    pub place: String,
    /// When it began.
    pub started_at: Micros,
    /// When it last sent a heartbeat.
    pub last_seen: Micros,
    /// The number of tasks it can run at once.
    pub slots: u32,
    /// The number it held at its last heartbeat.
    pub held: u32,
    /// How late its loop was at its last heartbeat.
    pub lag: Duration,
    /// Its memory at its last heartbeat, in bytes.
    pub rss_bytes: u64,
    /// Its version.
    pub version: String,
    /// The store's time when this was read.
    pub as_of: Micros,
}

/// The state of a worker, by the age of its last heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Seen within 30 s.
    Healthy,
    /// Not seen for 30 s.
    Stale,
    /// Not seen for 60 s: others take over what it held.
    Dead,
}

impl WorkerState {
    /// Every state.
    pub const ALL: [WorkerState; 3] = [WorkerState::Healthy, WorkerState::Stale, WorkerState::Dead];

    /// The word in labels and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WorkerState::Healthy => "healthy",
            WorkerState::Stale => "stale",
            WorkerState::Dead => "dead",
        }
    }
}

impl WorkerRow {
    /// Its state when this was read.
    #[must_use]
    pub fn state(&self) -> WorkerState {
        match self.as_of.since(self.last_seen).as_secs() {
            0..30 => WorkerState::Healthy,
            30..60 => WorkerState::Stale,
            _ => WorkerState::Dead,
        }
    }
}

impl<'r, R: Row> FromRow<'r, R> for WorkerRow
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let row = Columns(row);
        Ok(WorkerRow {
            id: row.text("id")?,
            place: row.text("place")?,
            started_at: row.at("started_at")?,
            last_seen: row.at("last_seen")?,
            slots: row.count("slots")?,
            held: row.count("held")?,
            lag: Duration::from_micros(row.whole("lag_micros")?.max(0).unsigned_abs()),
            rss_bytes: row.whole("rss_bytes")?.max(0).unsigned_abs(),
            version: row.text("version")?,
            as_of: row.at("as_of")?,
        })
    }
}
