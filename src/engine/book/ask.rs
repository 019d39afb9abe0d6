//! A question about a stored book as texts, from a request or a command line, and its answer.

use thiserror::Error;

use crate::api::{BookAnswer, LevelLine, UncoveredWindow};
use crate::engine::wrong::{Wrong, past_instant, wrong};
use crate::model::{Kind, Micros, NoMatch, Series, Zone, select};
use crate::store::book::{BookError, BookState, Level, StoredBook, Uncovered};
use crate::store::{Layout, is_held};

/// The most levels a side that may be asked for; unasked there are all.
pub(crate) const MOST_LEVELS: usize = 10_000;

/// A question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The name of a series, or the beginning of the name of one only.
    pub(crate) series: Option<String>,
    /// An instant; by default that of the newest book.
    pub(crate) at: Option<String>,
    /// The most levels a side; by default all.
    pub(crate) levels: Option<String>,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// A part of it is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// No stored book has such a name.
    #[error("no order book is stored by that name: {0}")]
    NoSeries(NoMatch),
    /// The answer did not come to its end.
    #[error("the book could not be read: {reason}")]
    Broken {
        /// The cause.
        reason: String,
    },
    /// The book is not known, or cannot be read.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// Answers from the files under a data path. Dates without a zone are in `zone`, and refused without one.
///
/// # Errors
/// If the question is wrong, or the book is not known.
pub(crate) fn answer(
    layout: &Layout,
    asked: &Asked,
    zone: Option<&Zone>,
    now: Micros,
) -> Result<BookAnswer, AskError> {
    let levels = asked.levels.as_deref().map_or(Ok(usize::MAX), levels)?;
    let form = "write an instant such as 2026-01-31T12:03:07.25Z";
    let at = asked.at.as_deref().map(|text| past_instant("at", text, zone, now, form)).transpose()?;
    let all = layout.series();
    let books = all.iter().filter(|series| series.kind() == Kind::OrderBook && is_held(layout, series));
    let series = named(asked.series.as_deref(), books)?;
    let book = StoredBook::new(layout.root(), &series)?;
    let state = at.map_or_else(|| book.newest(), |at| book.as_of(at))?;
    Ok(shown(&series, at, &state, levels, now))
}

/// The window of a refusal.
pub(crate) fn uncovered(hole: &Uncovered) -> UncoveredWindow {
    let text = |at: Option<Micros>| at.map(|at| at.to_string());
    UncoveredWindow {
        state: hole.state,
        from: text(hole.from),
        until: text(hole.until),
        reason: hole.reason.clone(),
    }
}

/// The one series that is asked for.
pub(super) fn named<'a>(
    asked: Option<&str>,
    books: impl Iterator<Item = &'a Series>,
) -> Result<Series, AskError> {
    let asked = asked.ok_or_else(|| wrong("series", "name one, such as binance/BTC-USDT/orderbook"))?;
    match &select(&[asked.to_owned()], books).map_err(AskError::NoSeries)?[..] {
        [one] => Ok((*one).clone()),
        several => {
            let named: Vec<String> = several.iter().take(3).map(ToString::to_string).collect();
            let rest = if several.len() > 3 { ", …" } else { "" };
            let why = format!("{} books match: {}{rest}; name one", several.len(), named.join(", "));
            Err(wrong("series", why).into())
        }
    }
}

pub(super) fn levels(text: &str) -> Result<usize, Wrong> {
    let levels = text.parse().ok().filter(|levels| (1..=MOST_LEVELS).contains(levels));
    levels.ok_or_else(|| wrong("levels", format!("expected a whole number from 1 to {MOST_LEVELS}")))
}

fn shown(series: &Series, at: Option<Micros>, state: &BookState, levels: usize, now: Micros) -> BookAnswer {
    let line = |level: &Level| LevelLine { price: level.price, amount: level.amount, count: level.count };
    BookAnswer {
        series: series.to_string(),
        at: at.map(|at| at.to_string()),
        source: "stored".to_owned(),
        covered: state.is_covered,
        ts: state.ts.to_string(),
        ts_recv: state.ts_recv.to_string(),
        ord: Some(state.ord),
        seq: state.seq,
        age_seconds: state.age(at.unwrap_or(now)).as_secs_f64(),
        bids: state.bids().take(levels).map(line).collect(),
        asks: state.asks().take(levels).map(line).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Asked)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut asked = Asked { series: Some("binance/BTC/USDT".to_owned()), ..Asked::default() };
        change(&mut asked);
        let now = Micros::from_secs(1_750_000_000);
        answer(&Layout::new(folder.path()), &asked, None, now).err().unwrap().to_string()
    }

    #[test]
    fn what_is_wrong_with_a_question_is_named_with_the_remedy() {
        let at = |text: &str| refused(|asked| asked.at = Some(text.to_owned()));

        assert!(refused(|asked| asked.series = None).starts_with("series: name one"));
        assert!(refused(|asked| asked.levels = Some("0".to_owned())).starts_with("levels: expected a whole"));
        assert!(at("2025-01-01").starts_with("at: `2025-01-01` cannot be read, or has no zone"));
        assert!(at("2030-01-01T00:00:00Z").contains("is in the future; it is 2025-06-15T15:06:40Z now"));
        assert!(at("2025-01-01T00:00:00Z").contains("no order book is stored by that name"));
    }
}
