//! `dccd jobs ls`: tasks, the last changed first.

use std::collections::BTreeSet;

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::jobs::table::{columns, paused_row, row};
use crate::cli::jobs::view::TrackerView;
use crate::cli::table::Table;
use crate::cli::{Exit, complete, naming};
use crate::engine::tasks::task_line;
use crate::model::{Series, matches_selector, select};
use crate::tracker::{Filter, Status, Task, TaskKind, stream_id};

/// The most tasks that a selector is matched against, the last changed first.
const MOST_TASKS: u32 = 100_000;

/// List tasks, the last changed first.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs ls", "dccd jobs ls --exchange kraken --status failed"]))]
pub(super) struct Args {
    /// Only tasks of these series: a name, prefix or glob, such as binance/BTC/USDT.
    #[arg(add = ArgValueCompleter::new(complete::jobs))]
    series: Option<String>,
    /// Only tasks of an exchange.
    #[arg(long, add = ArgValueCompleter::new(complete::exchanges))]
    exchange: Option<String>,
    /// Only tasks in a state.
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Only tasks of a kind: job, backfill, repair, stream.
    #[arg(long, value_parser = kind)]
    kind: Option<TaskKind>,
    /// The most tasks to show.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn status(text: &str) -> Result<Status, String> {
    Status::of_name(text).ok_or_else(|| format!("use one of {}", Status::ALL.map(Status::name).join(", ")))
}

fn kind(text: &str) -> Result<TaskKind, String> {
    TaskKind::of_name(text)
        .ok_or_else(|| format!("use one of {}", TaskKind::ALL.map(TaskKind::name).join(", ")))
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    if let Some(Err(reason)) = args.exchange.as_deref().map(naming::exchange) {
        return view.out.fail(Exit::Failed, reason);
    }
    let tasks = match tasks(args, view).await {
        Ok(tasks) => tasks,
        Err(failed) => return failed,
    };
    if args.json {
        let lines: Vec<_> = tasks.iter().map(|task| task_line(task, view.is_paused(task))).collect();
        return view.json(&lines);
    }
    let idle = never_ran(args, &tasks, view);
    if tasks.is_empty() && idle.is_empty() {
        view.out.line("No tasks.");
        return Exit::Done;
    }
    let mut table = Table::new(columns(&view.zone_name));
    let rows = tasks.iter().map(|task| row(task, view.is_paused(task), &view.zone));
    rows.chain(idle).for_each(|row| table.row(row));
    table.print(view.out);
    if tasks.len() as u32 == args.limit {
        view.out.note(format!("only the {} last changed are shown; see --limit", args.limit));
    }
    Exit::Done
}

/// The selected tasks, the last changed first.
async fn tasks(args: &Args, view: &mut TrackerView<'_>) -> Result<Vec<Task>, Exit> {
    let filter =
        Filter { queue: args.exchange.clone(), status: args.status, kind: args.kind, ..Filter::default() };
    // A selector is matched against all tasks, whatever their state.
    let (filter, most) = match &args.series {
        Some(_) => (Filter::default(), MOST_TASKS),
        None => (filter, args.limit),
    };
    let found = match &view.tracker {
        Some(tracker) => tracker.tasks(&filter, most).await.map_err(|error| view.failed(&error))?,
        None => Vec::new(),
    };
    let Some(word) = &args.series else { return Ok(found) };
    let known = found.iter().filter_map(|task| task.series.parse().ok());
    let known: BTreeSet<Series> = known.chain(view.jobs.iter().chain(&view.live).cloned()).collect();
    let series = select(std::slice::from_ref(word), &known).map_err(|none| view.unknown(&none))?;
    let series: BTreeSet<String> = series.into_iter().map(ToString::to_string).collect();
    let is_meant = |task: &Task| {
        series.contains(&task.series)
            && args.exchange.as_ref().is_none_or(|queue| *queue == task.queue)
            && args.status.is_none_or(|status| status == task.status)
            && args.kind.is_none_or(|kind| kind == task.kind)
    };
    Ok(found.into_iter().filter(is_meant).take(args.limit as usize).collect())
}

/// Selected paused jobs and live series that never ran and have no task.
fn never_ran(args: &Args, tasks: &[Task], view: &TrackerView<'_>) -> Vec<[String; 5]> {
    if args.status.is_some() {
        return Vec::new();
    }
    let jobs = view.jobs.iter().map(|series| (TaskKind::Job, series, series.to_string()));
    let live = view.live.iter().map(|series| (TaskKind::Stream, series, stream_id(series)));
    let is_meant = |(kind, series, id): &(TaskKind, &Series, String)| {
        args.kind.is_none_or(|own| own == *kind)
            && args.series.as_deref().is_none_or(|word| matches_selector(word, series))
            && args.exchange.as_deref().is_none_or(|name| name == series.exchange())
            && view.is_paused_job(series)
            && !tasks.iter().any(|task| task.id == *id)
    };
    jobs.chain(live).filter(is_meant).map(|(kind, _, id)| paused_row(kind, id)).collect()
}
