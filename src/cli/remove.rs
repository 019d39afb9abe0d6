//! `dccd remove`: one pair less in the configuration, edited in place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::add;
use crate::cli::help::examples;
use crate::cli::refusal::{Refusal, error_lines};
use crate::config::edit::{self, EditError};
use crate::config::{self, Surroundings};

/// Remove a pair from the configuration; its data stays.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = examples(&["dccd remove -e binance -p ETH/USDT -s 1h"]))]
pub struct Args {
    /// The pair to remove, named as for `add`.
    #[command(flatten)]
    pub job: add::Args,
}

/// Removes the pair; the exit code is 1 when nothing was to be written, 74 when it could not be.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match remove(&args.job, config) {
        Ok(path) => {
            let add::Args { exchange, pair, span } = &args.job;
            writeln!(out, "Removed {pair} from {exchange}/{span}s.")?;
            writeln!(out, "Config written to {}.", path.display())?;
            Ok(0)
        }
        Err(refusal) => refusal.print(err),
    }
}

/// The file that was written without the pair; or what to tell.
fn remove(args: &add::Args, config: Option<&Path>) -> Result<PathBuf, Refusal> {
    let around = Surroundings::of_process();
    let path = around.locate(config).map_err(|error| error_lines(&error))?;
    let old = config::read(&path).map_err(|error| error_lines(&error))?;
    let shown = path.display();
    let text = edit::remove(&old, &args.job()).map_err(|error| match error {
        EditError::NotFound => vec![format!("No matching job found: {}", args.named())],
        other => vec![format!("Error: {shown}: {other}")],
    })?;
    config::check(&text, &path, &around).map_err(|error| {
        error.lines().iter().map(|line| format!("Validation error after remove: {line}")).collect::<Vec<_>>()
    })?;
    config::replace(&path, text.as_bytes()).map_err(|error| Refusal::unwritten(&path, &error))?;
    Ok(path)
}
