//! `dccd repair`: checks every file, sets damaged ones aside and requests every hole again.

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::api::RepairLine;
use crate::cli::hand_over::{WorkRequest, do_work};
use crate::cli::help::examples;
use crate::cli::naming::{self, NamingError};
use crate::cli::output::Output;
use crate::cli::{Exit, complete};
use crate::config::Config;
use crate::engine::series::repair_order;
use crate::engine::{Files, How, Job, Report, Update, Work};
use crate::model::{Series, thousands};
use crate::store::Layout;

/// Check every file, set damaged ones aside and fill every hole.
///
/// Exits with 1 if a hole could not be requested. If a daemon runs on the data path, it does the work and this shows
/// its progress. Ctrl-C then cancels the work. If this command is lost, with its terminal for instance, the daemon
/// goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd repair", "dccd repair binance/BTC-USDT/ohlc/1h"]))]
pub struct Args {
    /// Only these series: names, prefixes or globs, such as binance/BTC-USDT/ohlc/1h, binance/BTC/USDT or '*/BTC-*'.
    #[arg(add = ArgValueCompleter::new(complete::known))]
    series: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn line<'a>(report: &'a Report, files: &'a Files) -> RepairLine<'a> {
    RepairLine {
        series: &report.series,
        set_aside: &files.set_aside,
        gap_seconds_before: files.gap_seconds_before,
        gap_seconds_after: files.gap_seconds_after,
        rows: report.rows,
        error: report.error.as_deref(),
    }
}

/// Repairs every series there is, one after the other.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    naming::note_jobs_off(&config, out);
    let works = match works(&args, &config) {
        Ok(works) => works,
        Err(error) => return error.fail(out),
    };
    let (meant, mut reports, mut exit) = (works.len(), Vec::new(), Exit::Done);
    let done =
        do_work(&config, "repair", WorkRequest::Work { works, at_once: 1 }, out, &stop, |update, out| {
            let Update::Ended(report) = update else { return };
            exit = exit.or_worse(Exit::of_run(report.how));
            let files = report.files.clone().unwrap_or_default();
            if !args.json {
                out.line(text(&line(&report, &files)));
            }
            reports.push((report, files));
        });
    if let Err(failed) = done.await {
        exit = exit.or_worse(failed);
        if reports.is_empty() {
            return exit;
        }
    }
    if args.json {
        let lines: Vec<RepairLine<'_>> = reports.iter().map(|(report, files)| line(report, files)).collect();
        exit = exit.or_worse(out.json(&lines));
    } else {
        out.line(summary(reports.iter().filter(|(report, _)| report.how == How::Done).count(), meant));
    }
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}

fn summary(repaired: usize, meant: usize) -> String {
    let of = if repaired == meant { String::new() } else { format!(" of {}", thousands(meant as u64)) };
    format!("Repaired {}{of} series.", thousands(repaired as u64))
}

/// The selected series among those of jobs and those held.
fn works(args: &Args, config: &Config) -> Result<Vec<Work>, NamingError> {
    let meant = naming::known(config, &args.series)?;
    let layout = Layout::new(&config.data_path);
    let jobs = Job::all(config);
    let order = |series: &Series| repair_order(&jobs, &layout, series);
    Ok(meant.iter().map(order).map(Work::repair).collect())
}

fn text(line: &RepairLine<'_>) -> String {
    let aside = match line.set_aside.len() {
        0 => String::new(),
        count => format!(", {count} damaged file(s) set aside"),
    };
    let error = line.error.iter().map(|error| format!(": {error}")).collect::<String>();
    let (before, after) = (line.gap_seconds_before, line.gap_seconds_after);
    format!(
        "{}: {} rows{aside}, gaps {before:.0} s -> {after:.0} s{error}",
        line.series,
        thousands(line.rows)
    )
}
