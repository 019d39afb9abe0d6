//! `dccd add`: one more job in the configuration, edited in place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::refused;
use crate::config::edit::{self, EditError, NewJob};
use crate::config::{self, Config, ConfigError, Surroundings};
use crate::model::Pair;

/// Add a candle job to the configuration; comments and formatting stay as they are.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The exchange.
    #[arg(short, long)]
    pub exchange: String,
    /// The pair, such as BTC/USDT.
    #[arg(short, long)]
    pub pair: Pair,
    /// The candle length in seconds.
    #[arg(short, long)]
    pub span: u64,
}

/// Adds the job, to a new file when there is none; the exit code is 1 when nothing was written.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let around = Surroundings::of_process();
    let old = match read(config, &around) {
        Ok(old) => old,
        Err(error) => return refused(&error, err),
    };
    let job = NewJob { exchange: &args.exchange, pair: &args.pair, span_secs: args.span };
    let named = format!("exchange={} pair={} span={}s", args.exchange, args.pair, args.span);
    let edited = match &old.text {
        Some(text) => edit::add(text, &job),
        None => Ok(config::first(&job)),
    };
    let text = match edited {
        Ok(text) => text,
        Err(EditError::Duplicate { at }) => {
            writeln!(err, "Error: {named} is already at {at} of {}", old.path.display())?;
            return Ok(1);
        }
        Err(error) => {
            writeln!(err, "Error: {}: {error}", old.path.display())?;
            return Ok(1);
        }
    };
    let checked = match config::check(&text, &old.path, &around) {
        Ok(checked) => checked,
        Err(error) => {
            for line in error.lines() {
                writeln!(err, "Validation error after add: {line}")?;
            }
            return Ok(1);
        }
    };
    if let Err(error) = write(&old, &text) {
        writeln!(err, "Error: {}: {error}", old.path.display())?;
        return Ok(1);
    }
    writeln!(out, "Added histo job: {named}")?;
    writeln!(out, "Config written to {}.", old.path.display())?;
    note(&checked, out)?;
    Ok(0)
}

/// The file as it is, without a text when there is none.
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

/// What is to be known about the new job, which is the last.
fn note(checked: &Config, out: &mut dyn Write) -> io::Result<()> {
    let at = format!("histo_jobs[{}]", checked.histo_jobs.len().saturating_sub(1));
    let mut notes = checked.notes.iter().filter(|note| note.starts_with(&at));
    notes.try_for_each(|note| writeln!(out, "Note: {note}"))
}
