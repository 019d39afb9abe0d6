//! `jobs`: the job list of the Python program's 3.x series, translated into this program's jobs.
//!
//! Every key of a 3.x job is kept; those that this version cannot use yet are named, never silently dropped. A
//! file may use both styles: their jobs add up, and a series in both is collected by the first.

use std::collections::HashMap;
use std::time::Duration;

use crate::config::cron::Cron;
use crate::config::histo::{self, ConfiguredTrigger, HistoJob, Start};
use crate::config::job::{self, exchange_name, pairs};
use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::offered::{kind, span_fault};
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::config::stream::{self, Channel, StreamJob};
use crate::exchange;
use crate::model::{Kind, Micros, Pair, Series, Span, Zone};

pub(super) const KEYS: &[Key] = &[
    job::EXCHANGE,
    job::PAIRS,
    Key::new("data_type", Form::Word(job::kinds, Some("ohlc")), "The kind of rows."),
    Key::new(
        "operation",
        Form::Word(|| vec!["backfill", "stream"], Some("backfill")),
        "`backfill` becomes a job of `histo_jobs`, `stream` one of `stream_jobs`.",
    ),
    Key::new("span", Form::Span, "The candle length in seconds; required for `ohlc` and `open_interest`."),
    Key::new(
        "trigger_kind",
        Form::Word(|| TRIGGERS.to_vec(), Some("interval")),
        "`interval` runs by `every`, `cron` by the line in `cron`, `once` when the daemon starts, `manual` when a command \
         asks for it; `supervised` is for streams.",
    ),
    Key::new("every", Form::Whole(0, histo::LONGEST_EVERY_SECS, None), "Seconds between two runs.")
        .otherwise("at each close of a candle, else 3600"),
    Key::new("cron", Form::Text, "Minute, hour, day, month, weekday in `settings.timezone`."),
    Key::new("start", Form::Start, "A date from midnight UTC, `origin`, `last`, or nanoseconds since 1970.")
        .otherwise("`last`"),
    Key::new(
        "depth",
        Form::Whole(1, job::DEEPEST_BOOK as i64, Some(histo::DEPTH as i64)),
        "Levels a side of an order book.",
    ),
    Key::new(
        "snapshot_interval",
        Form::Real(1.0, 86_400.0, Some(60.0)),
        "Seconds between two snapshots of a book stream.",
    ),
    Key::new("enabled", Form::Flag(true), "Accepted as `true` only; 3.x has no such key and runs the job."),
];
const TRIGGERS: [&str; 5] = ["once", "interval", "cron", "supervised", "manual"];
/// How often 3.x runs a job with neither an interval nor a span.
const USUAL_EVERY: Duration = Duration::from_secs(3_600);
/// Integers below this, in nanoseconds, precede any exchange: such a number is a mistyped date.
const EARLIEST_NANOS: i128 = 100_000_000_000_000_000;

/// The translated jobs.
#[derive(Default)]
pub(super) struct Jobs {
    pub(super) histo: Vec<HistoJob>,
    pub(super) stream: Vec<StreamJob>,
    streams_at: Vec<String>,
    /// Whether jobs start from what is stored, which has a different effect here on an empty store.
    from_last: bool,
}

/// Reads `jobs`; `places` has the series of the jobs read before.
pub(super) fn check(root: &Section<'_>, places: &mut HashMap<Series, String>) -> Jobs {
    let mut jobs = Jobs::default();
    let report = root.report();
    let listed = root.list("jobs");
    if listed.is_empty() && matches!(root.get("jobs"), Some(Node::List(_))) {
        report.note("jobs: the list is empty, so nothing of it is collected");
    }
    for (at, node) in &listed {
        one(&Section::open(node, at, KEYS, report), at, places, &mut jobs);
    }
    for (job, at) in jobs.stream.iter().zip(&jobs.streams_at) {
        stream::compare(job, at, report);
    }
    if jobs.from_last {
        report.note(
            "jobs: with `start: last` and nothing stored, collecting begins with the newest page; 3.x looked \
             back a fixed time (candles 30 days, trades 1 hour, funding 365 days), so write a date to have more",
        );
    }
    jobs
}

