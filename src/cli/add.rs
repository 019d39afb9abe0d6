//! `dccd add`: one more job in the configuration, edited in place.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;
use tokio_util::sync::CancellationToken;

use crate::cli::help::examples;
use crate::cli::output::Output;
use crate::cli::refusal::{Refusal, error_lines};
use crate::cli::{Exit, complete, naming, wildcard};
use crate::config::edit::{self, EditError, NewJob};
use crate::config::{self, Config, ConfigError, Surroundings};
use crate::model::{Pair, PairError, PairPattern, Span};

/// Add a candle job to the configuration, keeping its comments.
///
/// Pairs may be given by wildcard; the file gets the pairs that the exchange lists now.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = examples(&["dccd add -e binance -p ETH/USDT -s 1h", "dccd add -e kraken -p '*/EUR' -s 1d --dry-run"]))]
pub struct Args {
    /// The exchange.
    #[arg(short, long, add = ArgValueCompleter::new(complete::exchanges))]
    pub exchange: String,
    /// The pairs: BTC/USDT, or '*/USDT' and '*/USDT:perp' for all that the exchange lists.
    #[arg(short, long, visible_alias = "pair", required = true, num_args = 1.., value_name = "PAIR", add = ArgValueCompleter::new(complete::pairs))]
    pub pairs: Vec<String>,
    /// The candle length in seconds, or as a label such as 1h.
    #[arg(short, long, value_parser = span_secs, add = ArgValueCompleter::new(complete::spans))]
    pub span: u64,
    /// Print what would be added, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) fn span_secs(text: &str) -> Result<u64, String> {
    let span = || text.parse::<Span>().map(|span| u64::from(span.secs()));
    text.parse::<u64>().or_else(|_| span()).map_err(|error| error.to_string())
}

/// Adds the job, to a new file if there is none. The exit code is 1 if there was nothing to write, 74 if writing
/// failed.
///
/// # Errors
/// When an output cannot be written.
pub fn run(args: &Args, config: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<u8> {
    let pairs: Result<Vec<Pair>, String> =
        args.pairs.iter().map(|text| text.parse().map_err(|error: PairError| error.to_string())).collect();
    match pairs {
        Ok(pairs) => run_pairs(args, &pairs, config, out, err),
        Err(refused) => Refusal::from(vec![format!("Error: {refused}")]).print(err),
    }
}

/// The same where pairs are given by wildcard, which may stand for pairs that have their job already.
pub(super) async fn run_listed(
    args: Args,
    path: Option<&Path>,
    config: Config,
    out: &mut Output,
    stop: CancellationToken,
) -> Exit {
    if let Err(reason) = naming::exchange(&args.exchange) {
        return out.fail(Exit::Failed, reason);
    }
    let mut pairs = BTreeSet::new();
    for text in &args.pairs {
        let found = match PairPattern::is_pattern(text) {
            false => text.parse().map(|pair| vec![pair]).map_err(|error: PairError| error.to_string()),
            true => match text.parse() {
                Ok(pattern) => wildcard::resolve(&config, &args.exchange, &pattern, &stop).await,
                Err(refused) => Err(refused),
            },
        };
        match found {
            Ok(found) => pairs.extend(found),
            Err(why) => return out.fail(Exit::Failed, why),
        }
    }
    let pairs: Vec<Pair> = pairs.into_iter().collect();
    let job = NewJob { exchange: &args.exchange, pairs: &pairs, span_secs: args.span };
    let missing = match config::read(&config.path) {
        Ok(text) => edit::missing(&text, &job).unwrap_or_else(|_| pairs.clone()),
        Err(_) => pairs.clone(),
    };
    if missing.len() < pairs.len() {
        out.note(format!("{} of {} pairs have this job already", pairs.len() - missing.len(), pairs.len()));
    }
    if missing.is_empty() {
        return out.fail(Exit::Failed, "every pair that matches has this job already");
    }
    out.plain(|out, err| run_pairs(&args, &missing, path, out, err))
}

fn run_pairs(
    args: &Args,
    pairs: &[Pair],
    config: Option<&Path>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let job = NewJob { exchange: &args.exchange, pairs, span_secs: args.span };
    match add(&job, args.dry_run, config) {
        Ok(Added { path, notes }) => {
            let done = if args.dry_run { "Would add" } else { "Added" };
            pairs.iter().try_for_each(|pair| writeln!(out, "{done} histo job: {}", named(&job, pair)))?;
            match args.dry_run {
                true => writeln!(out, "{} stays as it is.", path.display())?,
                false => writeln!(out, "Config written to {}.", path.display())?,
            }
            notes.iter().try_for_each(|note| writeln!(out, "Note: {note}"))?;
            Ok(0)
        }
        Err(refusal) => refusal.print(err),
    }
}

/// `exchange=binance pair=BTC/USDT span=3600s`.
pub(super) fn named(job: &NewJob<'_>, pair: &Pair) -> String {
    format!("exchange={} pair={pair} span={}s", job.exchange, job.span_secs)
}

impl Args {
    /// Whether a pair is given by wildcard.
    pub(super) fn has_patterns(&self) -> bool {
        self.pairs.iter().any(|text| PairPattern::is_pattern(text))
    }
}

/// The file with the new job.
struct Added {
    path: PathBuf,
    /// Notes of the configuration that the job brought.
    notes: Vec<String>,
}

/// Writes the file with the job, or returns the lines to print.
fn add(job: &NewJob<'_>, is_dry: bool, config: Option<&Path>) -> Result<Added, Refusal> {
    let around = Surroundings::of_process();
    let old = read(config, &around).map_err(|error| error_lines(&error))?;
    let shown = old.path.display();
    let edited = match &old.text {
        Some(text) => edit::add(text, job),
        None => Ok(config::first(job)),
    };
    let text = edited.map_err(|error| match error {
        EditError::Duplicate { at, pair } => {
            vec![format!("Error: {} is already at {at} of {shown}", named(job, &pair))]
        }
        other => vec![format!("Error: {shown}: {other}")],
    })?;
    let checked = config::check(&text, &old.path, &around).map_err(|error| {
        error.lines().iter().map(|line| format!("Validation error after add: {line}")).collect::<Vec<_>>()
    })?;
    let fault = job.pairs.iter().find_map(|pair| config::candles_fault(job.exchange, pair, job.span_secs));
    if let Some(fault) = fault {
        return Err(vec![format!("Validation error after add: {fault}")].into());
    }
    if !is_dry {
        write(&old, &text).map_err(|error| Refusal::unwritten(&old.path, &error))?;
    }
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
