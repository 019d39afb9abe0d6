//! `dccd gaps`: every window that is not covered, with its state and the reason, and every row that was set aside.

use std::collections::BTreeMap;

use clap_complete::engine::ArgValueCompleter;

use crate::api::GapLine;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::cli::{Exit, complete, naming};
use crate::config::Config;
use crate::engine::series::{aside, open_windows, settled_windows};
use crate::model::{Micros, Series};
use crate::store::{HeldSeries, Layout, Ledger, Unaccounted, holding, set_aside_rows};

/// Show every window that is not covered, and why.
///
/// Rows that were set aside are listed too. Exits with 1 if the gaps of a series are not known.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd gaps --open", "dccd gaps 'kraken/*/ohlc/1h' --json"]))]
pub struct Args {
    /// Only these series: names, prefixes or globs, such as binance/BTC-USDT/ohlc/1h, binance/BTC/USDT or '*/BTC-*'.
    #[arg(add = ArgValueCompleter::new(complete::known))]
    series: Vec<String>,
    /// Only windows still to be filled.
    #[arg(long)]
    open: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the windows and the rows.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let meant = match naming::known(&config, &args.series) {
        Ok(meant) => meant,
        Err(error) => return error.fail(out),
    };
    let mut exit = Exit::Done;
    let mut lines: BTreeMap<Series, Vec<GapLine>> = BTreeMap::new();
    for series in &meant {
        let Some(holding) = holding(&layout, series) else {
            if !args.series.is_empty() {
                out.note(format!("{series}: nothing is stored yet"));
            }
            continue;
        };
        exit = exit.or_worse(doubts(&holding, out));
        if let Ok(ledger) = &holding.ledger {
            lines.entry(series.clone()).or_default().extend(windows(args, series, ledger));
        }
    }
    if !args.open {
        for (series, aside) in rows_aside(&meant, &layout, out, &mut exit) {
            lines.entry(series).or_default().extend(aside);
        }
    }
    let lines: Vec<GapLine> = lines.into_values().flatten().collect();
    if args.json {
        return exit.or_worse(out.json(&lines));
    }
    if exit == Exit::Done || !lines.is_empty() {
        print(lines, &config, out);
    }
    exit
}

/// Complains of what keeps the account of a series from being the whole truth.
pub(super) fn doubts(holding: &HeldSeries, out: &mut Output) -> Exit {
    let series = &holding.series;
    if let Err(why) = &holding.ledger {
        let repair = match why {
            Unaccounted::Foreign => String::new(),
            _ => format!("; `dccd repair {series}` makes it anew from the files"),
        };
        return out.fail(Exit::Failed, format!("{series}: {why}{repair}"));
    }
    for path in &holding.gone {
        out.error(format!(
            "{series}: {} is gone, and what it held is a gap; `dccd repair {series}` fills it",
            path.display()
        ));
    }
    Exit::of(holding.gone.is_empty())
}

fn windows(args: &Args, series: &Series, ledger: &Ledger) -> Vec<GapLine> {
    let mut lines = open_windows(series, ledger);
    if !args.open {
        lines.extend(settled_windows(series, ledger));
    }
    lines
}

/// The rows that were set aside, by series. A series that cannot be read is an error and hides no other.
fn rows_aside(
    meant: &[Series],
    layout: &Layout,
    out: &mut Output,
    exit: &mut Exit,
) -> Vec<(Series, Vec<GapLine>)> {
    let all = layout.series_with_rows_aside().unwrap_or_else(|error| {
        *exit = out.failed(&error);
        Vec::new()
    });
    let mut found = Vec::new();
    for series in all.into_iter().filter(|series| meant.contains(series)) {
        let rows = match set_aside_rows(layout, &series) {
            Ok(rows) => rows,
            Err(error) => {
                *exit = out.failed(&error);
                continue;
            }
        };
        let file = layout.set_aside(&series);
        if rows.damaged > 0 {
            out.note(format!("{} line(s) of {} are damaged and left out", rows.damaged, file.display()));
        }
        let lines = aside(&series, rows, &file);
        found.push((series, lines));
    }
    found
}

fn print(lines: Vec<GapLine>, config: &Config, out: &mut Output) {
    if lines.is_empty() {
        return out.line("No gaps.");
    }
    let mut table = Table::new([
        Column::left("series", 32),
        Column::left("state", 10),
        Column::time("from", 20, &config.zone_name),
        Column::time("until", 20, &config.zone_name),
        Column::left("reason", 0),
    ]);
    for line in lines {
        let GapLine { series, state, mut reason, .. } = line;
        let at = |text: Option<String>| text.and_then(|text| Micros::parse(&text, &config.zone).ok());
        let (first, last) = (at(line.from.or(line.at)), at(line.until.or(line.last_at)));
        let known = |at: Option<Micros>| at.map_or_else(|| "-".to_owned(), |at| config.zone.second(at));
        let [from, until] = match first.zip(last) {
            Some((first, last)) => config.zone.ends(first, last),
            None => [known(first), known(last)],
        };
        if let (Some(fault), Some(rows), Some(file)) = (line.fault, line.rows, line.file) {
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            reason = format!("{reason} ({fault}, {rows} in {})", file.display());
        }
        table.row([series, state.to_owned(), from, until, reason]);
    }
    table.print(out);
}
