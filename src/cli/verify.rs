//! `dccd verify`: every file against its hash, its order, its keys and its ledger.

use clap_complete::engine::ArgValueCompleter;

use crate::api::FileFault;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::{Exit, complete, naming};
use crate::config::Config;
use crate::model::thousands;
use crate::store::{Layout, Ledger, verify_series};

/// Check every file, hash and window.
///
/// Exits with 1 if anything is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd verify", "dccd verify binance/BTC-USDT/ohlc/1h"]))]
pub struct Args {
    /// Only these series: names, prefixes or globs, such as binance/BTC-USDT/ohlc/1h, binance/BTC/USDT or '*/BTC-*'.
    #[arg(add = ArgValueCompleter::new(complete::series))]
    series: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Checks and prints.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let (mut series_checked, mut faults, mut away) = (0, Vec::new(), 0);
    let meant = match naming::held(&config, &args.series) {
        Ok(meant) => meant,
        Err(error) => return error.fail(out),
    };
    for series in meant {
        let name = series.to_string();
        series_checked += 1;
        let ledger = Ledger::read(&layout.ledger(&series), &series).ok().flatten();
        away += ledger.map_or(0, |ledger| ledger.remote_only().count() as u64);
        let line = |path, fault| FileFault { series: name.clone(), path, fault };
        match verify_series(&layout, &series) {
            Ok(found) => faults.extend(
                found.into_iter().map(|fault| line(Some(fault.path.display().to_string()), fault.what)),
            ),
            Err(error) => faults.push(line(None, error.to_string())),
        }
    }
    if args.json {
        return Exit::of(faults.is_empty()).or_worse(out.json(&faults));
    }
    for FileFault { series, path, fault } in &faults {
        let path = path.iter().map(|path| format!("{path}: ")).collect::<String>();
        out.line(format!("{series}: {path}{fault}"));
    }
    let count = thousands(faults.len() as u64);
    let away = match away {
        0 => String::new(),
        away => format!("; {} file(s) are on remotes only and were not read", thousands(away)),
    };
    out.line(format!("Verified {} series: {count} fault(s){away}.", thousands(series_checked)));
    Exit::of(faults.is_empty())
}
