//! Checks history jobs against their exchange's offers: kinds, markets and spans.

use crate::config::problem::advice;
use crate::config::secret::shown;
use crate::config::section::Section;
use crate::exchange::{self, Exchange, Offer};
use crate::model::{Kind, Pair, Span};

/// The job's kind, if its exchange has it.
pub(super) fn kind(section: &Section<'_>, adapter: Option<&dyn Exchange>) -> Option<Kind> {
    let words = Kind::ALL.map(Kind::name);
    let Some(text) = section.text("data_type") else {
        return if section.has("data_type") { None } else { Some(Kind::Ohlc) };
    };
    let Ok(kind) = text.parse::<Kind>() else {
        section.refuse("data_type", format!("{} is not supported{}", shown(text), advice(text, &words)));
        return None;
    };
    let Some(adapter) = adapter else { return Some(kind) };
    let has = |word: &&str| adapter.offers().iter().any(|offer| offer.kind.name() == *word);
    let offered: Vec<&str> = words.into_iter().filter(has).collect();
    if !offered.contains(&kind.name()) {
        let name = adapter.name();
        section.refuse("data_type", format!("{name} has no `{kind}`; use one of {}", offered.join(", ")));
        return None;
    }
    Some(kind)
}

/// Checks that the exchange has the kind on each pair's market. Returns why the span cannot be fetched, if so.
pub(super) fn check_offer(
    section: &Section<'_>,
    adapter: &dyn Exchange,
    kind: Kind,
    span: Option<Span>,
    pairs: &[(String, Pair)],
) -> Option<String> {
    let mut usable: Option<&Offer> = None;
    for (at, pair) in pairs {
        match adapter.offer(kind, pair.market()) {
            Some(offer) => usable = usable.or(Some(offer)),
            None => {
                let forms = markets(adapter, kind, pair).join(", ");
                let name = adapter.name();
                section.report().refuse(at, format!("{name} has no {kind} of `{pair}`; it has {forms}"));
            }
        }
    }
    usable.zip(span).and_then(|(offer, span)| span_fault(adapter, offer, span))
}

/// Why an offer has no candles of a span, if so.
pub(super) fn span_fault(adapter: &dyn Exchange, offer: &Offer, span: Span) -> Option<String> {
    offer.span(span).is_none().then(|| span_refusal(adapter.name(), offer, span))
}

/// Why candles of a pair are not available on a supported exchange, if so.
#[must_use]
pub(crate) fn candles_fault(exchange: &str, pair: &Pair, span_secs: u64) -> Option<String> {
    let adapter = exchange::find(exchange)?;
    let (offer, span) = (adapter.offer(Kind::Ohlc, pair.market())?, Span::of_secs(span_secs).ok()?);
    span_fault(adapter, offer, span)
}

/// The pair as written for each market on which the exchange has this kind.
fn markets(adapter: &dyn Exchange, kind: Kind, pair: &Pair) -> Vec<String> {
    let offers = adapter.offers().iter().filter(|offer| offer.kind == kind);
    let forms = offers.flat_map(|offer| offer.markets).map(|market| match market.suffix() {
        "" => format!("`{}/{}`", pair.base(), pair.quote()),
        suffix => format!("`{}/{}:{suffix}`", pair.base(), pair.quote()),
    });
    forms.collect()
}

fn span_refusal(name: &str, offer: &Offer, span: Span) -> String {
    let all: Vec<String> = offer.spans.iter().map(|own| own.secs.to_string()).collect();
    let near = offer.spans.iter().min_by_key(|own| own.secs.abs_diff(span.secs())).map_or(0, |own| own.secs);
    format!(
        "{name} has no candles of {} seconds; the nearest is {near}. Use one of {}",
        span.secs(),
        all.join(", ")
    )
}
