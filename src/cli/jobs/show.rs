//! `dccd jobs show`: a task with its attempts.

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::jobs::sentence::{paused, state};
use crate::cli::jobs::streams::{series_of, without_prefix};
use crate::cli::jobs::view::TrackerView;
use crate::cli::{Exit, complete};
use crate::engine::tasks::{StreamProgress, detail, outcome};
use crate::tracker::{Attempt, Task, Tracker, TrackerError};

/// Show a task with its attempts.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs show binance/BTC-USDT/ohlc/1h"]))]
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
    let (mut exit, mut all) = (Exit::Done, Vec::new());
    for id in &ids {
        let found = match &view.tracker {
            Some(tracker) => known(tracker, id).await,
            None => Ok(None),
        };
        match found {
            Ok(Some((task, attempts))) if args.json => {
                all.push(detail(&task, &attempts, view.is_paused(&task), None));
            }
            Ok(Some((task, attempts))) => print(&task, &attempts, view),
            Ok(None) => exit = exit.or_worse(not_run(id, view)),
            Err(error) => exit = exit.or_worse(view.failed(&error)),
        }
    }
    match (args.json, all.as_slice()) {
        (true, [only]) if ids.len() == 1 => exit.or_worse(view.json(only)),
        (true, all) => exit.or_worse(view.json(&all)),
        (false, _) => exit,
    }
}

/// A job that never ran.
fn not_run(id: &str, view: &mut TrackerView<'_>) -> Exit {
    if series_of(id).is_some_and(|series| view.is_paused_job(&series)) {
        view.out.line(format!("{id}: {}", paused(without_prefix(id))));
    }
    view.not_run_yet(id)
}

fn print(task: &Task, attempts: &[Attempt], view: &mut TrackerView<'_>) {
    let zone = view.zone.clone();
    view.out.line(format!("{} ({}, {})", task.id, task.kind, task.queue));
    if view.is_paused(task) {
        view.out.line(format!("  {}", paused(&task.series)));
    }
    view.out.line(format!("  {}", state(task, &zone)));
    if let Some(progress) = StreamProgress::of(task) {
        view.out.line(format!("  {}", progress.sentence(&zone)));
    }
    if let Some(window) = task.window {
        view.out.line(format!("  window {window}"));
    }
    view.out.line(format!("  {} attempt(s) in all, progress {}", task.attempts_total, task.data));
    for attempt in attempts {
        view.out.line(line(attempt, &zone));
        attempt.causes.iter().for_each(|cause| view.out.line(format!("       caused by: {cause}")));
    }
}

async fn known(tracker: &Tracker, id: &str) -> Result<Option<(Task, Vec<Attempt>)>, TrackerError> {
    let Some(task) = tracker.task(id).await? else { return Ok(None) };
    Ok(Some((task, tracker.attempts(id).await?)))
}

fn line(attempt: &Attempt, zone: &crate::model::Zone) -> String {
    let took = attempt
        .ended_at
        .map_or_else(String::new, |at| format!(" after {:.1} s", at.since(attempt.started_at).as_secs_f64()));
    let error = attempt.error.as_deref().map_or_else(String::new, |error| {
        format!(": [{}] {error}", attempt.error_class.as_deref().unwrap_or("other"))
    });
    let (began, how) = (zone.minute(attempt.started_at), outcome(attempt));
    format!("  {:>4} {began} {how}{took} by {}{error}", attempt.number, attempt.worker)
}
