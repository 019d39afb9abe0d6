//! `dccd jobs prune`: deletes tasks that ended long ago.

use std::time::Duration;

use crate::api::PrunedTasks;
use crate::cli::Exit;
use crate::cli::help::examples;
use crate::cli::jobs::view::TrackerView;
use crate::tracker::{Pruned, Retention};

/// Delete tasks that ended long ago; ignored ones stay.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd jobs prune", "dccd jobs prune --days 30"]))]
pub(super) struct Args {
    /// Tasks that ended more than N days ago [default: 7 for those that succeeded, and
    /// `settings.runs_retention_days` for those that are exhausted].
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, view: &mut TrackerView<'_>) -> Exit {
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    let retention = match args.days {
        Some(own) => Retention { succeeded: days(own), exhausted: Some(days(own)) },
        None => Retention::of_days(view.retention_days),
    };
    let pruned = match &view.tracker {
        None => Pruned::default(),
        Some(tracker) => match tracker.prune(&retention).await {
            Ok(pruned) => pruned,
            Err(error) => return view.failed(&error),
        },
    };
    let Pruned { succeeded, exhausted } = pruned;
    if args.json {
        return view.json(&PrunedTasks { succeeded, exhausted });
    }
    view.out.line(format!("Forgot {succeeded} task(s) that succeeded and {exhausted} that were exhausted."));
    Exit::Done
}
