//! A job or a stream as it is written into a file.

use crate::config::node::Node;
use crate::config::offered::candles_fault;
use crate::exchange;
use crate::model::{Pair, Span};

/// The keys of jobs: history, that of the 3.x series, and streams.
pub(super) const OWN: &str = "histo_jobs";
pub(super) const OLDER: &str = "jobs";
pub(super) const STREAMS: &str = "stream_jobs";

/// The job to add or remove.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// The exchange.
    pub exchange: &'a str,
    /// The pairs; `remove` takes one.
    pub pairs: &'a [Pair],
    /// The candle length in seconds.
    pub span_secs: u64,
}

impl NewJob<'_> {
    /// `BTC/USDT, ETH/USDT`.
    pub(in crate::config) fn pairs_text(&self) -> String {
        self.pairs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A job or a stream to add, right or wrong: the check of the edited text says what is wrong with it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) list: &'static str,
    pub(super) exchange: String,
    pub(super) pairs: Vec<String>,
    /// Its other keys.
    others: Vec<(&'static str, Node)>,
}

impl From<&NewJob<'_>> for Entry {
    fn from(job: &NewJob<'_>) -> Self {
        let pairs = job.pairs.iter().map(ToString::to_string).collect();
        Entry::history(job.exchange, pairs, "ohlc", Some(&job.span_secs.to_string()))
    }
}

impl Entry {
    /// History of a kind, candles with their length.
    #[must_use]
    pub fn history(exchange: &str, pairs: Vec<String>, kind: &str, span: Option<&str>) -> Self {
        let mut others = Vec::new();
        if kind != "ohlc" {
            others.push(("data_type", Node::Text(kind.to_owned())));
        }
        others.extend(span.map(|span| ("span", secs(span))));
        Entry {
            list: OWN,
            exchange: exchange.to_owned(),
            pairs: pairs.iter().map(|text| pair(text)).collect(),
            others,
        }
    }

    /// A stream of these channels, candles with their lengths.
    #[must_use]
    pub fn stream(exchange: &str, pairs: Vec<String>, channels: &[String], spans: &[String]) -> Self {
        let words = channels.iter().map(|channel| Node::Text(channel.clone())).collect();
        let mut others = vec![("channels", Node::List(words))];
        if !spans.is_empty() {
            others.push(("spans", Node::List(spans.iter().map(|span| secs(span)).collect())));
        }
        Entry {
            list: STREAMS,
            exchange: exchange.to_owned(),
            pairs: pairs.iter().map(|text| pair(text)).collect(),
            others,
        }
    }

    /// Why its exchange has no candles of its length for one of its pairs, if so.
    #[must_use]
    pub fn candles_fault(&self) -> Option<String> {
        let is_candles = self.list == OWN && self.get("data_type").is_none();
        let secs = self.get("span").and_then(Node::whole).and_then(|secs| u64::try_from(secs).ok());
        let secs = secs.filter(|_| is_candles)?;
        let mut pairs = self.pairs.iter().filter_map(|pair| pair.parse().ok());
        pairs.find_map(|pair| candles_fault(&self.exchange, &pair, secs))
    }

