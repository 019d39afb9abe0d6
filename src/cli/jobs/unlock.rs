//! `dccd jobs unlock`: a task is taken from its holder.

use crate::cli::Exit;
use crate::cli::jobs::ask::Asked;

/// Take tasks from their holders; what those still do is not recorded.
#[derive(Debug, clap::Args)]
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
