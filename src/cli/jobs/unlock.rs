//! `dccd jobs unlock`: releases a task from its worker.

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::jobs::view::TrackerView;
use crate::cli::{Exit, complete};

/// Release tasks from their workers, whose results are dropped.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs unlock binance/BTC-USDT/ohlc/1h"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true, add = ArgValueCompleter::new(complete::jobs))]
    ids: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    view.each(&args.ids, args.json, |tracker, id| async move { tracker.unlock(&id).await }).await
}
