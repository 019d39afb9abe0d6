//! `dccd collect`: one increment per job, for cron.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::hand_over::{WorkRequest, do_work};
use crate::cli::help::examples;
use crate::cli::length::length;
use crate::cli::output::Output;
use crate::cli::progress::Bars;
use crate::cli::{Exit, naming};
use crate::config::Config;
use crate::engine::{How, Job, Report, Update};
use crate::telemetry::{Collected, Textfile, read_pairs};

/// Run every job once: what closed since its last run, and any gap.
///
/// If a daemon runs on the data path, it runs its own jobs and this waits for them. Ctrl-C then cancels what has not
/// begun; runs that have begun go on.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd collect", "dccd collect --timeout 10m --textfile /var/lib/node_exporter/dccd.prom"]))]
pub struct Args {
    /// Leave the outcome here for node_exporter's textfile collector: a folder, which gets a dccd.prom, or a
    /// file ending in .prom [default: telemetry.textfile of the configuration].
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::AnyPath)]
    textfile: Option<PathBuf>,
    /// Stop after so long, such as 90s or 10m, and exit with 1 if not every job ran.
    #[arg(long, value_name = "TIME", value_parser = length)]
    timeout: Option<Duration>,
}

/// Runs every configured job once, one after the other, and leaves the outcome in the text file.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let jobs = Job::all(&config);
    naming::note_jobs_off(&config, out);
    let path = args.textfile.or_else(|| config.telemetry.textfile.clone());
    let mut series = known_before(&config, &jobs);
    let keep = |report: &Report| {
        let collected = series.iter_mut().find(|collected| collected.series.to_string() == report.series);
        collected.into_iter().for_each(|collected| keep(collected, report));
    };
    let (stop, mut timer) = (stop.child_token(), JoinSet::new());
    if let Some(length) = args.timeout {
        let stop = stop.clone();
        timer.spawn(async move {
            tokio::time::sleep(length).await;
            stop.cancel();
        });
    }
    let exit = run_jobs(&config, "collect", Vec::new(), out, stop, keep).await;
    if let (Some(length), Some(_)) = (args.timeout, timer.try_join_next()) {
        out.error(format!("not every job ran within {} s", length.as_secs()));
    }
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

/// Runs the selected jobs and counts how they ended.
pub(crate) async fn run_jobs(
    config: &Config,
    command: &str,
    selectors: Vec<String>,
    out: &mut Output,
    stop: CancellationToken,
    mut on: impl FnMut(&Report),
) -> Exit {
    // A job that was named and did not run fails the command; one among all jobs does not.
    let is_named = !selectors.is_empty();
    let (mut successes, mut failures, mut exit) = (0, 0, Exit::Done);
    let mut bars = Bars::of_terminal();
    let done = do_work(config, command, WorkRequest::Jobs { selectors }, out, &stop, |update, out| {
        bars.show(&update);
        let report = match update {
            Update::Ended(report) => report,
            Update::NotBegun { series } => return failures += series.len(),
            Update::Progress { .. } | Update::Held { .. } | Update::Copied(_) => return,
        };
        on(&report);
        if report.how == How::Refused && !is_named {
            report.error.iter().for_each(|why| out.note(why));
            return;
        }
        exit = exit.or_worse(Exit::of_run(report.how));
        match report.how {
            How::Done => successes += 1,
            _ => failures += 1,
        }
        report.error.iter().for_each(|error| out.error(error));
    });
    let done = done.await;
    if let (Err(failed), 0) = (done, successes + failures) {
        return failed;
    }
    exit = exit.or_worse(done.err().unwrap_or(Exit::Done));
    drop(bars);
    if stop.is_cancelled() {
        out.note("stopped before every job ran");
    }
    out.line(format!("Done. successes={successes} failures={failures}"));
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}

/// Each job's pair as in `metrics.json`, in case the command ends before it opens the store.
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

/// Replaces what is known of the pair by what is known of the series itself.
fn keep(collected: &mut Collected, report: &Report) {
    collected.last_run_secs = report.last_run_secs;
    collected.last_success_secs = report.last_success_secs;
    if report.how != How::Refused {
        collected.ran = Some((Duration::from_secs_f64(report.took_secs.max(0.0)), report.rows));
    }
}
