//! `dccd jobs cancel`: stops a task in progress; a waiting window is ignored.

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::jobs::view::TrackerView;
use crate::cli::{Exit, complete};

/// Stop tasks that are in progress; waiting windows are ignored.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs cancel binance/BTC-USDT/ohlc/1h"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true, add = ArgValueCompleter::new(complete::jobs))]
    ids: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    view.each(&args.ids, args.json, |tracker, id| async move { tracker.cancel(&id).await }).await
}
