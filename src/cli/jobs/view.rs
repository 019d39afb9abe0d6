//! The tracker as a command opens it, and the exit code of a command.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::jobs::sentence::state;
use crate::cli::output::Output;
use crate::cli::state;
use crate::clock::now;
use crate::config::Config;
use crate::daemon::{FRESH_SECS, Liveness};
use crate::db::Database;
use crate::engine::Job;
use crate::model::{NoMatch, Series, Zone, select};
use crate::store::Layout;
use crate::telemetry::Telemetry;
use crate::telemetry::events::Chain;
use crate::tracker::{Filter, Task, TaskKind, Tracker, TrackerError};

/// The most tasks that a selector is matched against, the last changed first.
const MOST_TASKS: u32 = 100_000;

/// The tracker and the configuration of a command.
pub(super) struct TrackerView<'o> {
    /// The tracker; `None` if no task was ever planned.
    pub(super) tracker: Option<Tracker>,
    database: Option<Database>,
    /// The last sign of life of the daemon on the data path.
    pub(super) liveness: Option<Liveness>,
    /// The series of the configured jobs.
    pub(super) jobs: Vec<Series>,
    /// The paused jobs.
    paused: Vec<Series>,
    /// The zone of the instants that are shown.
    pub(super) zone: Zone,
    pub(super) zone_name: String,
    /// How long records are kept in days; 0 is for ever.
    pub(super) retention_days: u32,
    pub(super) out: &'o mut Output,
}

impl<'o> TrackerView<'o> {
    /// Opens the store of the configuration; creates none.
    pub(super) async fn open(config: &Config, out: &'o mut Output) -> Result<Self, Exit> {
        let database = state::open(config, "jobs", out).await?;
        let paused = match &database {
            Some(database) => {
                database.paused().await.map_err(|error| out.fail(Exit::Storage, Chain(&error)))?
            }
            None => Vec::new(),
        };
        let tracker = database.as_ref().map(|database| Tracker::new(database, &Telemetry::new()));
        let jobs = Job::all(config).iter().map(|job| (**job.series()).clone()).collect();
        let (zone, zone_name) = (config.zone.clone(), config.zone_name.clone());
        let retention_days = config.runs_retention_days;
        let liveness = Liveness::read(&Layout::new(&config.data_path).own()).ok().flatten();
        Ok(TrackerView { tracker, database, liveness, jobs, paused, zone, zone_name, retention_days, out })
    }

    pub(super) async fn close(self) {
        if let Some(database) = self.database {
            database.close().await;
        }
    }

    /// Prints that nothing has that name.
    pub(super) fn unknown(&mut self, none: &NoMatch) -> Exit {
        let advice = none.advice();
        let asked = &none.asked;
        self.out.fail(
            Exit::Failed,
            format!("no task or job matches `{asked}`; {advice} (`dccd jobs ls` shows what there is)"),
        )
    }

    /// Prints that a job has no task.
    pub(super) fn not_run_yet(&mut self, id: &str) -> Exit {
        self.out.fail(Exit::Failed, format!("{id} has not run yet, so there is no task of it"))
    }

    /// The ban of this address by an exchange, with its end, as the daemon on the data path last wrote it.
    pub(super) fn ban_of(&self, exchange: &str) -> Option<String> {
        let is_fresh = |own: &&Liveness| now().as_secs_f64() - own.written_at <= FRESH_SECS;
        let reasons = &self.liveness.as_ref().filter(is_fresh)?.reasons;
        let about = format!("exchange {exchange}: ");
        let why = reasons.iter().find_map(|reason| reason.strip_prefix(&about))?;
        Some(format!("{exchange} has banned this address: {why}."))
    }

    /// Whether a task is that of a paused job.
    pub(super) fn is_paused(&self, task: &Task) -> bool {
        task.kind == TaskKind::Job && self.paused.iter().any(|paused| paused.to_string() == task.id)
    }

    /// Whether the job of a series is paused.
    pub(super) fn is_paused_job(&self, series: &Series) -> bool {
        self.paused.contains(series)
    }

    /// The task of that name, else the tasks of the series that it selects: the job's task, or its windows if it has
    /// none.
    pub(super) async fn resolve(&mut self, selector: &str) -> Result<Vec<String>, Exit> {
        let found = match &self.tracker {
            None => Ok((None, Vec::new())),
            Some(tracker) => looked_up(tracker, selector).await,
        };
        let (task, all) = found.map_err(|error| self.failed(&error))?;
        if let Some(task) = task {
            return Ok(vec![task.id]);
        }
        let of_tasks = all.iter().filter_map(|task| task.series.parse().ok());
        let known: BTreeSet<Series> = of_tasks.chain(self.jobs.iter().cloned()).collect();
        let series = select(&[selector.to_owned()], &known).map_err(|none| self.unknown(&none))?;
        Ok(series.into_iter().flat_map(|series| ids_of(&series.to_string(), &all)).collect())
    }

    /// Acts on each task and prints its new state; one refusal fails the command.
    pub(super) async fn each<F: Future<Output = Result<Task, TrackerError>>>(
        &mut self,
        ids: &[String],
        json: bool,
        act: impl Fn(Tracker, String) -> F,
    ) -> Exit {
        let (mut exit, mut changed) = (Exit::Done, Vec::new());
        let mut tasks = Vec::new();
        for id in ids {
            match self.resolve(id).await {
                Ok(found) => tasks.extend(found),
                Err(failed) => exit = exit.or_worse(failed),
            }
        }
        for id in &tasks {
            let Some(tracker) = self.tracker.clone() else {
                exit = self.not_run_yet(id);
                continue;
            };
            match act(tracker, id.clone()).await {
                Ok(task) if json => changed.push(super::table::task_line(&task, self.is_paused(&task))),
                Ok(task) => self.out.line(format!("{id}: {}", state(&task, &self.zone))),
                Err(error) => exit = exit.or_worse(self.failed(&error)),
            }
        }
        if json { exit.or_worse(self.json(&changed)) } else { exit }
    }

    /// Prints an error and returns the exit code.
    pub(super) fn failed(&mut self, error: &TrackerError) -> Exit {
        self.out.cause(error);
        if error.refusal().is_some() { Exit::Failed } else { Exit::Storage }
    }

    /// Prints a result for programs.
    pub(super) fn json<T: Serialize>(&mut self, result: &T) -> Exit {
        self.out.json(result)
    }
}

/// The task of that name, else the last changed tasks.
async fn looked_up(tracker: &Tracker, selector: &str) -> Result<(Option<Task>, Vec<Task>), TrackerError> {
    match tracker.task(selector).await? {
        Some(task) => Ok((Some(task), Vec::new())),
        None => Ok((None, tracker.tasks(&Filter::default(), MOST_TASKS).await?)),
    }
}

/// The tasks of a series; its own name if there is none.
fn ids_of(series: &str, all: &[Task]) -> Vec<String> {
    let own = |task: &&Task| task.series == series;
    let windows: Vec<String> = all
        .iter()
        .filter(own)
        .filter(|task| task.kind != TaskKind::Job)
        .map(|task| task.id.clone())
        .collect();
    let has_job = all.iter().any(|task| task.id == series);
    if has_job || windows.is_empty() { vec![series.to_owned()] } else { windows }
}
