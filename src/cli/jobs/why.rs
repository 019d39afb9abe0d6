//! `dccd jobs why`: explains what a task waits for.

use clap_complete::engine::ArgValueCompleter;

use crate::api::TaskReasons;
use crate::cli::help::examples;

use crate::cli::jobs::sentence::{paused, state};
use crate::cli::jobs::streams::{is_stream, series_of, without_prefix};
use crate::cli::jobs::view::TrackerView;
use crate::cli::{Exit, complete};
use crate::engine::tasks::StreamProgress;
use crate::model::Zone;
use crate::tracker::{Attempt, Owner, Status, Task, TaskKind, Tracker, TrackerError, WorkerState};

/// Explain what a task waits for.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs why binance/BTC-USDT/ohlc/1h"]))]
pub(super) struct Args {
    /// The task, as `dccd jobs ls` names it, or the series of a job by name, prefix or glob.
    #[arg(add = ArgValueCompleter::new(complete::jobs))]
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    let ids = match view.resolve(&args.id).await {
        Ok(ids) => ids,
        Err(failed) => return failed,
    };
    let mut answers = Vec::new();
    for id in &ids {
        let found = match &view.tracker {
            Some(tracker) => known(tracker, id).await,
            None => Ok(None),
        };
        match found {
            Ok(Some((task, context))) => answers.push(reasons(&task, &context, view)),
            Ok(None) => answers.push(reasons_of_job(id, view)),
            Err(error) => return view.failed(&error),
        }
    }
    match (args.json, answers.as_slice()) {
        (true, [only]) => return view.json(only),
        (true, all) => return view.json(&all),
        (false, [only]) => only.because.iter().for_each(|line| view.out.line(line)),
        (false, all) => all.iter().for_each(|answer| {
            answer.because.iter().for_each(|line| view.out.line(format!("{}: {line}", answer.id)));
        }),
    }
    Exit::Done
}

fn reasons(task: &Task, context: &TaskContext, view: &TrackerView<'_>) -> TaskReasons {
    let is_paused = view.is_paused(task);
    let mut because = because(task, context, is_paused, &view.zone);
    because.extend(view.ban_of(&task.queue).filter(|_| task.status.is_waiting()));
    TaskReasons { id: task.id.clone(), status: task.status.name(), paused: is_paused, because }
}

/// The reasons of a configured job that never ran.
fn reasons_of_job(id: &str, view: &TrackerView<'_>) -> TaskReasons {
    let is_paused = series_of(id).is_some_and(|series| view.is_paused_job(&series));
    let mut because: Vec<String> = is_paused.then(|| paused(without_prefix(id))).into_iter().collect();
    because.extend(series_of(id).and_then(|series| view.ban_of(series.exchange())));
    because.push(match is_stream(id) {
        true => "It has not been listened to yet; `dccd start` and `dccd stream` do so.".to_owned(),
        false => "It has not run yet; `dccd start` runs it, `dccd jobs run` does so now.".to_owned(),
    });
    TaskReasons { id: id.to_owned(), status: "pending", paused: is_paused, because }
}

/// The context that explains a task.
#[derive(Default)]
struct TaskContext {
    workers_alive: usize,
    /// Tasks of the same exchange that are due too.
    due: u64,
    last_failure: Option<Attempt>,
    /// The owner of its series, if several processes share the store.
    owner: Option<Owner>,
}

async fn known(tracker: &Tracker, id: &str) -> Result<Option<(Task, TaskContext)>, TrackerError> {
    let Some(task) = tracker.task(id).await? else { return Ok(None) };
    let workers = tracker.workers().await?;
    let counts = tracker.counts().await?;
    let attempts = tracker.attempts(id).await?;
    let owners = match tracker.store_kind() {
        "postgres" => tracker.owners(std::slice::from_ref(&task.series)).await?,
        _ => Vec::new(),
    };
    let alive: Vec<_> = workers.iter().filter(|worker| worker.state() != WorkerState::Dead).collect();
    // The only worker runs it or takes it over at once: that explains nothing.
    let explains = |owner: &Owner| alive.iter().any(|worker| !owner.is_live() || worker.id != owner.worker);
    let context = TaskContext {
        owner: owners.into_iter().next().filter(explains),
        workers_alive: alive.len(),
        due: counts.iter().find(|counts| counts.queue == task.queue).map_or(0, |counts| counts.due),
        last_failure: attempts.into_iter().rev().find(|attempt| attempt.error.is_some()),
    };
    Ok(Some((task, context)))
}

fn because(task: &Task, context: &TaskContext, is_paused: bool, zone: &Zone) -> Vec<String> {
    let mut lines: Vec<String> = is_paused.then(|| paused(&task.series)).into_iter().collect();
    // A paused task has no other state while it waits.
    if !(is_paused && task.status.is_waiting()) {
        lines.push(state(task, zone));
    }
    lines.extend(StreamProgress::of(task).map(|progress| progress.sentence(zone)));
    lines.extend(context.owner.as_ref().map(|owner| written_by(owner, zone)));
    if task.status.is_waiting() && task.run_at <= task.as_of && !is_paused {
        lines.push(match (context.workers_alive, context.due) {
            (0, _) => "No worker is alive to take it; start the daemon.".to_owned(),
            _ if task.kind == TaskKind::Stream => {
                "The worker that owns its series begins to listen within seconds.".to_owned()
            }
            (workers, due) => {
                format!(
                    "{due} task(s) of {} are due and {workers} worker(s) alive: it waits for a free slot.",
                    task.queue
                )
            }
        });
    }
    let unsettled = matches!(task.status, Status::Failed | Status::Exhausted);
    if let Some(failure) = context.last_failure.as_ref().filter(|_| unsettled) {
        let error = failure.error.iter().chain(&failure.causes).cloned().collect::<Vec<_>>().join(": ");
        lines.push(format!("Its last failure: {error}"));
    }
    lines
}

/// The owner of its series: no other worker begins it.
fn written_by(owner: &Owner, zone: &Zone) -> String {
    if owner.is_live() {
        let (since, left) = (zone.minute(owner.since), owner.until.since(owner.as_of).as_secs());
        return format!(
            "Its series is written by {} since {since}, which alone runs it; that lasts {left} s unless it is renewed.",
            owner.worker
        );
    }
    "No worker owns its series now; the next one that polls takes it over.".to_owned()
}
