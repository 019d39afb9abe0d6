//! `dccd jobs cancel`: the holder of a task is asked to stop, and a window that waits is ignored.

use crate::cli::Exit;
use crate::cli::jobs::ask::Asked;

/// Ask who works on tasks to stop; windows that wait are ignored.
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
    asked.each(&args.ids, args.json, |tracker, id| async move { tracker.cancel(&id).await }).await
}
