//! `dccd jobs ls`: tasks, the last changed first.

use crate::cli::Exit;
use crate::cli::jobs::ask::Asked;
use crate::cli::jobs::table::{Line, head, row};
use crate::tracker::{Filter, Status, TaskKind};

/// Show tasks, the last changed first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tasks whose series begins so, such as binance/BTC-USDT.
    series: Option<String>,
    /// Only tasks of an exchange.
    #[arg(long)]
    exchange: Option<String>,
    /// Only tasks in a state.
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Only tasks of a kind: job, backfill, repair.
    #[arg(long, value_parser = kind)]
    kind: Option<TaskKind>,
    /// At most so many.
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

pub(super) async fn run(args: &Args, asked: &mut Asked<'_>) -> Exit {
    let filter = Filter {
        queue: args.exchange.clone(),
        status: args.status,
        kind: args.kind,
        series: args.series.clone(),
    };
    let tasks = match &asked.tracker {
        None => Vec::new(),
        Some(tracker) => match tracker.tasks(&filter, args.limit).await {
            Ok(tasks) => tasks,
            Err(error) => return asked.failed(&error),
        },
    };
    if args.json {
        return asked.json(&tasks.iter().map(Line::of).collect::<Vec<_>>());
    }
    if tasks.is_empty() {
        asked.out.line("No tasks.");
        return Exit::Done;
    }
    asked.out.line(head());
    asked.out.line("-".repeat(head().len()));
    tasks.iter().for_each(|task| asked.out.line(row(task, &asked.zone)));
    if tasks.len() as u32 == args.limit {
        asked.out.note(format!("only the {} last changed are shown; see --limit", args.limit));
    }
    Exit::Done
}