    /// The lists in which the same may stand.
    pub(super) fn lists(&self) -> &'static [&'static str] {
        if self.list == STREAMS { &[STREAMS] } else { &[OWN, OLDER] }
    }

    /// Whether the list of the 3.x series can hold it.
    pub(super) fn fits_older(&self) -> bool {
        self.list == OWN && self.get("data_type").is_none()
    }

    fn get(&self, key: &str) -> Option<&Node> {
        self.others.iter().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Whether a job of a list collects the same of its pairs; with `any_kind`, whatever kind of data it is.
    pub(super) fn is_like(&self, node: &Node, list: &str, any_kind: bool) -> bool {
        let text = |key, default| node.get(key).and_then(Node::text).unwrap_or(default);
        let exchange = text("exchange", "");
        let same_exchange = match list {
            OLDER => {
                exchange.eq_ignore_ascii_case(&self.exchange) && text("operation", "backfill") == "backfill"
            }
            _ => exchange == self.exchange,
        };
        same_exchange
            && if self.list == STREAMS { self.listens_to(node) } else { self.fetches(node, any_kind) }
    }

    fn fetches(&self, node: &Node, any_kind: bool) -> bool {
        let own = self.get("data_type").and_then(Node::text).unwrap_or("ohlc");
        let kind = node.get("data_type").and_then(Node::text).unwrap_or("ohlc");
        let span = node.get("span").and_then(Node::whole);
        (any_kind || kind == own) && span == self.get("span").and_then(Node::whole)
    }

    /// Whether a stream has a channel of this one, or candles of the same length.
    fn listens_to(&self, node: &Node) -> bool {
        let list = |node: Option<&Node>| match node {
            Some(Node::List(all)) => all.clone(),
            _ => Vec::new(),
        };
        let has = |key: &str, own: &Node| list(node.get(key)).iter().any(|other| other == own);
        let spans = list(self.get("spans"));
        list(self.get("channels")).iter().any(|channel| {
            has("channels", channel)
                && (channel.text() != Some("ohlc") || spans.iter().any(|span| has("spans", span)))
        })
    }

    /// It as a value.
    pub(super) fn node(&self) -> Node {
        let pairs = self.pairs.iter().map(|pair| Node::Text(pair.clone())).collect();
        let mut all = vec![
            ("exchange".to_owned(), Node::Text(self.exchange.clone())),
            ("pairs".to_owned(), Node::List(pairs)),
        ];
        all.extend(self.others.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Node::Map(all)
    }

    /// It on one line: `{exchange: binance, pairs: [BTC/USDT], span: 3600}`.
    pub(super) fn map(&self) -> String {
        let others: String = self.others().map(|(key, value)| format!(", {key}: {value}")).collect();
        format!("{{exchange: {}, pairs: [{}]{others}}}", scalar(&self.exchange), self.pairs_text())
    }

    /// `BTC/USDT, ETH/USDT`.
    pub(super) fn pairs_text(&self) -> String {
        self.written_pairs().collect::<Vec<_>>().join(", ")
    }

    /// The pairs, as they are written.
    pub(super) fn written_pairs(&self) -> impl Iterator<Item = String> {
        let written = |pair: &String| match pair.parse::<Pair>() {
            Ok(_) => pair.clone(),
            Err(_) => quoted(pair),
        };
        self.pairs.iter().map(written)
    }

    /// The other keys, as they are written.
    pub(super) fn others(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.others.iter().map(|(key, value)| (*key, written(value)))
    }
}

/// A scalar for YAML; anything but a known name is quoted.
pub(in crate::config) fn scalar(word: &str) -> String {
    if exchange::names().contains(&word) { word.to_owned() } else { quoted(word) }
}

/// A value of an entry as YAML: words of ours, numbers, and lists of them; any other text is quoted.
fn written(value: &Node) -> String {
    match value {
        Node::List(all) => format!("[{}]", all.iter().map(written).collect::<Vec<_>>().join(", ")),
        Node::Whole(number) => number.to_string(),
        Node::Text(text) if is_word(text) => text.clone(),
        Node::Text(text) => quoted(text),
        _ => "null".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A pair as a file has it, such as `BTC/USDT`; any other text as it is.
fn pair(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), |pair: Pair| pair.to_string())
}

/// A length in seconds, given so or as a label such as `1h`; any other text as it is.
fn secs(text: &str) -> Node {
    let span = || text.parse::<Span>().map(|span| u64::from(span.secs()));
    match text.parse().or_else(|_| span()) {
        Ok(secs) => Node::Whole(i128::from(secs)),
        Err(_) => Node::Text(text.to_owned()),
    }
}

/// Whether a text is one word that YAML takes for text.
fn is_word(text: &str) -> bool {
    ["trades", "book", "ohlc", "orderbook", "funding", "open_interest"].contains(&text)
}
