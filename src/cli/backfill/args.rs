//! The options of `dccd backfill`.

use std::fmt;

use clap_complete::engine::ArgValueCompleter;

use crate::cli::complete;
use crate::cli::help::examples;
use crate::model::{Kind, Pair, PairError, PairPattern, Span};

/// Fetch the history of jobs, or of any series; only what is missing.
///
/// A series that is named in full, by --exchange, --pairs and --span or --type, needs no job and no configuration
/// file; without a file its rows go to ./data/crypto.
///
/// If a daemon runs on the data path, it does the work and this shows its progress. Ctrl-C then cancels the work and
/// keeps what was stored. If this command is lost, with its terminal for instance, the daemon goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&["dccd backfill --dry-run", "dccd backfill -e kraken -p BTC/USDT ETH/USDT --span 1h --start 30d"]))]
pub struct Args {
    /// Only this exchange; may be repeated.
    #[arg(short, long, value_name = "NAME", add = ArgValueCompleter::new(complete::exchanges))]
    pub(super) exchange: Vec<String>,
    /// Only these pairs; '*/USDT' or '*/USDT:perp' with an exchange and a kind or span for all that it lists.
    #[arg(short, long, num_args = 1.., value_name = "PAIR", add = ArgValueCompleter::new(complete::pairs))]
    pairs: Vec<String>,
    /// Only this kind of rows: ohlc, trades, orderbook, funding or open_interest.
    #[arg(short = 't', long = "type", value_name = "KIND", value_parser = kind, add = ArgValueCompleter::new(complete::kinds))]
    pub(super) kind: Option<Kind>,
    /// Only this span, in seconds or as a label such as 1h.
    #[arg(long, value_parser = span, add = ArgValueCompleter::new(complete::spans))]
    span: Option<Span>,
    /// The same as --span; a pair such as BTC/USDT is the same as --pairs.
    #[arg(short, value_name = "SPAN", value_parser = short, add = ArgValueCompleter::new(complete::spans))]
    short: Vec<Short>,
    /// The same as --pairs.
    #[arg(long, hide = true, value_name = "PAIR")]
    symbol: Vec<String>,
    /// From this date on, in the zone of the settings; so long ago, such as 30d, 36h or 8w; or origin or last, as in a
    /// job.
    #[arg(long, value_name = "DATE")]
    pub(super) start: Option<String>,
    /// Until this date, exclusive.
    #[arg(long, value_name = "DATE")]
    pub(super) end: Option<String>,
    /// Series fetched side by side; without a number, all of them up to the worker's slots.
    #[arg(long, num_args = 0..=1, default_missing_value = "256", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) parallel: u16,
    /// Print what would be requested, and request nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

fn kind(text: &str) -> Result<Kind, String> {
    text.parse().map_err(|()| format!("use one of {}", Kind::ALL.map(Kind::name).join(", ")))
}

fn span(text: &str) -> Result<Span, String> {
    let secs = text.parse::<u64>().map(Span::of_secs);
    secs.unwrap_or_else(|_| text.parse()).map_err(|error| error.to_string())
}

/// The value of `-s`: a span, or a pair as in version 3 of the Python dccd.
#[derive(Clone, Debug)]
enum Short {
    Span(Span),
    Pair(String),
}

fn short(text: &str) -> Result<Short, String> {
    match text.contains(['/', '-']) {
        true => Selector::parse(text).map(|_| Short::Pair(text.to_owned())),
        false => span(text).map(Short::Span),
    }
}

/// A pair, or pairs by wildcard.
#[derive(Clone, Debug)]
pub(super) enum Selector {
    Pair(Pair),
    Pattern(PairPattern),
}

impl Selector {
    fn parse(text: &str) -> Result<Self, String> {
        if PairPattern::is_pattern(text) {
            return text.parse().map(Selector::Pattern);
        }
        text.parse().map(Selector::Pair).map_err(|error: PairError| error.to_string())
    }

    pub(super) fn matches(&self, pair: &Pair) -> bool {
        match self {
            Selector::Pair(own) => own == pair,
            Selector::Pattern(pattern) => pattern.matches(pair),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Pair(pair) => pair.fmt(f),
            Selector::Pattern(pattern) => pattern.fmt(f),
        }
    }
}

impl Args {
    /// Whether series are named in full, so that they need no job.
    pub(crate) fn names_series(&self) -> bool {
        let has_span = self.span.is_some() || self.short.iter().any(|short| matches!(short, Short::Span(_)));
        let has_pair = self.short.iter().any(|short| matches!(short, Short::Pair(_)))
            || !self.pairs.is_empty()
            || !self.symbol.is_empty();
        let has_kind = self.kind.is_some_and(|kind| has_span || !kind.has_span());
        !self.exchange.is_empty() && has_pair && (has_span || has_kind)
    }

    /// Every pair and wildcard, whatever option names it.
    pub(super) fn pairs(&self) -> Result<Vec<Selector>, String> {
        let short = self.short.iter().filter_map(|short| match short {
            Short::Pair(pair) => Some(pair),
            Short::Span(_) => None,
        });
        let named = self.pairs.iter().chain(&self.symbol).chain(short);
        named.map(|text| Selector::parse(text)).collect()
    }

    /// The one span that is named.
    pub(super) fn span(&self) -> Result<Option<Span>, String> {
        let short = self.short.iter().filter_map(|short| match short {
            Short::Span(span) => Some(*span),
            Short::Pair(_) => None,
        });
        let mut named: Vec<Span> = self.span.into_iter().chain(short).collect();
        named.dedup();
        match named[..] {
            [] => Ok(None),
            [span] => Ok(Some(span)),
            _ => Err("--span is given more than once; give one".to_owned()),
        }
    }
}
