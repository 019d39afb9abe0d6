//! `dccd jobs ignore`: a task is never done, until somebody retries it.

use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::jobs::ask::Asked;

/// Skip tasks until they are retried.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs ignore binance/BTC-USDT/ohlc/1h --reason delisted"]))]
pub(super) struct Args {
    /// The tasks, as `dccd jobs ls` names them.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Why; it is shown wherever the task is.
    #[arg(long)]
    reason: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, asked: &mut Asked<'_>) -> Exit {
    let reason = &args.reason;
    asked.each(&args.ids, args.json, |tracker, id| async move { tracker.ignore(&id, reason).await }).await
}
