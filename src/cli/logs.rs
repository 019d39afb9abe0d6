//! `dccd logs`: the newest lines of the log, or of one series in it.

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::store::Layout;
use crate::telemetry::logs::tail;

/// Show the newest lines of the log.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only lines of this series, such as binance/BTC-USDT/ohlc/1h.
    series: Option<String>,
    /// So many lines.
    #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    lines: u32,
}

/// Prints the lines.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let path = Layout::new(&config.data_path).own().join("dccd.log");
    match tail(&path, args.series.as_deref(), args.lines as usize) {
        Ok(lines) => {
            lines.iter().for_each(|line| out.line(line));
            Exit::Done
        }
        Err(error) => out.fail(Exit::Failed, format!("{} cannot be read: {error}", path.display())),
    }
}
