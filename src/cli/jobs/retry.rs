//! `dccd jobs retry`: retries a task now, with all its attempts left.

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::jobs::view::TrackerView;
use crate::cli::{Exit, complete};

/// Retry tasks now, with all their attempts left.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs retry binance/BTC-USDT/ohlc/1h"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true, add = ArgValueCompleter::new(complete::jobs))]
    ids: Vec<String>,
    /// Also those that succeeded.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    let force = args.force;
    view.each(&args.ids, args.json, |tracker, id| async move { tracker.retry(&id, force).await }).await
}
