//! `dccd logs`: the newest lines of the log, or of one series in it.

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::{Exit, complete, naming};
use crate::config::Config;
use crate::store::Layout;
use crate::telemetry::logs::tail;

/// Show the newest lines of the log.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd logs -n 50", "dccd logs binance/BTC-USDT/ohlc/1h"]))]
pub struct Args {
    /// Only lines of these series: a name, prefix or glob, such as binance/BTC-USDT/ohlc/1h or binance/BTC/USDT.
    #[arg(add = ArgValueCompleter::new(complete::series))]
    series: Option<String>,
    /// Number of lines.
    #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    lines: u32,
}

/// Prints the lines.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let path = Layout::new(&config.data_path).own().join("dccd.log");
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

/// No line matches: the series may be silent, or there may be no such series.
fn nothing_of(selector: &str, config: &Config, out: &mut Output) -> Exit {
    match naming::known(config, &[selector.to_owned()]) {
        Ok(_) => {
            out.note(format!("the log has no line of {selector}"));
            Exit::Done
        }
        Err(none) => out.failed(&none),
    }
}
