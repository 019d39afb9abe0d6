//! `dccd gaps`: every window that is not covered, with its state and the reason.

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::config::Config;
use crate::daemon::open_gaps;
use crate::model::Window;
use crate::store::{Layout, Note, inventory};

/// Show every window that is not covered, with its state and the reason.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only series whose text begins so, such as binance/BTC-USDT.
    series: Option<String>,
    /// Only windows still to be filled.
    #[arg(long)]
    open: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    series: String,
    state: &'static str,
    from: String,
    until: String,
    seconds: f64,
    reason: String,
}

/// Prints the windows.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let mut lines = Vec::new();
    for holding in inventory(&Layout::new(&config.data_path)) {
        let name = holding.series.to_string();
        let Some(ledger) = holding.ledger.as_ref().ok().filter(|_| wanted(args, &name)) else { continue };
        for gap in open_gaps(&holding.series, ledger).iter() {
            let reason = ledger.reason(gap).unwrap_or("not fetched yet").to_owned();
            lines.push(line(&name, "gap", gap, reason));
        }
        if !args.open {
            let settled = [("empty", &ledger.empty), ("unfillable", &ledger.unfillable)];
            let notes =
                settled.into_iter().flat_map(|(state, notes)| notes.iter().map(move |note| (state, note)));
            lines.extend(
                notes.map(|(state, Note { window, reason })| line(&name, state, *window, reason.clone())),
            );
        }
    }
    if args.json {
        return match serde_json::to_string_pretty(&lines) {
            Ok(text) => {
                out.line(text);
                Exit::Done
            }
            Err(error) => out.fail(Exit::Failed, error),
        };
    }
    if lines.is_empty() {
        out.line("No gaps.");
        return Exit::Done;
    }
    let header = format!("{:<32} {:<10} {:<20} {:<20} {}", "series", "state", "from", "until", "reason");
    out.line(&header);
    out.line("-".repeat(header.len()));
    for Line { series, state, from, until, reason, .. } in lines {
        out.line(format!("{series:<32} {state:<10} {from:<20} {until:<20} {reason}"));
    }
    Exit::Done
}

fn wanted(args: &Args, name: &str) -> bool {
    args.series.as_deref().is_none_or(|asked| name.starts_with(asked))
}

fn line(series: &str, state: &'static str, window: Window, reason: String) -> Line {
    let (from, until) = (window.from.to_string(), window.until.to_string());
    Line { series: series.to_owned(), state, from, until, seconds: window.secs(), reason }
}
