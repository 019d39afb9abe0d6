//! `dccd jobs unlock`: a task is taken from its holder.

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::jobs::ask::Asked;

/// Release tasks from their workers, whose results are dropped.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs unlock binance/BTC-USDT/ohlc/1h"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, asked: &mut Asked<'_>) -> Exit {
    asked.each(&args.ids, args.json, |tracker, id| async move { tracker.unlock(&id).await }).await
}
