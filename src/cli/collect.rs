//! `dccd collect`: one increment per job, for cron.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::Job;

/// Run every job once: what closed since its last run, and any gap.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs every configured job once, one after the other.
pub(crate) async fn run(_: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let jobs = Job::all(&config);
    let one_shot = match OneShot::open(&config, "collect", std::iter::empty(), out).await {
        Ok(one_shot) => one_shot,
        Err(exit) => return exit,
    };
    let site = one_shot.site();
    let (mut successes, mut failures, mut exit) = (0, 0, Exit::Done);
    for job in &jobs {
        if stop.is_cancelled() {
            break;
        }
        let error = site.run(&job.order, Duration::ZERO, &|_| {}, &stop).await.error;
        exit = exit.or_worse(Exit::of_run(error.as_ref()));
        match error {
            None => successes += 1,
            Some(error) => {
                failures += 1;
                out.cause(&error);
            }
        }
    }
    drop(site);
    one_shot.close().await;
    if stop.is_cancelled() {
        out.note("stopped before every job ran");
    }
    out.line(format!("Done. successes={successes} failures={failures}"));
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}
