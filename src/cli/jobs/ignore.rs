//! `dccd jobs ignore`: skips a task until it is retried.

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::jobs::view::TrackerView;
use crate::cli::{Exit, complete};

/// Skip tasks until they are retried.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs ignore binance/BTC-USDT/ohlc/1h --reason delisted"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true, add = ArgValueCompleter::new(complete::jobs))]
    ids: Vec<String>,
    /// The reason, shown with the task.
    #[arg(long)]
    reason: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    let reason = &args.reason;
    view.each(&args.ids, args.json, |tracker, id| async move { tracker.ignore(&id, reason).await }).await
}
