//! Pages of runs, the last begun first, and one run.

use super::lines::attempt_line;
use super::list::{TasksError, exchange, kind, series, shown, tracker};
use crate::api::{RunLine, RunProgress, RunsAsked, RunsPage};
use crate::db::Database;
use crate::engine::paging::{count, cursor, one_of, place, whole};
use crate::engine::wrong::Wrong;
use crate::model::Micros;
use crate::tracker::{Run, RunFilter, outcome};

/// The runs of an answer unless it is asked for more or fewer.
const RUNS: usize = 100;
const MOST_RUNS: usize = 500;

/// A page of runs; `progress` is that of a series in this process.
///
/// # Errors
/// If the question is wrong, or the store cannot be read.
pub(crate) async fn list_runs(
    db: &Database,
    asked: &RunsAsked,
    progress: impl Fn(&Run) -> Option<RunProgress>,
) -> Result<RunsPage, TasksError> {
    let most = count("limit", asked.limit.as_deref(), RUNS, MOST_RUNS)?;
    let mut filter = RunFilter {
        queue: asked.exchange.as_deref().map(exchange).transpose()?,
        series: asked.series.as_deref().map(series).transpose()?,
        kind: asked.kind.as_deref().map(kind).transpose()?,
        outcome: asked.outcome.as_deref().map(ended).transpose()?,
        after: None,
    };
    let query = format!("runs {filter:?}");
    if let Some(cursor) = &asked.cursor {
        let [at, id, fence] = place(cursor, &query)?;
        filter.after = Some((Micros(whole(&at)?), id, whole(&fence)?));
    }
    let mut runs = tracker(db).runs(&filter, most as u32 + 1).await?;
    let has_more = runs.len() > most;
    runs.truncate(most);
    let next = runs.last().filter(|_| has_more).map(|run| {
        let (at, fence) = (run.attempt.started_at.0.to_string(), run.attempt.fence.to_string());
        cursor(&query, &[&at, &run.task, &fence])
    });
    let runs = runs.iter().map(|run| run_line(run, &progress)).collect();
    Ok(RunsPage { runs, next })
}

/// A run, by its task and the number of the attempt with a colon between.
///
/// # Errors
/// If there is none, or the store cannot be read.
pub(crate) async fn run_of(
    db: &Database,
    id: &str,
    progress: impl Fn(&Run) -> Option<RunProgress>,
) -> Result<RunLine, TasksError> {
    let none = || TasksError::NoRun { id: shown(id) };
    let (task, number) = id.rsplit_once(':').ok_or_else(none)?;
    let number: u32 = number.parse().map_err(|_| none())?;
    let tracker = tracker(db);
    let task = tracker.task(task).await?.ok_or_else(none)?;
    let attempts = tracker.attempts(&task.id).await?;
    let attempt = attempts.into_iter().find(|attempt| attempt.number == number).ok_or_else(none)?;
    Ok(run_line(&Run::of(&task, attempt), &progress))
}

fn run_line(run: &Run, progress: &impl Fn(&Run) -> Option<RunProgress>) -> RunLine {
    let text = |at: Micros| at.to_string();
    RunLine {
        id: format!("{}:{}", run.task, run.attempt.number),
        task: run.task.clone(),
        exchange: run.queue.clone(),
        kind: run.kind.name(),
        series: run.series.clone(),
        from: run.window.map(|window| text(window.from)),
        until: run.window.map(|window| text(window.until)),
        attempt: attempt_line(&run.attempt),
        progress: if run.attempt.ended_at.is_none() { progress(run) } else { None },
    }
}

/// The outcome of the store by its word; that of a run that lasts is empty.
fn ended(text: &str) -> Result<String, Wrong> {
    let known = outcome::ALL.map(|outcome| (outcome, outcome)).into_iter().chain([("running", "")]);
    one_of("outcome", text, known).map(str::to_owned)
}
