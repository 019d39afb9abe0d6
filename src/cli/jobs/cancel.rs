//! `dccd jobs cancel`: the holder of a task is asked to stop, and a window that waits is ignored.

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::jobs::ask::Asked;

/// Stop tasks that are in progress; waiting windows are ignored.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs cancel binance/BTC-USDT/ohlc/1h"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, asked: &mut Asked<'_>) -> Exit {
    asked.each(&args.ids, args.json, |tracker, id| async move { tracker.cancel(&id).await }).await
}
