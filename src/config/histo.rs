//! `histo_jobs`: history to fetch and keep up to date over REST.

use std::collections::HashMap;
use std::time::Duration;

use crate::config::cron::Cron;
use crate::config::job::{self, exchange_name, pairs};
use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::offered::{check_offer, kind};
use crate::config::problem::{Report, advice};
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::exchange::{self, Exchange};
use crate::model::{Kind, Micros, Pair, Series, Span, Zone};

/// History of some pairs of one exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoJob {
    /// The exchange's name.
    pub exchange: String,
    /// The kind to fetch.
    pub kind: Kind,
    /// The candle length, for kinds with one.
    pub span: Option<Span>,
    /// The pairs, in the order of the file.
    pub pairs: Vec<Pair>,
    /// One series per pair, in the same order.
    pub series: Vec<Series>,
    /// Whether the exchange is supported by this version, and the span by the exchange.
    pub running: bool,
    /// The beginning of the wanted history.
    pub start: Start,
    /// When the job runs.
    pub trigger: ConfiguredTrigger,
    /// How often a window is tried per run.
    pub max_retries: u32,
    /// The delay after the first failure; it doubles with each further one.
    pub retry_delay: Duration,
    /// Levels per side of an order book snapshot.
    pub depth: u32,
}

/// The beginning of the wanted history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The earliest instant ever requested, else the present.
    Last,
    /// The exchange's first row.
    Origin,
    /// An instant.
    Date(Micros),
}

/// When a job runs.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfiguredTrigger {
    /// At each close of the span, or at the default interval of a kind without one.
    AtClose,
    /// At a fixed interval.
    Every(Duration),
    /// By a cron line, in the configured time zone.
    Cron(Cron),
    /// Once, when the program starts.
    Once,
    /// Only on request.
    Manual,
}

pub(super) const KEYS: &[Key] = &[
    job::EXCHANGE,
    job::PAIRS,
    Key::new("data_type", Form::Word(job::kinds, Some("ohlc")), "The kind of rows."),
    Key::new(
        "span",
        Form::Span,
        "The candle length in seconds, such as 60, 3600 or 86400 (2592000 is the calendar month); required for `ohlc` and \
         `open_interest`, refused elsewhere.",
    ),
    Key::new(
        "start",
        Form::Start,
        "From when history is wanted: a date in `settings.timezone`, `origin` for all there is, or `last`: from the \
         earliest moment ever asked for, else the newest page and on from there.",
    )
    .otherwise("`last`"),
    Key::new(
        "every",
        Form::Whole(1, LONGEST_EVERY_SECS, None),
        "Seconds between two runs; not together with `cron`.",
    )
    .otherwise("at each close of a candle; trades and order books 60, funding 3600"),
    Key::new("cron", Form::Text, "When the job runs: minute, hour, day, month, weekday in `settings.timezone`."),
    Key::new(
        "max_retries",
        Form::Whole(1, 10, Some(MAX_RETRIES as i64)),
        "Attempts at a window in one run.",
    ),
    Key::new(
        "retry_delay",
        Form::Real(0.0, 3_600.0, Some(RETRY_DELAY.as_secs() as f64)),
        "Seconds before the second attempt; the wait doubles with each further one.",
    ),
    Key::new(
        "depth",
        Form::Whole(1, job::DEEPEST_BOOK as i64, Some(DEPTH as i64)),
        "Levels a side of an order book, at most what the exchange has; refused for other kinds.",
    ),
    Key::new(
        "format",
        Form::Word(|| vec!["parquet", "csv", "xlsx"], Some("parquet")),
        "Data is always stored as Parquet; `dccd export` writes the others.",
    ),
];
/// The default number of attempts per window.
pub(super) const MAX_RETRIES: u32 = 3;
/// The default delay after the first failure.
pub(super) const RETRY_DELAY: Duration = Duration::from_secs(2);
/// The default number of levels per side.
pub(super) const DEPTH: u32 = 50;
/// A year, the longest interval allowed.
pub(super) const LONGEST_EVERY_SECS: i64 = 31_622_400;

/// Reads `histo_jobs`; adds its series, with where each is named, to `places`.
pub(super) fn check(root: &Section<'_>, zone: &Zone, places: &mut HashMap<Series, String>) -> Vec<HistoJob> {
    let jobs = root.list("histo_jobs");
    jobs.iter().map(|(at, node)| one(node, at, root.report(), zone, places)).collect()
}

