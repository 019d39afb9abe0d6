//! `dccd add`: one more job in the configuration, edited in place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::help::examples;
use crate::cli::refusal::{Refusal, error_lines};
use crate::config::edit::{self, EditError, NewJob};
use crate::config::{self, ConfigError, Surroundings};
use crate::model::{Pair, Span};

/// Add a candle job to the configuration, keeping its comments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = examples(&["dccd add -e binance -p ETH/USDT -s 1h"]))]
// `remove` has the same arguments, under a group of its own.
#[group(skip)]
pub struct Args {
    /// The exchange.
    #[arg(short, long)]
    pub exchange: String,
    /// The pair, such as BTC/USDT.
    #[arg(short, long)]
    pub pair: Pair,
    /// The candle length in seconds, or as a label such as 1h.
    #[arg(short, long, value_parser = span_secs)]
    pub span: u64,
}

fn span_secs(text: &str) -> Result<u64, String> {
    let span = || text.parse::<Span>().map(|span| u64::from(span.secs()));
    text.parse::<u64>().or_else(|_| span()).map_err(|error| error.to_string())
}

/// Adds the job, to a new file if there is none. The exit code is 1 if there was nothing to write, 74 if writing
/// failed.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    match add(args, config) {
        Ok(Added { path, notes }) => {
            writeln!(out, "Added histo job: {}", args.named())?;
            writeln!(out, "Config written to {}.", path.display())?;
            notes.iter().try_for_each(|note| writeln!(out, "Note: {note}"))?;
            Ok(0)
        }
        Err(refusal) => refusal.print(err),
    }
}

impl Args {
    /// `exchange=binance pair=BTC/USDT span=3600s`.
    pub(super) fn named(&self) -> String {
        format!("exchange={} pair={} span={}s", self.exchange, self.pair, self.span)
    }

    /// The job these arguments name.
    pub(super) fn job(&self) -> NewJob<'_> {
        NewJob { exchange: &self.exchange, pair: &self.pair, span_secs: self.span }
    }
}

/// The file with the new job.
struct Added {
    path: PathBuf,
    /// Notes of the configuration that the job brought.
    notes: Vec<String>,
}

/// Writes the file with the job, or returns the lines to print.
fn add(args: &Args, config: Option<&Path>) -> Result<Added, Refusal> {
    let around = Surroundings::of_process();
    let old = read(config, &around).map_err(|error| error_lines(&error))?;
    let shown = old.path.display();
    let edited = match &old.text {
        Some(text) => edit::add(text, &args.job()),
        None => Ok(config::first(&args.job())),
    };
    let text = edited.map_err(|error| match error {
        EditError::Duplicate { at } => vec![format!("Error: {} is already at {at} of {shown}", args.named())],
        other => vec![format!("Error: {shown}: {other}")],
    })?;
    let checked = config::check(&text, &old.path, &around).map_err(|error| {
        error.lines().iter().map(|line| format!("Validation error after add: {line}")).collect::<Vec<_>>()
    })?;
    if let Some(fault) = config::candles_fault(&args.exchange, &args.pair, args.span) {
        return Err(vec![format!("Validation error after add: {fault}")].into());
    }
    write(&old, &text).map_err(|error| Refusal::unwritten(&old.path, &error))?;
    let known = old.text.as_deref().map(|text| config::check(text, &old.path, &around));
    let known = known.and_then(Result::ok).map(|config| config.notes).unwrap_or_default();
    let notes = checked.notes.into_iter().filter(|note| !known.contains(note)).collect();
    Ok(Added { path: old.path, notes })
}

/// The file as it is; without text if it does not exist.
struct Old {
    path: PathBuf,
    text: Option<String>,
}

fn read(config: Option<&Path>, around: &Surroundings) -> Result<Old, ConfigError> {
    let path = match around.locate(config) {
        Err(error) if error.is_missing() => PathBuf::from("config.yml"),
        found => found?,
    };
    match config::read(&path) {
        Ok(text) => Ok(Old { path, text: Some(text) }),
        Err(error) if error.is_missing() => Ok(Old { path, text: None }),
        Err(error) => Err(error),
    }
}

fn write(old: &Old, text: &str) -> io::Result<()> {
    match old.text {
        Some(_) => config::replace(&old.path, text.as_bytes()),
        None => config::create(&old.path, text.as_bytes()),
    }
}
