//! `dccd logs`: the newest lines of the log, of everything or of some series.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::{Exit, complete, naming};
use crate::config::Config;
use crate::store::Layout;
use crate::telemetry::logs::{Follower, tail};

/// Show the newest lines of the log.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd logs -n 50", "dccd logs -f binance/BTC-USDT/ohlc/1h"]))]
pub struct Args {
    /// Only lines of these series: a name, prefix or glob, such as binance/BTC-USDT/ohlc/1h or binance/BTC/USDT.
    #[arg(add = ArgValueCompleter::new(complete::known))]
    series: Option<String>,
    /// Number of lines.
    #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    lines: u32,
    /// Follow the log: print new lines as they are written, until Ctrl-C.
    #[arg(short, long)]
    pub(super) follow: bool,
}

/// How often the log is checked for new lines.
const POLL: Duration = Duration::from_millis(200);

/// Prints the lines.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let path = log(&config);
    match tail(&path, args.series.as_deref(), args.lines as usize) {
        Ok(lines) => {
            lines.iter().for_each(|line| out.line(line));
            match args.series.as_ref().filter(|_| lines.is_empty()) {
                None => Exit::Done,
                Some(selector) => nothing_of(selector, &config, out),
            }
        }
        Err(error) => out.fail(Exit::Failed, format!("{} cannot be read: {error}", path.display())),
    }
}

/// Prints the last lines and those written after them, until `stop` or until nothing reads them any more.
pub(crate) async fn follow(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let path = log(&config);
    if let Some(Err(none)) = args.series.clone().map(|selector| naming::known(&config, &[selector])) {
        return none.fail(out);
    }
    let mut follower = Follower::new(&path, args.series.as_deref());
    let mut last = VecDeque::new();
    let mut read = follower.read(|line| {
        last.push_back(line);
        if last.len() > args.lines as usize {
            last.pop_front();
        }
    });
    last.iter().for_each(|line| out.line(line));
    while read.is_ok() && !out.is_refused() {
        tokio::select! {
            () = stop.cancelled() => return Exit::Failed,
            () = tokio::time::sleep(POLL) => read = follower.read(|line| out.line(line)),
        }
    }
    match read {
        Ok(()) => Exit::Done,
        Err(error) => out.fail(Exit::Failed, format!("{} cannot be read: {error}", path.display())),
    }
}

fn log(config: &Config) -> PathBuf {
    Layout::new(&config.data_path).own().join("dccd.log")
}

/// No line matches: the series may be silent, or there may be no such series.
fn nothing_of(selector: &str, config: &Config, out: &mut Output) -> Exit {
    match naming::known(config, &[selector.to_owned()]) {
        Ok(_) => {
            out.note(format!("the log has no line of {selector}"));
            Exit::Done
        }
        Err(error) => error.fail(out),
    }
}
