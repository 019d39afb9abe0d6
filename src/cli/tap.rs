//! `dccd tap SERIES`: rows received live, printed as the daemon accepts them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};

use clap_complete::engine::ArgValueCompleter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::cli::client::Daemon;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::{Exit, complete};
use crate::config::Config;
use crate::model::{Micros, Series, Zone, fields};
use crate::store::Layout;

/// Print rows of live series as the running daemon accepts them.
///
/// Goes on until Ctrl-C. A reader that does not keep up is cut off, which costs the collection nothing. Rows that are fetched
/// over REST are not shown; `dccd read` prints what is stored.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd tap binance/BTC-USDT/trades", "dccd tap 'kraken/*/trades' --json"]))]
pub struct Args {
    /// Live series by name, prefix or glob: binance/BTC-USDT/trades, binance/BTC/USDT, '*/BTC-*/trades'.
    #[arg(required = true, value_name = "SERIES", add = ArgValueCompleter::new(complete::known))]
    series: Vec<String>,
    /// Print a JSON object for each row.
    #[arg(long)]
    json: bool,
}

/// The columns of a row, by their names.
type Columns = BTreeMap<String, Option<Cell>>;

/// A value of a row.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cell {
    Text(String),
    Flag(bool),
    Whole(i64),
    Number(f64),
}

impl Display for Cell {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Text(text) => f.write_str(text),
            Cell::Flag(flag) => write!(f, "{flag}"),
            Cell::Whole(number) => write!(f, "{number}"),
            Cell::Number(number) => write!(f, "{number}"),
        }
    }
}

/// The first line of an event.
#[derive(Deserialize)]
struct Head {
    series: String,
}

/// Prints the rows until `stop`, or until nothing reads them any more.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output, stop: CancellationToken) -> Exit {
    let daemon = match Daemon::find(&Layout::new(&config.data_path).own()).await {
        Ok(Some(daemon)) => daemon,
        Ok(None) => {
            let why = format!("no daemon runs on {}; `dccd start` starts one", config.data_path.display());
            return out.fail(Exit::Failed, why);
        }
        Err(error) => return out.failed(&error),
    };
    let named: Vec<String> = args
        .series
        .iter()
        .map(|name| format!("&series={}", utf8_percent_encode(name, NON_ALPHANUMERIC)))
        .collect();
    let path = format!("/api/v1/events?kind=accepted{}", named.concat());
    let followed = daemon.events(&path, &stop, |event, lines| {
        if event == "accepted" {
            print(lines, &args, &config.zone, out);
        }
        !out.is_refused()
    });
    match followed.await {
        Ok(()) => Exit::Done,
        Err(error) => out.failed(&error),
    }
}

fn print(lines: &[&str], args: &Args, zone: &Zone, out: &mut Output) {
    let Some((head, rows)) = lines.split_first() else { return };
    let series: Option<Series> =
        serde_json::from_str(head).ok().and_then(|head: Head| head.series.parse().ok());
    let Some(series) = series else { return };
    for row in rows {
        match (args.json, serde_json::from_str::<Columns>(row)) {
            // A row of the daemon, with the series before it.
            (true, _) => out.line(format!("{{\"series\":\"{series}\",{}", row.trim_start_matches('{'))),
            (false, Ok(columns)) => out.line(text(&series, &columns, zone)),
            (false, Err(_)) => out.line(row),
        }
    }
}

/// A row for people: its instant in the zone of the settings, its series, then each column that has a value.
fn text(series: &Series, columns: &Columns, zone: &Zone) -> String {
    let instant = |text: &String| Micros::parse(text, &Zone::UTC).map_or(text.clone(), |at| zone.exact(at));
    let mut line = match columns.get("ts") {
        Some(Some(Cell::Text(at))) => format!("{} {series}", instant(at)),
        _ => series.to_string(),
    };
    for field in fields(series.kind()).iter().filter(|field| !["ts", "ts_recv"].contains(&field.name)) {
        if let Some(Some(value)) = columns.get(field.name) {
            // A string takes any text.
            let _ = write!(line, " {}={value}", field.name);
        }
    }
    line
}
