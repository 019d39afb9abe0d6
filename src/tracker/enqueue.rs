//! Plans work: adds a task unless one is open, or merges a window with waiting ones near it.

use std::time::Duration;

use crate::model::{Micros, Series, Window};
use crate::telemetry::events::TasksPlanned;
use crate::tracker::connection::{Change, values};
use crate::tracker::merge::{Near, Part, place};
use crate::tracker::status::{Priority, Status, TaskKind};
use crate::tracker::{Task, Tracker, TrackerError};

/// Work to plan.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// Its id; a part of a window that becomes a task of its own is named after its ends.
    pub id: String,
    /// The queue: its exchange.
    pub queue: String,
    pub kind: TaskKind,
    /// The series, as text; empty if it belongs to none.
    pub series: String,
    /// The window to fetch.
    pub window: Option<Window>,
    pub priority: Priority,
    /// Not claimed before this; `None` for now.
    pub run_at: Option<Micros>,
    /// Failed attempts until it is exhausted; `None` for never.
    pub max_attempts: Option<u32>,
    /// The delay after the first failed attempt; it doubles from one to the next.
    pub retry_delay: Duration,
    /// Whether it was requested explicitly, so that an exhausted window is retried without resting.
    pub is_explicit: bool,
}

impl NewTask {
    /// A task of three attempts that belongs to no series.
    #[must_use]
    pub fn named(id: &str, queue: &str) -> Self {
        NewTask {
            id: id.to_owned(),
            queue: queue.to_owned(),
            kind: TaskKind::Backfill,
            series: String::new(),
            window: None,
            priority: Priority::default(),
            run_at: None,
            max_attempts: Some(3),
            retry_delay: Duration::from_secs(5),
            is_explicit: false,
        }
    }

    /// The single row of a recurring job: its id is the series.
    #[must_use]
    pub fn job(series: &Series, retry_delay: Duration) -> Self {
        NewTask {
            kind: TaskKind::Job,
            series: series.to_string(),
            priority: Priority::Normal,
            max_attempts: None,
            retry_delay,
            ..NewTask::named(&series.to_string(), series.exchange())
        }
    }

    /// The single row of a live series.
    #[must_use]
    pub fn stream(series: &Series, retry_delay: Duration) -> Self {
        NewTask { kind: TaskKind::Stream, id: stream_id(series), ..NewTask::job(series, retry_delay) }
    }

    /// A window of history of a series.
    #[must_use]
    pub fn window(kind: TaskKind, series: &Series, window: Window) -> Self {
        NewTask {
            kind,
            series: series.to_string(),
            window: Some(window),
            priority: Priority::Low,
            ..NewTask::named(&window_id(kind, &series.to_string(), window), series.exchange())
        }
    }
}

/// The id of the task of a live series.
#[must_use]
pub fn stream_id(series: &Series) -> String {
    format!("{}:{series}", TaskKind::Stream)
}

/// The id of a window's task.
fn window_id(kind: TaskKind, series: &str, window: Window) -> String {
    format!("{kind}:{series}:{}..{}", window.from, window.until)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Tasks now waiting to do it: new ones, and ones it was merged with.
    pub waiting: Vec<String>,
    /// Whether a task is new, was widened, or waits again.
    pub is_new: bool,
    /// Tasks already working on some or all of it.
    pub open: Vec<String>,
    /// Tasks that block it: ignored, or exhausted and resting for an hour.
    pub blocked: Vec<String>,
}

impl Tracker {
    /// Plans work, unless a task for it is already open.
    ///
    /// A task that succeeded is opened again, so that data lost since is fetched again.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn enqueue(&self, new: &NewTask) -> Result<Enqueued, TrackerError> {
        let planned = self.trying("enqueue", || self.plan(new)).await?;
        if planned.is_new {
            self.telemetry.emit(TasksPlanned { exchange: &new.queue, tasks: planned.waiting.len() as u64 });
        }
        Ok(planned)
    }

    async fn plan(&self, new: &NewTask) -> sqlx::Result<Enqueued> {
        let (mut change, mut done) = (self.change().await?, Enqueued::default());
        match new.window {
            None => self.add(&mut change, new, None, &mut done).await?,
            Some(window) => {
                let placed =
                    place(window, &near(&mut change, new, window).await?, new.is_explicit, self.about_now());
                (done.open, done.blocked) = (placed.open, placed.blocked);
                for part in &placed.parts {
                    match &part.into {
                        None => self.add(&mut change, new, Some(part.window), &mut done).await?,
                        Some(id) => self.join(&mut change, id, part, &mut done).await?,
                    }
                }
            }
        }
        change.commit().await?;
        Ok(done)
    }

    /// Adds a task, unless its id is taken by one that has not succeeded.
    async fn add(
        &self,
        change: &mut Change,
        new: &NewTask,
        window: Option<Window>,
        done: &mut Enqueued,
    ) -> sqlx::Result<()> {
        let id = window.map_or_else(|| new.id.clone(), |own| window_id(new.kind, &new.series, own));
        let now = self.now();
        let values = values![
            now,
            &id,
            &new.queue,
            new.kind.name(),
            &new.series,
            window.map(|own| own.from.0),
            window.map(|own| own.until.0),
            new.priority.code(),
            new.run_at.map(|at| at.0).or(now),
            new.max_attempts.map(i64::from),
            micros(new.retry_delay),
        ];
        let added: Vec<(String,)> = change.rows(change.sql.add, values).await?;
        done.is_new |= !added.is_empty();
        if added.is_empty() {
            done.open.push(id)
        } else {
            done.waiting.push(id)
        }
        Ok(())
    }

    /// Widens a waiting task, and deletes those it absorbs.
    async fn join(
        &self,
        change: &mut Change,
        id: &str,
        part: &Part,
        done: &mut Enqueued,
    ) -> sqlx::Result<()> {
        for gone in &part.absorbed {
            change.run(change.sql.drop_attempts, values![gone]).await?;
            change.run(change.sql.drop_task, values![gone]).await?;
        }
        let Some(held) = self.load(change, id).await? else { return Ok(()) };
        let mut task = Task { window: Some(part.window), ..held.clone() };
        if task.status == Status::Exhausted && task.retry(false, held.as_of).is_err() {
            return Ok(());
        }
        done.is_new |= task != held;
        done.waiting.push(id.to_owned());
        change.save(&held, &task).await
    }
}

/// Tasks near a window; blocks other planners of the same series and kind until this transaction ends.
async fn near(change: &mut Change, new: &NewTask, window: Window) -> sqlx::Result<Vec<Near>> {
    let name = format!("{}:{}", new.kind, new.series);
    change.run(change.sql.lock_name, values![&name]).await?;
    let values = values![&new.series, new.kind.name(), window.from.0, window.until.0];
    let rows: Vec<(String, i64, i64, i64, Option<i64>)> = change.rows(change.sql.near, values).await?;
    // Skip states written by a newer version.
    let known = |(id, status, from, until, finished_at): (String, i64, i64, i64, Option<i64>)| {
        let window = Window::new(Micros(from), Micros(until))?;
        Some(Near { id, status: Status::of_code(status)?, window, finished_at: finished_at.map(Micros) })
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// A duration in the store's unit.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
