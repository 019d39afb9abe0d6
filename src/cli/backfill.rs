//! `dccd backfill`: the history of the configured jobs, or of a series named on the command line.

mod args;
mod dry_run;
mod orders;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::hand_over::{WorkRequest, do_work};
use crate::cli::output::Output;
use crate::cli::progress::{Bars, label};
use crate::config::Config;
use crate::engine::{How, Report, Update, Work};
use crate::model::{Kind, Series, thousands};

pub use self::args::Args;

/// Fetches, or prints what would be fetched.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let orders = match orders::of(&args, &config, out, &stop).await {
        Ok(orders) => orders,
        Err((exit, complaints)) => {
            complaints.iter().for_each(|complaint| out.error(complaint));
            return exit;
        }
    };
    if !config.path.exists() {
        out.note(format!("no configuration file was found; rows go to {}", config.data_path.display()));
    }
    if args.dry_run {
        return dry_run::run(&orders, &config, out);
    }
    let works = orders.into_iter().map(Work::fetch).collect();
    let at_once = usize::from(args.parallel).min(config.worker.slots as usize).max(1);
    let (mut bars, begun) = (Bars::of_terminal(), Instant::now());
    let mut exit = Exit::Done;
    let done =
        do_work(&config, "backfill", WorkRequest::Work { works, at_once }, out, &stop, |update, out| {
            bars.show(&update);
            if let Update::Ended(report) = &update {
                exit = exit.or_worse(Exit::of_run(report.how));
                print(report, out);
            }
        });
    let done = done.await;
    bars.total(begun.elapsed(), out);
    if let Err(failed) = done {
        exit = exit.or_worse(failed);
    }
    exit.or_worse(Exit::of(!stop.is_cancelled()))
}

fn print(report: &Report, out: &mut Output) {
    let series = report.series.parse::<Series>();
    let (label, kind) = match &series {
        Ok(series) => (label(series), Some(series.kind())),
        Err(_) => (format!("[{}]", report.series), None),
    };
    let what = if kind == Some(Kind::Ohlc) { "candles" } else { "rows" };
    let rows = thousands(report.rows);
    match report.how {
        How::Done if report.rows == 0 && report.revised == 0 => {
            out.line(format!("{label} already up to date"))
        }
        How::Done => out.line(format!("{label} done — {rows} {what}, 0 windows skipped")),
        How::Skipped(failed) => out.line(format!("{label} done — {rows} {what}, {failed} windows skipped")),
        How::Stopped => out.line(format!("{label} stopped — {rows} {what} stored")),
        How::Refused => out.line(format!("{label} not fetched")),
        How::Failed | How::Storage => out.line(format!("{label} failed — {rows} {what} stored")),
    }
    report.error.iter().for_each(|error| out.error(error));
}
