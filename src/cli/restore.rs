//! `dccd restore`: copies back what the remotes hold and this data path lacks.

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::complete;
use crate::cli::hand_over::do_copies;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::sync::NO_REMOTE;
use crate::config::Config;
use crate::engine::{CopyAsked, CopyUpdate, Report, Update};
use crate::model::{NoMatch, bytes, thousands};

/// Copy what is missing here back from the remotes, verified.
///
/// Exits with 1 if anything could not be restored. If a daemon runs on the data path, it does the work and this shows
/// its progress. Ctrl-C then cancels the work. If this command is lost, with its terminal for instance, the daemon
/// goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd restore", "dccd restore kraken/BTC-USDT"]))]
pub struct Args {
    /// Only these series: names, prefixes or globs, such as binance/BTC-USDT/ohlc/1h, binance/BTC/USDT or '*/BTC-*'.
    #[arg(add = ArgValueCompleter::new(complete::series))]
    series: Vec<String>,
}

/// Totals over all remotes.
#[derive(Default)]
struct Sum {
    files: u64,
    bytes: u64,
    rows: u64,
    failures: u64,
}

/// Restores from every remote in turn, each time what is still missing.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    if config.storage.remotes.is_empty() {
        return out.fail(Exit::Failed, NO_REMOTE);
    }
    let mut sum = Sum::default();
    let asked = CopyAsked::Restore { series: args.series };
    let done = do_copies(&config, "restore", asked, out, &stop, |update, out| match update {
        Update::Ended(report) => sum.take(&report, out),
        Update::Copied(CopyUpdate::NotListed { error }) => sum.fail(error, out),
        Update::Copied(CopyUpdate::NotHeld { asked, nearest }) => {
            let no_match = NoMatch { asked, nearest };
            sum.fail(format!("no remote holds `{}`; {}", no_match.asked, no_match.advice()), out);
        }
        _ => {}
    });
    if let Err(failed) = done.await {
        return failed;
    }
    let (files, size, rows) = (thousands(sum.files), bytes(sum.bytes), thousands(sum.rows));
    out.line(format!("Restored {files} file(s), {size}, and {rows} rows into files that are here."));
    Exit::of(sum.failures == 0 && !stop.is_cancelled())
}

impl Sum {
    fn fail(&mut self, why: String, out: &mut Output) {
        self.failures += 1;
        out.error(why);
    }

    fn take(&mut self, report: &Report, out: &mut Output) {
        for restored in &report.restored {
            self.files += restored.files;
            self.bytes += restored.bytes;
            self.rows += restored.rows;
            if restored.files + restored.rows > 0 {
                let (files, rows) = (thousands(restored.files), thousands(restored.rows));
                out.line(format!("{}: {files} file(s), {rows} rows from {}", report.series, restored.remote));
            }
        }
        report.error.iter().flat_map(|error| error.lines()).for_each(|why| self.fail(why.to_owned(), out));
    }
}