fn one(section: &Section<'_>, at: &str, places: &mut HashMap<Series, String>, jobs: &mut Jobs) {
    if !section.flag("enabled") {
        let instead = "3.x has no such key and runs the job; write trigger_kind: manual, or remove the job";
        section.refuse("enabled", instead);
    }
    let trigger = section.word("trigger_kind");
    let common = Common {
        exchange: exchange_name(section, str::to_lowercase),
        kind: kind(section, None),
        pairs: pairs(section),
        span: None,
    };
    let common = Common { span: common.kind.and_then(|kind| span(section, kind)), ..common };
    match section.word("operation") {
        "stream" => stream(section, at, trigger, common, jobs),
        _ => backfill(section, at, trigger, &common, places, jobs),
    }
}

/// The keys common to jobs of both operations.
struct Common {
    exchange: Option<&'static str>,
    kind: Option<Kind>,
    pairs: Vec<(String, Pair)>,
    span: Option<Span>,
}

/// The candle length. Other kinds may have one too, which 3.x uses as the interval: see [`interval`].
fn span(section: &Section<'_>, kind: Kind) -> Option<Span> {
    if !kind.has_span() {
        return None;
    }
    let Some(node) = section.get("span") else {
        section.refuse("span", format!("{kind} needs a span in seconds, such as 3600"));
        return None;
    };
    job::span(node, &section.place("span"), section.report())
}

fn backfill(
    section: &Section<'_>,
    at: &str,
    trigger: &str,
    common: &Common,
    places: &mut HashMap<Series, String>,
    jobs: &mut Jobs,
) {
    let is_book = common.kind == Some(Kind::OrderBook);
    section.unused(&["snapshot_interval"], "a backfill takes one snapshot a run; `every` says how often");
    if !is_book {
        section.unused(&["depth"], "only orderbook has a depth");
    }
    let start = start(section);
    jobs.from_last |= start == Start::Last && !is_book;
    let adapter = common.exchange.and_then(exchange::find);
    let kind = common.kind.unwrap_or(Kind::Ohlc);
    let whole = HistoJob {
        exchange: common.exchange.unwrap_or_default().to_owned(),
        kind,
        span: common.span,
        pairs: Vec::new(),
        series: Vec::new(),
        running: true,
        start,
        trigger: when(section, trigger, kind),
        max_retries: histo::MAX_RETRIES,
        retry_delay: histo::RETRY_DELAY,
        depth: if is_book { histo::depth(section, kind, adapter) } else { histo::DEPTH },
    };
    let offered = |pair: &Pair| adapter.is_some_and(|own| own.offer(kind, pair.market()).is_some());
    let (running, waiting): (Vec<_>, Vec<_>) =
        common.pairs.iter().cloned().partition(|(_, pair)| offered(pair));
    let offer = adapter
        .zip(running.first())
        .and_then(|(own, (_, pair))| Some((own, own.offer(kind, pair.market())?)));
    let fault = offer.zip(common.span).and_then(|((own, offer), span)| span_fault(own, offer, span));
    if let Some(fault) = &fault {
        section.report().note(format!("{at} is not running: {fault}"));
    }
    if let (Some(_), Some(name)) = (common.kind, common.exchange) {
        for (place, pair) in &waiting {
            let note = format!("{place} is not running: this version has no {kind} of {pair} on {name}");
            section.report().note(note);
        }
    }
    for (runs, pairs) in [(fault.is_none(), running), (false, waiting)] {
        if pairs.is_empty() {
            continue;
        }
        let (pairs, series) =
            histo::series(section.report(), common.exchange, common.kind, common.span, pairs, places);
        jobs.histo.push(HistoJob { running: runs, pairs, series, ..whole.clone() });
    }
}

fn when(section: &Section<'_>, trigger: &str, kind: Kind) -> ConfiguredTrigger {
    let text = section.text("cron");
    match trigger {
        "manual" | "once" => {
            section.unused(&["every", "cron"], "the job has no schedule");
            if trigger == "once" { ConfiguredTrigger::Once } else { ConfiguredTrigger::Manual }
        }
        "supervised" => {
            let instead = "`supervised` is for operation: stream; write interval, cron, once or manual";
            section.refuse("trigger_kind", instead);
            ConfiguredTrigger::Manual
        }
        "cron" => match text {
            Some(text) => cron(section, text, kind),
            None => {
                let place = section.place("cron");
                section.report().note(format!("{place} is missing, so the job runs at its interval"));
                interval(section, kind)
            }
        },
        _ => {
            section.unused(&["cron"], "write trigger_kind: cron to have it obeyed");
            interval(section, kind)
        }
    }
}

