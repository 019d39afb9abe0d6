//! `dccd collect`: one increment per job, for cron.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::one_shot::OneShot;
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::{Job, Site};
use crate::telemetry::{Collected, SeriesHealth, Textfile, read_pairs};

/// Run every job once: what closed since its last run, and any gap.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave the outcome here for node_exporter's textfile collector: a folder, which gets a dccd.prom, or a
    /// file ending in .prom [default: telemetry.textfile of the configuration].
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::AnyPath)]
    textfile: Option<PathBuf>,
}

/// Runs every configured job once, one after the other, and leaves the outcome in the text file.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let jobs = Job::all(&config);
    let path = args.textfile.or_else(|| config.telemetry.textfile.clone());
    let mut series = known_before(&config, &jobs);
    let exit = collect(&config, &jobs, &mut series, out, stop).await;
    match path {
        Some(path) => written(&Textfile::at(&path), exit, out, |file| file.write(&series, exit.code())),
        None => exit,
    }
}

/// Leaves the exit code of a command whose configuration was refused.
pub(crate) fn refused(args: &Args, exit: Exit, out: &mut Output) -> Exit {
    match &args.textfile {
        Some(path) => written(&Textfile::at(path), exit, out, |file| file.write_exit(exit.code())),
        None => exit,
    }
}

fn written(
    file: &Textfile,
    exit: Exit,
    out: &mut Output,
    write: impl FnOnce(&Textfile) -> std::io::Result<()>,
) -> Exit {
    match write(file) {
        Ok(()) => exit,
        Err(error) => {
            let path = file.path().display();
            out.error(format!("{path} cannot be written: {error}; make its folder writable"));
            exit.or_worse(Exit::Failed)
        }
    }
}

async fn collect(
    config: &Config,
    jobs: &[Job],
    series: &mut [Collected],
    out: &mut Output,
    stop: CancellationToken,
) -> Exit {
    let one_shot = match OneShot::open(config, "collect", std::iter::empty(), out).await {
        Ok(one_shot) => one_shot,
        Err(exit) => return exit,
    };
    let site = one_shot.site();
    let (mut successes, mut failures, mut exit) = (0, 0, Exit::Done);
    for (job, collected) in jobs.iter().zip(series) {
        if stop.is_cancelled() {
            show_health(collected, &site);
            continue;
        }
        let outcome = match site.take_turn(job, 0, Duration::ZERO, &stop).await.outcome {
            Ok(outcome) => outcome,
            Err(refusal) => {
                out.note(format!("{} not run: {refusal}", job.series()));
                continue;
            }
        };
        collected.ran = Some((outcome.took, outcome.rows));
        show_health(collected, &site);
        exit = exit.or_worse(Exit::of_run(outcome.error.as_ref()));
        match outcome.error {
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

/// What `metrics.json` knows of each job's pair: it stands where the command ends before it opened the store.
fn known_before(config: &Config, jobs: &[Job]) -> Vec<Collected> {
    let pairs = read_pairs(&config.data_path).unwrap_or_default();
    let of = |job: &Job| {
        let pair = pairs.get(&job.series().pair_key());
        Collected {
            series: Arc::clone(job.series()),
            last_run_secs: pair.and_then(|pair| pair.last_run_at),
            last_success_secs: pair.and_then(|pair| pair.last_success_at),
            ran: None,
        }
    };
    jobs.iter().map(of).collect()
}

/// What is known of the series itself counts before what is known of its pair.
fn show_health(collected: &mut Collected, site: &Site) {
    if let Some(SeriesHealth { last_run_at, last_success_at, .. }) =
        site.telemetry().health().of(&collected.series)
    {
        collected.last_run_secs = last_run_at.map(|at| at.as_secs_f64());
        collected.last_success_secs = last_success_at.map(|at| at.as_secs_f64());
    }
}
