//! Parts shared by both kinds of jobs: exchange, pairs and spans.

use crate::config::key::{Form, Key};
use crate::config::node::Node;
use crate::config::problem::{Report, advice};
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::exchange;
use crate::model::{Kind, Pair, PairPattern, Span};

/// The deepest book requested from an exchange that states no maximum.
pub(super) const DEEPEST_BOOK: u32 = 5_000;

pub(super) const EXCHANGE: Key =
    Key::new("exchange", Form::Word(exchange::names, None), "The exchange.").required();
pub(super) const PAIRS: Key = Key::new(
    "pairs",
    Form::Texts,
    "At least one pair: `BTC/USDT` for spot; `BTC/USDT:perp`, `:quarter` or `:next_quarter` for contracts.",
)
.required();

/// The values of `data_type`.
pub(super) fn kinds() -> Vec<&'static str> {
    Kind::ALL.map(Kind::name).to_vec()
}

/// The job's exchange, if it is a known one; `spell` normalizes the name.
pub(super) fn exchange_name(section: &Section<'_>, spell: fn(&str) -> String) -> Option<&'static str> {
    let known = exchange::names();
    if !section.has("exchange") {
        section.refuse("exchange", format!("is required; use one of {}", known.join(", ")));
        return None;
    }
    let name = section.text("exchange")?;
    let found = known.iter().copied().find(|own| *own == spell(name));
    if found.is_none() {
        section.refuse("exchange", format!("{} is not supported{}", shown(name), advice(name, &known)));
    }
    found
}

/// The valid pairs of the job, each with its place.
pub(super) fn pairs(section: &Section<'_>) -> Vec<(String, Pair)> {
    let listed = section.list("pairs");
    let is_list = matches!(section.get("pairs"), None | Some(Node::List(_)));
    if listed.is_empty() && is_list {
        section.refuse("pairs", "must not be empty; write at least one, such as [BTC/USDT]");
    }
    let mut pairs = Vec::new();
    for (at, node) in listed {
        match node.text().map(str::parse::<Pair>) {
            Some(Ok(pair)) => pairs.push((at, pair)),
            Some(Err(_)) if node.text().is_some_and(PairPattern::is_pattern) => section.report().refuse(
                &at,
                format!(
                    "the file names each pair by itself, {} is a wildcard; `dccd add EXCHANGE {}` writes all that match",
                    node.found(),
                    shown(node.text().unwrap_or_default()).replace('`', "'"),
                ),
            ),
            Some(Err(_)) | None => section.report().refuse(
                &at,
                format!("expected BASE/QUOTE such as BTC/USDT or BTC/USDT:perp, found {}", node.found()),
            ),
        }
    }
    pairs
}

/// A candle length written in seconds.
pub(super) fn span(node: &Node, at: &str, report: &Report) -> Option<Span> {
    let Some(secs) = node.whole() else {
        let meant = node.text().and_then(|text| text.parse::<Span>().ok());
        let meant = meant.map(|span| format!("; write {}", span.secs())).unwrap_or_default();
        report.refuse(at, format!("expected a whole number of seconds, found {}{meant}", node.found()));
        return None;
    };
    let Ok(secs) = u64::try_from(secs) else {
        report.refuse(at, format!("span must be at least 60 seconds, got {secs}"));
        return None;
    };
    Span::of_secs(secs).map_err(|error| report.refuse(at, error.to_string())).ok()
}