/// Cron lines take effect here: 3.x kept the line but ran the job at its interval.
fn cron(section: &Section<'_>, text: &str, kind: Kind) -> ConfiguredTrigger {
    section.unused(&["every"], "the cron line says when the job runs");
    match Cron::parse(text) {
        Ok(cron) => ConfiguredTrigger::Cron(cron),
        Err(reason) => {
            section.refuse("cron", format!("{}: {reason}", shown(text)));
            interval(section, kind)
        }
    }
}

/// `every`, else at each close of a candle, else the span whatever the kind, else an hour.
fn interval(section: &Section<'_>, kind: Kind) -> ConfiguredTrigger {
    let secs = |key| section.whole_within(key, 0..=histo::LONGEST_EVERY_SECS).filter(|secs| *secs > 0);
    let of_secs = |secs: i64| Duration::from_secs(secs.unsigned_abs());
    match (secs("every"), kind.has_span()) {
        (Some(every), _) => ConfiguredTrigger::Every(of_secs(every)),
        (None, true) => ConfiguredTrigger::AtClose,
        (None, false) => ConfiguredTrigger::Every(secs("span").map_or(USUAL_EVERY, of_secs)),
    }
}

/// A start in 3.x: a date is midnight UTC, digits are nanoseconds.
fn start(section: &Section<'_>) -> Start {
    let node = section.get("start");
    let nanos = match node {
        Some(Node::Text(text)) => text.parse::<i128>().ok(),
        Some(Node::Whole(number)) => Some(*number),
        _ => None,
    };
    match (node, nanos) {
        (_, Some(nanos)) => of_nanos(section, nanos),
        (Some(Node::Text(text)), None) if text.len() > 10 => {
            let day = text.get(..10).and_then(|day| Micros::parse(day, &Zone::UTC).ok());
            let Some(day) = day else { return histo::start(section, &Zone::UTC) };
            let place = section.place("start");
            section.report().note(format!("{place}: only the date counts, from midnight UTC, as in 3.x"));
            Start::Date(day)
        }
        _ => histo::start(section, &Zone::UTC),
    }
}

fn of_nanos(section: &Section<'_>, nanos: i128) -> Start {
    let micros = i64::try_from(nanos.div_euclid(1_000)).ok();
    match micros.filter(|_| nanos == 0 || nanos >= EARLIEST_NANOS) {
        Some(micros) => Start::Date(Micros(micros)),
        None => {
            let wanted = "a number is nanoseconds since 1970; write a date such as 2024-01-31";
            section.refuse("start", format!("{nanos} is no start: {wanted}"));
            Start::Last
        }
    }
}

fn stream(section: &Section<'_>, at: &str, trigger: &str, common: Common, jobs: &mut Jobs) {
    section.unused(&["every", "cron", "start"], "a stream runs all the time");
    let is_book = common.kind == Some(Kind::OrderBook);
    if !is_book {
        section.unused(&["depth", "snapshot_interval"], "only orderbook has snapshots");
    }
    match trigger {
        "supervised" => {}
        "manual" => {
            section.report().note(format!("{at}: a stream with trigger_kind: manual is not started"));
            return;
        }
        other => section.refuse(
            "trigger_kind",
            format!(
                "3.x ran a stream with `{other}` as a backfill; write trigger_kind: supervised for the live \
                 stream, or operation: backfill to go on as before"
            ),
        ),
    }
    let channel = match common.kind {
        None => return,
        Some(Kind::Trades) => Channel::Trades,
        Some(Kind::OrderBook) => Channel::Book,
        Some(Kind::Ohlc) => Channel::Ohlc,
        Some(kind @ (Kind::Funding | Kind::OpenInterest)) => {
            let instead = "operation: backfill collects it";
            section.report().note(format!("{at} is not running: {kind} has no live channel; {instead}"));
            return;
        }
    };
    jobs.streams_at.push(at.to_owned());
    jobs.stream.push(StreamJob {
        exchange: common.exchange.unwrap_or_default().to_owned(),
        pairs: common.pairs.into_iter().map(|(_, pair)| pair).collect(),
        channels: vec![channel],
        spans: common.span.into_iter().collect(),
        time_step: if is_book { section.seconds("snapshot_interval") } else { Duration::from_secs(60) },
        depth: if is_book { histo::depth(section, Kind::OrderBook, None) } else { histo::DEPTH },
        book_deltas: false,
    });
}
