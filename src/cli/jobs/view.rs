//! The tracker as a command opens it, and the exit code of a command.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::jobs::sentence::state;
use crate::cli::jobs::streams::{is_stream, live, without_prefix};
use crate::cli::output::Output;
use crate::cli::state;
use crate::clock::now;
use crate::config::Config;
use crate::daemon::{FRESH_SECS, Liveness};
use crate::db::Database;
use crate::engine::Job;
use crate::engine::tasks::{is_paused, task_line};
use crate::model::{NoMatch, Series, Zone, select};
use crate::store::Layout;
use crate::telemetry::Telemetry;
use crate::telemetry::events::Chain;
use crate::tracker::{Filter, Task, TaskKind, Tracker, TrackerError, stream_id};

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
    /// The configured live series.
    pub(super) live: Vec<Series>,
    /// The paused jobs.
    paused: HashSet<Series>,
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
        let paused = paused.into_iter().collect();
        let tracker = database.as_ref().map(|database| Tracker::new(database, &Telemetry::new()));
        let jobs = Job::all(config).iter().map(|job| (**job.series()).clone()).collect();
        let live = live(config);
        let (zone, zone_name) = (config.zone.clone(), config.zone_name.clone());
        let retention_days = config.runs_retention_days;
        let liveness = Liveness::read(&Layout::new(&config.data_path).own()).ok().flatten();
        Ok(TrackerView {
            tracker,
            database,
            liveness,
            jobs,
            live,
            paused,
            zone,
            zone_name,
            retention_days,
            out,
        })
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

    /// Whether a task is that of a paused job or live series.
    pub(super) fn is_paused(&self, task: &Task) -> bool {
        is_paused(task, &self.paused)
    }

    /// Whether the job of a series, and listening to it, is paused.
    pub(super) fn is_paused_job(&self, series: &Series) -> bool {
        self.paused.contains(series)
    }

    /// The task of that name, else the tasks of the series that it selects: those of its job and of its stream, or its
    /// windows if it has neither.
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
        let configured = self.jobs.iter().chain(&self.live).cloned();
        let known: BTreeSet<Series> = of_tasks.chain(configured).collect();
        let asked = [without_prefix(selector).to_owned()];
        let series = select(&asked, &known).map_err(|none| self.unknown(&none))?;
        let wants_stream = asked[0] != selector;
        let ids = series.into_iter().flat_map(|series| self.ids_of(series, &all));
        Ok(ids.filter(|id| !wants_stream || is_stream(id)).collect())
    }

    /// The tasks of a series; the name of its job's if there is none.
    fn ids_of(&self, series: &Series, all: &[Task]) -> Vec<String> {
        let name = series.to_string();
        let own: Vec<&Task> = all.iter().filter(|task| task.series == name).collect();
        let has_stream = self.live.contains(series) || own.iter().any(|task| task.kind == TaskKind::Stream);
        let has_job = self.jobs.contains(series) || own.iter().any(|task| task.kind == TaskKind::Job);
        let recurring = has_job.then(|| name.clone()).into_iter();
        let recurring: Vec<String> = recurring.chain(has_stream.then(|| stream_id(series))).collect();
        let windows: Vec<String> =
            own.iter().filter(|task| !task.kind.recurs()).map(|task| task.id.clone()).collect();
        let has_row = recurring.iter().any(|id| own.iter().any(|task| task.id == *id));
        match (has_row, windows.is_empty(), recurring.is_empty()) {
            (false, false, _) => windows,
            (_, _, true) => vec![name],
            (_, _, false) => recurring,
        }
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
                Ok(task) if json => changed.push(task_line(&task, self.is_paused(&task))),
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
