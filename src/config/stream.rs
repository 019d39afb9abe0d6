//! `stream_jobs`: live channels.

use std::time::Duration;

use crate::config::job::{self, exchange_name, pairs};
use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::problem::{Report, advice};
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::exchange;
use crate::exchange::live::{BookWish, LiveOffer};
use crate::model::{Kind, Pair, Span};

/// Live channels of some pairs of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamJob {
    /// The exchange's name.
    pub exchange: String,
    /// The pairs, in the order of the file.
    pub pairs: Vec<Pair>,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// The candle lengths of the `ohlc` channel.
    pub spans: Vec<Span>,
    /// The time between stored snapshots of a book.
    pub time_step: Duration,
    /// Levels per side of a stored snapshot.
    pub depth: u32,
    /// Whether every change of a book is stored too.
    pub book_deltas: bool,
}

impl StreamJob {
    /// The rows that are wanted of its books.
    #[must_use]
    pub fn book(&self) -> BookWish {
        BookWish { depth: self.depth, every: self.time_step, deltas: self.book_deltas }
    }
}

/// Pairs that a note names.
const NAMED: usize = 3;

/// A live channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Public trades.
    Trades,
    /// The order book.
    Book,
    /// Candles.
    Ohlc,
}

impl Channel {
    /// The kind of its rows.
    fn kind(self) -> Kind {
        match self {
            Channel::Trades => Kind::Trades,
            Channel::Ohlc => Kind::Ohlc,
            Channel::Book => Kind::OrderBook,
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    job::EXCHANGE,
    job::PAIRS,
    Key::new("channels", Form::Words(words), "What is listened to.").required(),
    Key::new("spans", Form::Spans, "The candle lengths of the `ohlc` channel in seconds; required there."),
    Key::new(
        "time_step",
        Form::Real(1.0, 86_400.0, Some(60.0)),
        "Seconds between two stored snapshots of a book.",
    ),
    Key::new(
        "depth",
        Form::Whole(1, job::DEEPEST_BOOK as i64, Some(50)),
        "Levels a side of a stored snapshot.",
    ),
    Key::new("book_deltas", Form::Flag(false), "Stores every change of a book too."),
];
const CHANNELS: [(&str, Channel); 3] =
    [("trades", Channel::Trades), ("book", Channel::Book), ("ohlc", Channel::Ohlc)];

/// Reads `stream_jobs`.
pub(super) fn check(root: &Section<'_>) -> Vec<StreamJob> {
    let jobs = root.list("stream_jobs");
    jobs.iter().map(|(at, node)| one(node, at, root.report())).collect()
}

fn one(node: &Node, at: &str, report: &Report) -> StreamJob {
    let section = Section::open(node, at, KEYS, report);
    let channels = channels(&section);
    let job = StreamJob {
        exchange: exchange_name(&section, str::to_owned).unwrap_or_default().to_owned(),
        pairs: pairs(&section).into_iter().map(|(_, pair)| pair).collect(),
        spans: spans(&section, &channels),
        channels,
        time_step: section.seconds("time_step"),
        depth: section.count("depth"),
        book_deltas: section.flag("book_deltas"),
    };
    compare(&job, at, report);
    job
}

/// Compares a job with what its exchange sends live: refuses spans that it lacks, and notes what does not run.
pub(super) fn compare(job: &StreamJob, at: &str, report: &Report) {
    let Some(exchange) = exchange::find(&job.exchange) else { return };
    let Some(live) = exchange.live() else {
        report.note(format!("{at} is not running: this version does not stream {}", job.exchange));
        return;
    };
    let mut unsent: Vec<(Channel, Vec<&Pair>)> = Vec::new();
    for channel in &job.channels {
        let kind = channel.kind();
        let mut without = Vec::new();
        for pair in &job.pairs {
            match live.offer(kind, pair.market()) {
                Some(offer) if kind == Kind::OrderBook => depth_of(job, offer, at, report),
                Some(offer) => spans_of(job, offer, at, report),
                None => without.push(pair),
            }
        }
        if !without.is_empty() {
            unsent.push((*channel, without));
        }
    }
    let is_none_sent = unsent.len() == job.channels.len()
        && unsent.iter().all(|(_, without)| without.len() == job.pairs.len());
    for (channel, without) in unsent {
        report.note(unsent_channel(job, at, channel, &without, is_none_sent));
    }
}

/// The note of a channel that does not run in a job: the reason, and the channels that run.
fn unsent_channel(
    job: &StreamJob,
    at: &str,
    channel: Channel,
    without: &[&Pair],
    is_none_sent: bool,
) -> String {
    let (exchange, kind) = (&job.exchange, channel.kind());
    let named: Vec<String> = without.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match without.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let word = CHANNELS.iter().find(|(_, own)| *own == channel).map_or("", |(word, _)| *word);
    let pairs = format!("{}{more}", named.join(", "));
    let offered = exchange::find(exchange)
        .is_some_and(|own| without.iter().all(|pair| own.offer(kind, pair.market()).is_some()));
    let instead = match offered {
        true => format!("; a job of histo_jobs with data_type {kind} fetches it over REST"),
        false => String::new(),
    };
    let rest = if is_none_sent { "" } else { "; everything else of the stream runs" };
    format!(
        "{at}: its channel {word} is not running for {pairs}: {exchange} sends no {kind} of them live{rest}{instead}"
    )
}

fn depth_of(job: &StreamJob, offer: &LiveOffer, at: &str, report: &Report) {
    if let Some(deepest) = offer.deepest().filter(|deepest| job.depth > *deepest) {
        report.refuse(
            &format!("{at}.depth"),
            format!(
                "{} keeps no book of {} levels a side live; the nearest is {deepest}",
                job.exchange, job.depth
            ),
        );
    }
}

fn spans_of(job: &StreamJob, offer: &LiveOffer, at: &str, report: &Report) {
    for span in job.spans.iter().filter(|span| offer.kind.has_span() && offer.span(**span).is_none()) {
        let near = offer.spans.iter().min_by_key(|own| own.secs.abs_diff(span.secs()));
        let (exchange, near) = (&job.exchange, near.map_or(0, |own| own.secs));
        let all: Vec<String> = offer.spans.iter().map(|own| own.secs.to_string()).collect();
        report.refuse(
            &format!("{at}.spans"),
            format!(
                "{exchange} sends no candles of {} seconds live; the nearest is {near}. Use one of {}",
                span.secs(),
                all.join(", ")
            ),
        );
    }
}

fn words() -> Vec<&'static str> {
    CHANNELS.iter().map(|(word, _)| *word).collect()
}

fn channels(section: &Section<'_>) -> Vec<Channel> {
    let words = words();
    let listed = section.list("channels");
    let is_list = matches!(section.get("channels"), None | Some(Node::List(_)));
    if listed.is_empty() && is_list {
        section.refuse("channels", format!("must not be empty; use some of {}", words.join(", ")));
    }
    let mut channels = Vec::new();
    for (at, node) in listed {
        let word = node.text().unwrap_or_default();
        match CHANNELS.iter().find(|(own, _)| *own == word) {
            Some((_, channel)) if channels.contains(channel) => {
                section.report().refuse(&at, format!("{} is listed twice; keep one of them", shown(word)));
            }
            Some((_, channel)) => channels.push(*channel),
            None => section
                .report()
                .refuse(&at, format!("expected a channel, found {}{}", node.found(), advice(word, &words))),
        }
    }
    channels
}

fn spans(section: &Section<'_>, channels: &[Channel]) -> Vec<Span> {
    let listed = section.list("spans");
    let is_list = matches!(section.get("spans"), None | Some(Node::List(_)));
    match (channels.contains(&Channel::Ohlc), listed.is_empty()) {
        (true, true) if is_list => {
            section.refuse("spans", "the ohlc channel needs spans in seconds, such as [60]");
        }
        (false, false) => section.refuse("spans", "only the ohlc channel has spans; add it or remove them"),
        _ => {}
    }
    listed.iter().filter_map(|(at, node)| job::span(node, at, section.report())).collect()
}
