//! `dccd book SERIES`: a stored order book as of an instant.

use std::fmt::Display;

use clap_complete::engine::ArgValueCompleter;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api::{BookAnswer, LevelLine, NoBook};
use crate::cli::client::Daemon;
use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::table::{Column, Table};
use crate::cli::{Exit, complete};
use crate::clock::now;
use crate::config::Config;
use crate::engine::book::{AskError, Asked, BookError, answer, uncovered};
use crate::model::{Micros, Zone};
use crate::store::{Layout, StoreError};
use crate::telemetry::events::Chain;

/// Levels a side of a printed book.
const LEVELS: usize = 10;

/// Print an order book as of an instant, rebuilt from the files.
///
/// Exits with 1 and the window if the book is not known then. Without --at it is the book as the daemon follows it, if one
/// runs and listens to it, else the newest in the files.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd book binance/BTC-USDT/orderbook --at 2026-01-31T12:03:07.250Z", "dccd book kraken/BTC/USD --levels 25 --json"]))]
pub struct Args {
    /// An order book by name or prefix: binance/BTC-USDT/orderbook, binance/BTC/USDT.
    #[arg(value_name = "SERIES", add = ArgValueCompleter::new(complete::series))]
    series: String,
    /// The instant, in the zone of the settings unless it has its own [default: the newest book].
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The most levels a side [default: 10, all with --json].
    #[arg(long, value_name = "N")]
    levels: Option<String>,
    /// Print JSON, as `GET /api/v1/series/{id}/book` answers.
    #[arg(long)]
    json: bool,
}

/// Prints the book.
pub(crate) async fn run(args: Args, config: Config, out: &mut Output) -> Exit {
    let layout = Layout::new(&config.data_path);
    let levels = args.levels.clone().or_else(|| (!args.json).then(|| LEVELS.to_string()));
    let asked = Asked { series: Some(args.series.clone()), at: args.at.clone(), levels };
    let daemon = match args.at {
        Some(_) => None,
        None => match Daemon::find(&layout.own()).await {
            Ok(daemon) => daemon,
            Err(error) => return out.failed(&error),
        },
    };
    if let Some(daemon) = daemon {
        return match daemon.get(&path(&asked)).await {
            Ok(book) => show(&args, &config, &book, "of the daemon", out),
            Err(error) => out.failed(&error),
        };
    }
    match answer(&layout, &asked, Some(&config.zone), now()) {
        Ok(book) => show(&args, &config, &book, "in the files; no daemon runs", out),
        Err(error) => refuse(&args, &error, out),
    }
}

fn path(asked: &Asked) -> String {
    let series = encoded(asked.series.as_deref().unwrap_or_default());
    let levels = asked.levels.as_deref().map(|levels| format!("?levels={}", encoded(levels)));
    format!("/api/v1/series/{series}/book{}", levels.unwrap_or_default())
}

/// Text as a segment of a path or a value of a query.
fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn refuse(args: &Args, error: &AskError, out: &mut Output) -> Exit {
    let exit = match error {
        AskError::Wrong(_) => Exit::Usage,
        AskError::Book(BookError::Store(StoreError::Foreign { .. })) => Exit::Failed,
        AskError::Book(BookError::Store(_)) => Exit::Storage,
        AskError::NoSeries(_) | AskError::Broken { .. } | AskError::Book(_) => Exit::Failed,
    };
    if let (true, AskError::Book(BookError::NotCovered { series, uncovered: hole })) = (args.json, error) {
        let refusal = NoBook { series: series.clone(), at: args.at.clone(), uncovered: uncovered(hole) };
        return exit.or_worse(out.json(&refusal));
    }
    out.fail(exit, Chain(error))
}

fn show(args: &Args, config: &Config, book: &BookAnswer, source: &str, out: &mut Output) -> Exit {
    if args.json {
        return out.json(book);
    }
    let (zone, name) = (&config.zone, &config.zone_name);
    let exact =
        |text: &str| Micros::parse(text, &Zone::UTC).map_or_else(|_| text.to_owned(), |at| zone.exact(at));
    match &book.at {
        Some(at) => out.line(format!("{} as of {} ({name})", book.series, exact(at))),
        None if book.source == "live" => {
            out.line(format!("{}, the book as the daemon follows it", book.series))
        }
        None => out.line(format!("{}, the newest book {source}", book.series)),
    }
    let age = if book.at.is_some() { "before" } else { "ago" };
    let seq = book.seq.map_or_else(String::new, |seq| format!(", sequence {seq}"));
    let ord = book.ord.map_or_else(String::new, |ord| format!(", ord {ord}"));
    out.line(format!("last update {} ({name}), {:.6} s {age}{ord}{seq}", exact(&book.ts), book.age_seconds));
    if !book.covered {
        out.note("it is a snapshot taken by itself: changes after its instant are not known");
    }
    ladder(book).print(out);
    Exit::Done
}

fn ladder(book: &BookAnswer) -> Table {
    let mut table = Table::new([
        Column::right("bid amount", 18),
        Column::right("bid", 16),
        Column::right("ask", 16).apart(),
        Column::right("ask amount", 18),
    ]);
    let cell = |level: Option<&LevelLine>, of: fn(&LevelLine) -> f64| {
        level.map_or_else(String::new, |level| of(level).to_string())
    };
    for place in 0..book.bids.len().max(book.asks.len()) {
        let (bid, ask) = (book.bids.get(place), book.asks.get(place));
        table.row([
            cell(bid, |level| level.amount),
            cell(bid, |level| level.price),
            cell(ask, |level| level.price),
            cell(ask, |level| level.amount),
        ]);
    }
    table
}
