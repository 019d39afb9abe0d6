//! The jobs and streams of a file with their places, as they are written, right or wrong.

use crate::config::edit::entry::{OLDER, OWN, STREAMS};
use crate::config::node::Node;
use crate::config::secret::mask;
use crate::config::yaml::split_mark;
use crate::model::Span;

/// A job or a stream of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedJob {
    /// `histo_jobs`, `jobs` or `stream_jobs`.
    pub list: &'static str,
    /// Its place in the list, from 0.
    pub index: usize,
    /// The exchange.
    pub exchange: String,
    /// The pairs.
    pub pairs: Vec<String>,
    /// The kinds of data, such as `ohlc/1h` or `trades, book`.
    pub data: String,
}

/// The jobs of a text, list by list.
///
/// # Errors
/// When the text is not YAML.
pub fn jobs_of(text: &str) -> Result<Vec<ListedJob>, String> {
    let tree = Node::parse(split_mark(text).1)?;
    let mut all = Vec::new();
    for list in [OWN, OLDER, STREAMS] {
        let Some(Node::List(items)) = tree.get(list) else { continue };
        all.extend(items.iter().enumerate().map(|(index, item)| ListedJob {
            list,
            index,
            exchange: item.get("exchange").map(word).unwrap_or_default(),
            pairs: words(item.get("pairs")),
            data: if list == STREAMS { channels(item) } else { history(item) },
        }));
    }
    Ok(all)
}

fn history(item: &Node) -> String {
    let kind = item.get("data_type").map_or_else(|| "ohlc".to_owned(), word);
    match item.get("span") {
        Some(secs) => format!("{kind}/{}", span(secs)),
        None => kind,
    }
}

fn channels(item: &Node) -> String {
    let spans = match item.get("spans") {
        Some(Node::List(all)) => all.iter().map(span).collect(),
        _ => Vec::new(),
    };
    let all = words(item.get("channels")).into_iter().flat_map(|channel| match channel.as_str() {
        "ohlc" if !spans.is_empty() => spans.iter().map(|span| format!("ohlc/{span}")).collect(),
        _ => vec![channel],
    });
    all.collect::<Vec<_>>().join(", ")
}

/// A length of candles by its label, such as `1h`.
fn span(secs: &Node) -> String {
    let known =
        secs.whole().and_then(|secs| u64::try_from(secs).ok()).and_then(|secs| Span::of_secs(secs).ok());
    known.map_or_else(|| word(secs), |span| span.to_string())
}

fn words(node: Option<&Node>) -> Vec<String> {
    match node {
        Some(Node::List(all)) => all.iter().map(word).collect(),
        Some(one) => vec![word(one)],
        None => Vec::new(),
    }
}

fn word(node: &Node) -> String {
    match node {
        Node::Text(text) => mask(text),
        Node::Whole(number) => number.to_string(),
        Node::Real(number) => number.to_string(),
        Node::Flag(flag) => flag.to_string(),
        Node::Null | Node::List(_) | Node::Map(_) => "?".to_owned(),
    }
}
