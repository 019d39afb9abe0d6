//! A page of the series that are selected, in the order that is asked for.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use thiserror::Error;

use super::catalogue::{CatalogueError, KnownSeries};
use crate::api::{SERIES_SORTS, SERIES_STATES, SeriesAsked, SeriesLine, SeriesPage};
use crate::engine::paging::{count, cursor, one_of, place, whole};
use crate::engine::wrong::{Wrong, wrong};
use crate::exchange::{find, names};
use crate::model::{Kind, Micros, Pair};

/// The series of an answer unless it is asked for more or fewer.
const SERIES: usize = 100;
const MOST_SERIES: usize = 500;
/// The most characters of a text that is searched for.
const TEXT_CHARS: usize = 200;

/// Why series cannot be selected.
#[derive(Debug, Error)]
pub(crate) enum SelectError {
    /// A part of the question is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The series are not known.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// A question that was checked.
struct Selection {
    exchange: Option<String>,
    pair: Option<Pair>,
    kind: Option<Kind>,
    state: Option<&'static str>,
    text: Option<String>,
    sort: &'static str,
    descending: bool,
}

/// A page of series.
///
/// # Errors
/// If the question is wrong.
pub(crate) fn list(known: &[KnownSeries], asked: &SeriesAsked, now: Micros) -> Result<SeriesPage, Wrong> {
    let selection = Selection::of(asked)?;
    let most = count("limit", asked.limit.as_deref(), SERIES, MOST_SERIES)?;
    let query = selection.text_form();
    let after = asked.cursor.as_deref().map(|cursor| after(cursor, &query)).transpose()?;
    let after = after.as_ref().map(|(value, name)| Place(*value, name));
    let mut states: BTreeMap<&'static str, u64> = SERIES_STATES.iter().map(|state| (*state, 0)).collect();
    let mut meant: Vec<&KnownSeries> = Vec::new();
    for one in known.iter().filter(|one| selection.selects(one)) {
        *states.entry(one.state).or_default() += 1;
        if selection.state.is_none_or(|state| state == one.state) {
            meant.push(one);
        }
    }
    let total = meant.len() as u64;
    let mut placed: Vec<(Place<'_>, &KnownSeries)> =
        meant.into_iter().map(|one| (selection.place(one), one)).collect();
    placed.retain(|(own, _)| after.as_ref().is_none_or(|after| selection.order(own, after).is_gt()));
    let has_more = placed.len() > most;
    if has_more {
        placed.select_nth_unstable_by(most, |one, other| selection.order(&one.0, &other.0));
        placed.truncate(most);
    }
    placed.sort_unstable_by(|one, other| selection.order(&one.0, &other.0));
    let next = placed.last().filter(|_| has_more).map(|(own, _)| {
        let value = own.0.map_or_else(String::new, |value| value.to_string());
        cursor(&query, &[&value, own.1])
    });
    let series: Vec<SeriesLine> = placed.into_iter().map(|(_, one)| one.line(now)).collect();
    Ok(SeriesPage { series, total, states, next })
}

impl Selection {
    fn of(asked: &SeriesAsked) -> Result<Self, Wrong> {
        let exchange = asked.exchange.as_deref().map(exchange).transpose()?;
        let pair = asked.pair.as_deref().map(pair).transpose()?;
        let kinds = Kind::ALL.map(|kind| (kind.name(), kind));
        let kind = asked.kind.as_deref().map(|text| one_of("kind", text, kinds)).transpose()?;
        let states = SERIES_STATES.map(|state| (state, state));
        let state = asked.state.as_deref().map(|text| one_of("state", text, states)).transpose()?;
        if asked.text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS) {
            return Err(wrong("text", format!("it has at most {TEXT_CHARS} characters")));
        }
        let sort = asked.sort.as_deref().unwrap_or(SERIES_SORTS[0]);
        let (descending, word) = sort.strip_prefix('-').map_or((false, sort), |word| (true, word));
        let sort = one_of("sort", word, SERIES_SORTS.map(|sort| (sort, sort)));
        let sort = sort.map_err(|error| wrong("sort", format!("{}, or one with `-` in front", error.why)))?;
        let text = asked.text.as_ref().map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
        Ok(Selection { exchange, pair, kind, state, text, sort, descending })
    }

    /// Everything that selects and orders, as a text.
    fn text_form(&self) -> String {
        let Selection { exchange, pair, kind, state, text, sort, descending } = self;
        format!("series {exchange:?} {pair:?} {kind:?} {state:?} {text:?} {sort} {descending}")
    }

    /// Whether it selects a series, whatever its state.
    fn selects(&self, one: &KnownSeries) -> bool {
        let series = &one.series;
        let holds = |text: &String| {
            // Names have no letter whose lower case has another length.
            one.name.to_lowercase().contains(text.as_str())
                || series.pair_key().to_lowercase().contains(text.as_str())
        };
        self.exchange.as_ref().is_none_or(|exchange| exchange == series.exchange())
            && self.pair.as_ref().is_none_or(|pair| pair == series.pair())
            && self.kind.is_none_or(|kind| kind == series.kind())
            && self.text.as_ref().is_none_or(holds)
    }

    fn place<'k>(&self, one: &'k KnownSeries) -> Place<'k> {
        let account = one.account.as_deref();
        let ends = account.and_then(|account| account.ends());
        let runs = one.runs.as_ref();
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let micros = |secs: f64| (secs * 1e6) as i64;
        let value = match self.sort {
            "from" => ends.map(|ends| ends.0.0),
            "to" => ends.map(|ends| ends.1.0),
            "rows" => account.and_then(|account| account.rows()).map(whole),
            "bytes" => account.and_then(|account| account.bytes()).map(whole),
            "gaps" => one.gaps.map(|gaps| gaps.0),
            "gap_seconds" => one.gaps.map(|gaps| gaps.1),
            "errors" => runs.map(|runs| i64::from(runs.consecutive_errors)),
            "last_run_at" => runs.and_then(|runs| runs.last_run_at).map(micros),
            "last_success_at" => runs.and_then(|runs| runs.last_success_at).map(micros),
            _ => None,
        };
        Place(value, &one.name)
    }

    /// By value, unknown ones last, then by name.
    fn order(&self, one: &Place<'_>, other: &Place<'_>) -> Ordering {
        let values = match (one.0, other.0) {
            (Some(one), Some(other)) if self.descending => other.cmp(&one),
            (Some(one), Some(other)) => one.cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        let names = one.1.cmp(other.1);
        values.then(if self.descending && self.sort == SERIES_SORTS[0] { names.reverse() } else { names })
    }
}

/// The place of a series in an order: its value, if there is one, and its name.
struct Place<'k>(Option<i64>, &'k str);

/// The place that a cursor holds.
fn after(cursor: &str, query: &str) -> Result<(Option<i64>, String), Wrong> {
    let [value, name] = place::<2>(cursor, query)?;
    let value = if value.is_empty() { None } else { Some(whole(&value)?) };
    Ok((value, name))
}

fn exchange(text: &str) -> Result<String, Wrong> {
    match find(text) {
        Some(exchange) => Ok(exchange.name().to_owned()),
        None => Err(wrong("exchange", format!("use one of {}", names().join(", ")))),
    }
}

fn pair(text: &str) -> Result<Pair, Wrong> {
    let parsed = Pair::from_slug(text).ok().or_else(|| text.parse().ok());
    parsed.ok_or_else(|| wrong("pair", "write BASE-QUOTE or BASE/QUOTE, such as BTC-USDT"))
}
