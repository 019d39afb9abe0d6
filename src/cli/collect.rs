//! `dccd collect`: one increment per job, for cron.

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::hand_over::{Ask, do_work};
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::{How, Told};

/// Run every job once: what closed since its last run, and any gap.
///
/// Where a daemon runs on the data path it runs its own jobs, and this waits for them. Ctrl-C then takes back what
/// has not begun; runs that have begun go on.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs every configured job once, one after the other.
pub(crate) async fn run(_: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    run_jobs(&config, "collect", Vec::new(), out, stop).await
}

/// Runs the jobs meant, and counts how they ended.
pub(crate) async fn run_jobs(
    config: &Config,
    command: &str,
    asked: Vec<String>,
    out: &mut Output,
    stop: CancellationToken,
) -> Exit {
    let (mut successes, mut failures, mut exit) = (0, 0, Exit::Done);
    let done = do_work(config, command, Ask::Jobs { asked }, out, &stop, |told, out| {
        let Told::Ended(report) = told else { return };
        exit = exit.or_worse(Exit::of_run(report.how));
        match report.how {
            How::Done => successes += 1,
            _ => failures += 1,
        }
        report.error.iter().for_each(|error| out.error(error));
    });
    if let Err(failed) = done.await {
        return failed;
    }
    if stop.is_cancelled() {
        out.note("stopped before every job ran");
    }
    out.line(format!("Done. successes={successes} failures={failures}"));
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}
