//! `dccd verify`: every file against its hash, its order, its keys and its ledger.

use crate::cli::Exit;
use crate::cli::output::{Output, thousands};
use crate::config::Config;
use crate::store::{Layout, verify_series};

/// Check every file, hash and window; end with 1 if anything is not as it should be.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only series whose text begins so, such as binance/BTC-USDT.
    series: Option<String>,
}

/// Checks and prints.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let (mut series_checked, mut faults) = (0, 0);
    for series in layout.series() {
        let name = series.to_string();
        if !args.series.as_deref().is_none_or(|asked| name.starts_with(asked)) {
            continue;
        }
        series_checked += 1;
        match verify_series(&layout, &series) {
            Ok(found) => {
                faults += found.len();
                for fault in found {
                    out.line(format!("{name}: {}: {}", fault.path.display(), fault.what));
                }
            }
            Err(error) => {
                faults += 1;
                out.line(format!("{name}: {error}"));
            }
        }
    }
    out.line(format!(
        "Verified {} series: {} fault(s).",
        thousands(series_checked),
        thousands(faults as u64)
    ));
    Exit::of(faults == 0)
}
