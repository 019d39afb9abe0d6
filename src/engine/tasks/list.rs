//! Pages of tasks, the last changed first, and one task.

use std::collections::HashSet;

use thiserror::Error;

use super::lines::{detail, is_paused, task_line};
use crate::api::{RunProgress, TaskDetail, TasksAsked, TasksPage};
use crate::db::{Database, DbError};
use crate::engine::paging::{count, cursor, one_of, place, whole};
use crate::engine::wrong::{Wrong, wrong};
use crate::exchange::{find, names};
use crate::model::{Micros, Series};
use crate::telemetry::Telemetry;
use crate::tracker::{Filter, Refusal, Status, Task, TaskKind, Tracker, TrackerError};

/// The tasks of an answer unless it is asked for more or fewer.
const TASKS: usize = 100;
const MOST_TASKS: usize = 500;

/// Why a question about tasks or runs has no answer, or an action on a task is refused.
#[derive(Debug, Error)]
pub(crate) enum TasksError {
    /// A part of it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// There is no such task.
    #[error("there is no task `{id}`; /api/v1/jobs lists them")]
    NoTask {
        /// The id that was asked for.
        id: String,
    },
    /// There is no such run.
    #[error("there is no run `{id}`; a task keeps its last runs only, which /api/v1/jobs/{{id}} lists")]
    NoRun {
        /// The id that was asked for.
        id: String,
    },
    /// The state of the task does not allow it.
    #[error(transparent)]
    Refused(Refusal),
    /// The state store failed.
    #[error(transparent)]
    Store(#[from] DbError),
}

impl From<TrackerError> for TasksError {
    fn from(error: TrackerError) -> Self {
        match error {
            TrackerError::Refused(refusal) => TasksError::Refused(refusal),
            TrackerError::Store(error) => TasksError::Store(error),
        }
    }
}

/// A page of tasks.
///
/// # Errors
/// If the question is wrong, or the store cannot be read.
pub(crate) async fn list(db: &Database, asked: &TasksAsked) -> Result<TasksPage, TasksError> {
    let most = count("limit", asked.limit.as_deref(), TASKS, MOST_TASKS)?;
    let mut filter = Filter {
        queue: asked.exchange.as_deref().map(exchange).transpose()?,
        series: asked.series.as_deref().map(series).transpose()?,
        kind: asked.kind.as_deref().map(kind).transpose()?,
        status: asked.status.as_deref().map(status).transpose()?,
        after: None,
    };
    let query = format!("tasks {filter:?}");
    if let Some(cursor) = &asked.cursor {
        let [at, id] = place(cursor, &query)?;
        filter.after = Some((Micros(whole(&at)?), id));
    }
    let mut tasks = tracker(db).tasks(&filter, most as u32 + 1).await?;
    let has_more = tasks.len() > most;
    tasks.truncate(most);
    let last = tasks.last().filter(|_| has_more);
    let next = last.map(|task| cursor(&query, &[&task.updated_at.0.to_string(), &task.id]));
    let paused = paused(db).await?;
    let jobs = tasks.iter().map(|task| task_line(task, is_paused(task, &paused))).collect();
    Ok(TasksPage { jobs, next })
}

/// A task with its attempts; `progress` is that of the run of a series in this process.
///
/// # Errors
/// If there is none with that id, or the store cannot be read.
pub(crate) async fn task_of(
    db: &Database,
    id: &str,
    progress: impl FnOnce(&Task) -> Option<RunProgress>,
) -> Result<TaskDetail, TasksError> {
    let tracker = tracker(db);
    let found = tracker.task(id).await?;
    let task = found.ok_or_else(|| TasksError::NoTask { id: shown(id) })?;
    let attempts = tracker.attempts(id).await?;
    let is_paused = is_paused(&task, &paused(db).await?);
    Ok(detail(&task, &attempts, is_paused, progress(&task)))
}

/// The paused jobs and live series.
pub(super) async fn paused(db: &Database) -> Result<HashSet<Series>, TasksError> {
    Ok(db.paused().await?.into_iter().collect())
}

pub(super) fn tracker(db: &Database) -> Tracker {
    Tracker::new(db, &Telemetry::new())
}

pub(super) fn exchange(text: &str) -> Result<String, Wrong> {
    match find(text) {
        Some(exchange) => Ok(exchange.name().to_owned()),
        None => Err(wrong("exchange", format!("use one of {}", names().join(", ")))),
    }
}

pub(super) fn series(text: &str) -> Result<String, Wrong> {
    let parsed: Result<Series, _> = text.parse();
    let why = "write the name of a series, such as binance/BTC-USDT/ohlc/1h";
    parsed.map(|series| series.to_string()).map_err(|_| wrong("series", why))
}

pub(super) fn kind(text: &str) -> Result<TaskKind, Wrong> {
    one_of("kind", text, TaskKind::ALL.map(|kind| (kind.name(), kind)))
}

fn status(text: &str) -> Result<Status, Wrong> {
    one_of("status", text, Status::ALL.map(|status| (status.name(), status)))
}

/// The beginning of a text from a request.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use schemars::{JsonSchema, schema_for};

    use super::*;
    use crate::api::RunsAsked;
    use crate::tracker::outcome;

    /// The words that the document names for a parameter.
    fn documented<Q: JsonSchema>(parameter: &str) -> BTreeSet<String> {
        let schema = schema_for!(Q);
        let words = &schema.as_value()["properties"][parameter]["enum"];
        words.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_words_of_the_document_are_those_of_the_tracker() {
        let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();

        let kinds = words(TaskKind::ALL.map(TaskKind::name).to_vec());
        assert_eq!(
            (documented::<TasksAsked>("kind"), documented::<RunsAsked>("kind")),
            (kinds.clone(), kinds)
        );
        assert_eq!(documented::<TasksAsked>("status"), words(Status::ALL.map(Status::name).to_vec()));
        let outcomes = outcome::ALL.into_iter().chain(["running"]).collect();
        assert_eq!(documented::<RunsAsked>("outcome"), words(outcomes));
    }
}
