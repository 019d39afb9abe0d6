//! `dccd inventory`: what is held of each series, from the ledgers.

use crate::api::InventoryLine;
use crate::cli::Exit;
use crate::cli::gaps::doubts;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::config::Config;
use crate::engine::open_gaps;
use crate::exchange::find;
use crate::model::{Micros, Windows, bytes, thousands};
use crate::store::{HeldSeries, Layout, Ledger, Unaccounted, inventory};

/// Show the range, rows, size and gaps of every series.
///
/// Exits with 1 if a ledger or a file is gone.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd inventory", "dccd inventory --json"]))]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the table.
pub(crate) fn run(args: &Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let held = inventory(&layout);
    // Files of another program have no ledger, which their row shows.
    let ours = held.iter().filter(|holding| holding.ledger != Err(Unaccounted::Foreign));
    let exit = ours.fold(Exit::Done, |exit, holding| exit.or_worse(doubts(holding, out)));
    if args.json {
        let lines: Vec<InventoryLine> = held.iter().map(line).collect();
        return exit.or_worse(out.json(&lines));
    }
    if held.is_empty() {
        out.line(format!("No data found under {}.", config.data_path.display()));
        return Exit::Done;
    }
    let mut table = Table::new(columns(&config.zone_name));
    held.iter().for_each(|holding| row(&mut table, holding, &config));
    table.print(out);
    exit
}

fn columns(zone: &str) -> [Column; 10] {
    [
        Column::left("exchange", 10),
        Column::left("pair", 12),
        Column::left("type", 11),
        Column::left("span", 6),
        Column::time("from", 12, zone),
        Column::time("to", 12, zone),
        Column::right("rows", 8),
        Column::right("gaps", 6),
        Column::right("missing", 10),
        Column::right("size", 9),
    ]
}

fn row(table: &mut Table, holding: &HeldSeries, config: &Config) {
    let series = &holding.series;
    let span = series.span().map_or_else(|| "-".to_owned(), |span| span.to_string());
    let mut cells =
        vec![series.exchange().to_owned(), series.pair().to_string(), series.kind().to_string(), span];
    let ledger = match &holding.ledger {
        Ok(ledger) => ledger,
        Err(reason) => {
            return table.noted(cells, format!(" {} file(s) not counted: {reason}", holding.unknown_files));
        }
    };
    let day = |at: Option<Micros>| at.map_or_else(|| "-".to_owned(), |at| config.zone.day(at));
    let gaps = open_gaps(&holding.series, ledger);
    let ends = ledger.ends();
    cells.extend([
        day(ends.map(|ends| ends.0)),
        day(ends.map(|ends| ends.1)),
        thousands(ledger.rows()),
        gaps.len().to_string(),
        missing(holding, &gaps).map_or_else(|| "-".to_owned(), thousands),
        bytes(ledger.bytes()),
    ]);
    table.noted(cells, note(holding, ledger));
}

/// The note at the end of a row.
fn note(holding: &HeldSeries, ledger: &Ledger) -> String {
    let mut note = String::new();
    if !holding.gone.is_empty() {
        note.push_str(&format!("  {} file(s) gone", holding.gone.len()));
    }
    let away = away(ledger);
    if !away.is_empty() {
        note.push_str(&format!("  {} file(s), {} on remotes only", away.len(), bytes(away.iter().sum())));
    }
    if holding.unknown_files > 0 {
        note.push_str(&format!("  +{} unknown file(s), see `dccd verify`", holding.unknown_files));
    }
    note
}

/// The sizes of the files that are on remotes only.
fn away(ledger: &Ledger) -> Vec<u64> {
    ledger.remote_only().map(|(_, _, entry)| entry.bytes).collect()
}

/// How many candles the gaps hold; none for kinds that have no count.
fn missing(holding: &HeldSeries, gaps: &Windows) -> Option<u64> {
    let span = holding.series.span()?;
    let offer = find(holding.series.exchange()).and_then(|exchange| exchange.offer_for(&holding.series));
    let grid = offer.map_or_else(|| span.grid(), |offer| offer.grid(span));
    Some(gaps.iter().map(|gap| grid.count(gap)).sum())
}

fn line(holding: &HeldSeries) -> InventoryLine {
    let series = &holding.series;
    let ledger = holding.ledger.as_ref().ok();
    let gaps = ledger.map(|ledger| open_gaps(series, ledger));
    let ends = ledger.and_then(Ledger::ends);
    let away = ledger.map(away).unwrap_or_default();
    InventoryLine {
        series: series.to_string(),
        exchange: series.exchange().to_owned(),
        pair: series.pair().to_string(),
        r#type: series.kind().to_string(),
        span: series.span().map(|span| span.to_string()),
        from: ends.map(|ends| ends.0.to_string()),
        to: ends.map(|ends| ends.1.to_string()),
        rows: ledger.map(Ledger::rows),
        bytes: ledger.map(Ledger::bytes),
        files: ledger.map_or(0, |ledger| ledger.files.len()),
        remote_only_files: away.len(),
        remote_only_bytes: away.iter().sum(),
        missing: gaps.as_ref().and_then(|gaps| missing(holding, gaps)),
        gap_seconds: gaps.as_ref().map(Windows::secs),
        gaps: gaps.as_ref().map(Windows::len),
        foreign_files: holding.unknown_files,
        note: holding.ledger.as_ref().err().map(ToString::to_string),
        gone_files: holding.gone.iter().map(|path| path.display().to_string()).collect(),
    }
}
