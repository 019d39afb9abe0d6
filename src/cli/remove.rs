//! `dccd remove`: one pair less in the configuration, edited in place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::{add, error_lines, refused};
use crate::config::edit::{self, EditError};
use crate::config::{self, Config, HistoJob, Surroundings};
use crate::model::{Kind, Span};

/// Remove a pair from the configuration; its data stays.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The pair to remove, named as for `add`.
    #[command(flatten)]
    pub job: add::Args,
}

/// Removes the pair; the exit code is 1 when nothing was written.
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
        Err(lines) => refused(&lines, err),
    }
}

/// The file that was written without the pair; or what to tell.
fn remove(args: &add::Args, config: Option<&Path>) -> Result<PathBuf, Vec<String>> {
    let around = Surroundings::of_process();
    let path = around.locate(config).map_err(|error| error_lines(&error))?;
    let old = config::read(&path).map_err(|error| error_lines(&error))?;
    let shown = path.display();
    let text = edit::remove(&old, &args.job()).map_err(|error| match error {
        EditError::NotFound => {
            let known = config::check(&old, &path, &around).ok();
            let meant = known.and_then(|config| nearest(&args.named(), &config));
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            vec![format!("No matching job found: {}{meant}", args.named())]
        }
        other => vec![format!("Error: {shown}: {other}")],
    })?;
    config::check(&text, &path, &around).map_err(|error| {
        error.lines().iter().map(|line| format!("Validation error after remove: {line}")).collect::<Vec<_>>()
    })?;
    config::replace(&path, text.as_bytes()).map_err(|error| vec![format!("Error: {shown}: {error}")])?;
    Ok(path)
}

/// The candle job of the configuration that is most like the one named.
fn nearest(named: &str, config: &Config) -> Option<String> {
    let of_job = |job: &HistoJob| -> Vec<String> {
        let span = job.span.map_or(0, Span::secs);
        job.pairs.iter().map(|pair| format!("exchange={} pair={pair} span={span}s", job.exchange)).collect()
    };
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(name, named);
    let candles = config.histo_jobs.iter().filter(|job| job.kind == Kind::Ohlc);
    candles.flat_map(of_job).max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}