fn one(
    node: &Node,
    at: &str,
    report: &Report,
    zone: &Zone,
    places: &mut HashMap<Series, String>,
) -> HistoJob {
    let section = Section::open(node, at, KEYS, report);
    let exchange = exchange_name(&section, str::to_owned);
    let adapter = exchange.and_then(exchange::find);
    let kind = kind(&section, adapter);
    let pairs = pairs(&section);
    let span = kind.and_then(|kind| span(&section, kind));
    let fault = match (adapter, kind) {
        (Some(adapter), Some(kind)) => check_offer(&section, adapter, kind, span, &pairs),
        _ => None,
    };
    if let Some(fault) = &fault {
        report.note(format!("{at} is not running: {fault}"));
    }
    note_format(&section);
    let (pairs, series) = series(report, exchange, kind, span, pairs, places);
    let kind = kind.unwrap_or(Kind::Ohlc);
    HistoJob {
        exchange: exchange.unwrap_or_default().to_owned(),
        kind,
        span,
        pairs,
        series,
        running: adapter.is_some() && fault.is_none(),
        start: start(&section, zone),
        trigger: trigger(&section),
        max_retries: section.count("max_retries"),
        retry_delay: section.seconds("retry_delay"),
        depth: depth(&section, kind, adapter),
    }
}

fn span(section: &Section<'_>, kind: Kind) -> Option<Span> {
    match (section.has("span"), kind.has_span()) {
        (false, true) => {
            section.refuse("span", format!("{kind} needs a span in seconds, such as 3600"));
            None
        }
        (true, false) => {
            section.refuse("span", format!("{kind} has no span; remove it"));
            None
        }
        (false, false) => None,
        (true, true) => {
            let node = section.get("span")?;
            job::span(node, &section.place("span"), section.report())
        }
    }
}

fn note_format(section: &Section<'_>) {
    let format = section.word("format");
    if format != "parquet" {
        section.report().note(format!(
            "{}: data is stored as Parquet; `dccd export` writes {format}",
            section.place("format")
        ));
    }
}

/// The pairs with their series, except for series that an earlier job has: a note names both places.
pub(super) fn series(
    report: &Report,
    exchange: Option<&str>,
    kind: Option<Kind>,
    span: Option<Span>,
    pairs: Vec<(String, Pair)>,
    places: &mut HashMap<Series, String>,
) -> (Vec<Pair>, Vec<Series>) {
    let (Some(exchange), Some(kind)) = (exchange, kind) else {
        return (pairs.into_iter().map(|(_, pair)| pair).collect(), Vec::new());
    };
    let mut all = (Vec::new(), Vec::new());
    for (at, pair) in pairs {
        let Ok(series) = Series::new(exchange, pair.clone(), kind, span) else { continue };
        if let Some(first) = places.get(&series) {
            report.note(format!("{at} is not running: {series} is already collected by {first}; remove one"));
            continue;
        }
        places.insert(series.clone(), at);
        all.0.push(pair);
        all.1.push(series);
    }
    all
}

/// The beginning of the wanted history; dates are in `zone`.
pub(super) fn start(section: &Section<'_>, zone: &Zone) -> Start {
    match section.get("start") {
        None => Start::Last,
        Some(Node::Text(text)) if text == "last" => Start::Last,
        Some(Node::Text(text)) if text == "origin" => Start::Origin,
        Some(Node::Text(text)) => match Micros::parse(text, zone) {
            Ok(at) => Start::Date(at),
            Err(_) => {
                let meant = advice_on_start(text);
                section.refuse("start", format!("{} is no start{meant}", shown(text)));
                Start::Last
            }
        },
        Some(other) => {
            section.refuse("start", format!("expected a date, `origin` or `last`, found {}", other.found()));
            Start::Last
        }
    }
}

fn advice_on_start(text: &str) -> String {
    let words = advice(text, &["last", "origin"]);
    format!("{words}, or a date such as 2024-01-31 or \"2024-01-31 23:59:59\"")
}

fn trigger(section: &Section<'_>) -> ConfiguredTrigger {
    if section.has("every") && section.has("cron") {
        section.refuse("cron", "every and cron are both set; keep one of them");
    }
    let every = section.maybe_whole("every");
    let cron = section.text("cron").and_then(|text| {
        let cron = Cron::parse(text);
        cron.map_err(|reason| section.refuse("cron", format!("{}: {reason}", shown(text)))).ok()
    });
    match (every.and_then(|secs| u64::try_from(secs).ok()), cron) {
        (Some(secs), _) => ConfiguredTrigger::Every(Duration::from_secs(secs)),
        (None, Some(cron)) => ConfiguredTrigger::Cron(cron),
        (None, None) => ConfiguredTrigger::AtClose,
    }
}

/// Levels per side, within the exchange's maximum.
pub(super) fn depth(section: &Section<'_>, kind: Kind, adapter: Option<&dyn Exchange>) -> u32 {
    if section.has("depth") && kind != Kind::OrderBook {
        section.refuse("depth", format!("only orderbook has a depth, this job collects {kind}; remove it"));
    }
    let offers = adapter.map(Exchange::offers).unwrap_or_default();
    let deepest = offers.iter().flat_map(|offer| offer.depths).map(|(depth, _)| *depth).max();
    let deepest = deepest.unwrap_or(job::DEEPEST_BOOK);
    let depth = section.whole_within("depth", 1..=i64::from(deepest));
    depth.and_then(|depth| u32::try_from(depth).ok()).unwrap_or(DEPTH)
}
