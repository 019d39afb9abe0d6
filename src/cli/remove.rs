//! `dccd remove`: one pair less in the configuration, edited in place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;

use crate::cli::help::examples;
use crate::cli::refusal::{Refusal, error_lines};
use crate::cli::{add, complete};
use crate::config::edit::{self, EditError, NewJob};
use crate::config::{self, Surroundings};
use crate::model::Pair;

/// Remove a pair from the configuration; its data stays.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = examples(&["dccd remove -e binance -p ETH/USDT -s 1h"]))]
pub struct Args {
    /// The exchange.
    #[arg(short, long, add = ArgValueCompleter::new(complete::exchanges))]
    pub exchange: String,
    /// The pair, such as BTC/USDT.
    #[arg(short, long, add = ArgValueCompleter::new(complete::pairs))]
    pub pair: Pair,
    /// The candle length in seconds, or as a label such as 1h.
    #[arg(short, long, value_parser = add::span_secs, add = ArgValueCompleter::new(complete::spans))]
    pub span: u64,
}

/// Removes the pair; the exit code is 1 when nothing was to be written, 74 when it could not be.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match remove(args, config) {
        Ok(path) => {
            let Args { exchange, pair, span } = args;
            writeln!(out, "Removed {pair} from {exchange}/{span}s.")?;
            writeln!(out, "Config written to {}.", path.display())?;
            Ok(0)
        }
        Err(refusal) => refusal.print(err),
    }
}

/// Writes the file without the pair, or returns the lines to print.
fn remove(args: &Args, config: Option<&Path>) -> Result<PathBuf, Refusal> {
    let around = Surroundings::of_process();
    let path = around.locate(config).map_err(|error| error_lines(&error))?;
    let old = config::read(&path).map_err(|error| error_lines(&error))?;
    let shown = path.display();
    let Args { exchange, pair, span } = args;
    let job = NewJob { exchange, pairs: std::slice::from_ref(pair), span_secs: *span };
    let text = edit::remove(&old, &job).map_err(|error| match error {
        EditError::NotFound => vec![format!("No matching job found: {}", add::named(&job, pair))],
        other => vec![format!("Error: {shown}: {other}")],
    })?;
    config::check(&text, &path, &around).map_err(|error| {
        error.lines().iter().map(|line| format!("Validation error after remove: {line}")).collect::<Vec<_>>()
    })?;
    config::replace(&path, text.as_bytes()).map_err(|error| Refusal::unwritten(&path, &error))?;
    Ok(path)
}
