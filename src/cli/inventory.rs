//! `dccd inventory`: what is held of each series, from the ledgers.

use crate::api::InventoryLine;
use crate::cli::Exit;
use crate::cli::gaps::doubts;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::clock::now;
use crate::config::Config;
use crate::engine::series::Account;
use crate::model::{Micros, Zone, bytes, thousands};
use crate::store::{Layout, Unaccounted, inventory};
use crate::telemetry::events::Chain;

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
    let held = match inventory(&layout) {
        Ok(held) => held,
        Err(error) => return out.fail(Exit::Storage, Chain(&error)),
    };
    // Files of another program have no ledger, which their row shows.
    let ours = held.iter().filter(|holding| holding.ledger != Err(Unaccounted::Foreign));
    let exit = ours.fold(Exit::Done, |exit, holding| exit.or_worse(doubts(holding, out)));
    let now = now();
    let lines: Vec<InventoryLine> = held.iter().map(|holding| Account::of(holding).line(now)).collect();
    if args.json {
        return exit.or_worse(out.json(&lines));
    }
    if held.is_empty() {
        out.line(format!("No data found under {}.", config.data_path.display()));
        return Exit::Done;
    }
    let mut table = Table::new(columns(&config.zone_name));
    lines.iter().for_each(|line| row(&mut table, line, &config));
    table.print(out);
    exit
}

fn columns(zone: &str) -> [Column; 11] {
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
        Column::right("unfillable", 10),
        Column::right("size", 9),
    ]
}

fn row(table: &mut Table, line: &InventoryLine, config: &Config) {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut cells = vec![line.exchange.clone(), line.pair.clone(), line.r#type.clone(), text(&line.span)];
    let (Some(rows), Some(size)) = (line.rows, line.bytes) else {
        let why = text(&line.note);
        return table.noted(cells, format!(" {} file(s) not counted: {why}", line.foreign_files));
    };
    let day = |at: &Option<String>| {
        let at = at.as_deref().and_then(|at| Micros::parse(at, &Zone::UTC).ok());
        at.map_or_else(|| "-".to_owned(), |at| config.zone.day(at))
    };
    cells.extend([
        day(&line.from),
        day(&line.to),
        thousands(rows),
        line.gaps.unwrap_or_default().to_string(),
        line.missing.map_or_else(|| "-".to_owned(), thousands),
        line.unfillable_seconds.filter(|secs| *secs > 0.0).map_or_else(|| "-".to_owned(), length),
        bytes(size),
    ]);
    table.noted(cells, note(line));
}

/// A length of time in its largest whole unit; no time that is missing looks like none.
fn length(secs: f64) -> String {
    match secs {
        ..120.0 => format!("{} s", (secs * 1e3).ceil() / 1e3),
        120.0..7_200.0 => format!("{:.0} min", (secs / 60.0).floor()),
        7_200.0..172_800.0 => format!("{:.0} h", (secs / 3_600.0).floor()),
        _ => format!("{:.0} d", (secs / 86_400.0).floor()),
    }
}

/// The note at the end of a row.
fn note(line: &InventoryLine) -> String {
    let mut note = String::new();
    if !line.gone_files.is_empty() {
        note.push_str(&format!("  {} file(s) gone", line.gone_files.len()));
    }
    if line.remote_only_files > 0 {
        let size = bytes(line.remote_only_bytes);
        note.push_str(&format!("  {} file(s), {size} on remotes only", line.remote_only_files));
    }
    if line.foreign_files > 0 {
        note.push_str(&format!("  +{} unknown file(s), see `dccd verify`", line.foreign_files));
    }
    note
}
