//! Windows of a series that are not covered, with their state and the reason, and rows that were set aside.

use std::path::Path;

use super::account::due;
use crate::api::{GAP_STATES, GapLine, GapsAsked, GapsPage};
use crate::clock::now;
use crate::engine::paging::{count, cursor, one_of, place, whole};
use crate::engine::wrong::Wrong;
use crate::model::{Micros, Series, Window, Windows, Zone};
use crate::store::{Ledger, Note, RowsAside};

/// The windows of an answer unless it is asked for more or fewer.
const WINDOWS: usize = 100;
const MOST_WINDOWS: usize = 1_000;

/// Windows that are wanted, due by now, and neither stored nor known to be empty.
#[must_use]
pub(crate) fn gaps(series: &Series, ledger: &Ledger) -> Windows {
    ledger.gaps(due(series, &ledger.covered, now()))
}

/// Windows still to be filled.
pub(crate) fn open_windows(series: &Series, ledger: &Ledger) -> Vec<GapLine> {
    let gap = |gap| {
        let reason = ledger.reason(gap).unwrap_or("not fetched yet").to_owned();
        line(series, "gap", gap, reason)
    };
    gaps(series, ledger).iter().map(gap).collect()
}

/// Windows that hold no rows and never will.
pub(crate) fn settled_windows(series: &Series, ledger: &Ledger) -> Vec<GapLine> {
    let states = [("empty", &ledger.empty), ("unfillable", &ledger.unfillable)];
    let lines = |(state, notes): (&'static str, &Vec<Note>)| {
        let joined = joined(notes).into_iter();
        joined.map(move |Note { window, reason }| line(series, state, window, reason)).collect::<Vec<_>>()
    };
    states.into_iter().flat_map(lines).collect()
}

/// Rows that were set aside.
pub(crate) fn aside(series: &Series, aside: RowsAside, file: &Path) -> Vec<GapLine> {
    super::aside::lines(series, aside.rows, file)
}

/// A page of them all, from the windows of each state in the order of [`GAP_STATES`].
///
/// # Errors
/// If the question is wrong.
pub(super) fn page(series: &Series, all: Vec<GapLine>, asked: &GapsAsked) -> Result<GapsPage, Wrong> {
    let states = GAP_STATES.iter().map(|state| (*state, *state));
    let state = asked.state.as_deref().map(|text| one_of("state", text, states)).transpose()?;
    let most = count("limit", asked.limit.as_deref(), WINDOWS, MOST_WINDOWS)?;
    let query = format!("gaps {series} {state:?}");
    let after = match &asked.cursor {
        Some(cursor) => Some(key_of_place(&place(cursor, &query)?)?),
        None => None,
    };
    let meant: Vec<GapLine> =
        all.into_iter().filter(|line| state.is_none_or(|state| line.state == state)).collect();
    let total = meant.len() as u64;
    let mut keyed = numbered(meant).into_iter().filter(|(key, _)| after.is_none_or(|after| *key > after));
    let page: Vec<(Key, GapLine)> = keyed.by_ref().take(most).collect();
    let has_more = keyed.next().is_some();
    let last = page.last().map(|(key, _)| *key).filter(|_| has_more);
    let next = last
        .map(|(state, at, same)| cursor(&query, &[&state.to_string(), &at.to_string(), &same.to_string()]));
    let gaps = page.into_iter().map(|(_, line)| line).collect();
    Ok(GapsPage { series: series.to_string(), gaps, total, next })
}

/// The state, the instant in microseconds, and how many lines before it have both in common.
type Key = (i64, i64, i64);

fn key_of_place(place: &[String; 3]) -> Result<Key, Wrong> {
    Ok((whole(&place[0])?, whole(&place[1])?, whole(&place[2])?))
}

fn numbered(lines: Vec<GapLine>) -> Vec<(Key, GapLine)> {
    let mut keyed: Vec<((i64, i64), GapLine)> = lines.into_iter().map(|line| (order(&line), line)).collect();
    keyed.sort_by_key(|(order, _)| *order);
    let (mut before, mut same) = (None, 0);
    let number = |(order, line): ((i64, i64), GapLine)| {
        same = if before == Some(order) { same + 1 } else { 0 };
        before = Some(order);
        ((order.0, order.1, same), line)
    };
    keyed.into_iter().map(number).collect()
}

fn order(line: &GapLine) -> (i64, i64) {
    let state = GAP_STATES.iter().position(|state| *state == line.state).unwrap_or(GAP_STATES.len());
    let at = line.from.as_deref().or(line.at.as_deref());
    let at = at.and_then(|at| Micros::parse(at, &Zone::UTC).ok());
    (state as i64, at.map_or(i64::MAX, |at| at.0))
}

fn line(series: &Series, state: &'static str, window: Window, reason: String) -> GapLine {
    GapLine {
        series: series.to_string(),
        state,
        from: Some(window.from.to_string()),
        until: Some(window.until.to_string()),
        seconds: Some(window.secs()),
        reason,
        ..GapLine::default()
    }
}

/// Notes in the order of their windows, those that touch and give one reason as one.
pub(super) fn joined(notes: &[Note]) -> Vec<Note> {
    let mut sorted = notes.to_vec();
    sorted.sort_by_key(|note| note.window.from);
    let mut joined: Vec<Note> = Vec::with_capacity(sorted.len());
    for note in sorted {
        match joined.last_mut() {
            Some(last) if last.window.until >= note.window.from && last.reason == note.reason => {
                last.window.until = last.window.until.max(note.window.until);
            }
            _ => joined.push(note),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(from: i64, until: i64, reason: &str) -> Note {
        Note { window: Window::new(Micros(from), Micros(until)).unwrap(), reason: reason.to_owned() }
    }

    #[test]
    fn windows_that_touch_are_one_where_they_have_one_reason() {
        let notes = [
            note(30, 40, "outage"),
            note(0, 10, "outage"),
            note(10, 20, "outage"),
            note(20, 30, "odd row"),
            note(50, 60, "outage"),
        ];

        assert_eq!(
            joined(&notes),
            [note(0, 20, "outage"), note(20, 30, "odd row"), note(30, 40, "outage"), note(50, 60, "outage")]
        );
    }

    #[test]
    fn page_by_page_every_window_comes_once_and_in_order() {
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let mut ledger = Ledger::default();
        (0..7).for_each(|at| ledger.confirm_empty(window(at), "outage"));
        (20..23).for_each(|at| ledger.give_up(window(at), "too old"));
        // Two rows of one instant are two lines.
        let odd = || GapLine { state: "set aside", at: Some(Micros(9).to_string()), ..GapLine::default() };
        let all = || {
            let mut all = settled_windows(&series, &ledger);
            all.extend([odd(), odd()]);
            all
        };
        let whole = page(&series, all(), &GapsAsked::default()).unwrap();
        let (mut asked, mut found) =
            (GapsAsked { limit: Some("3".into()), ..GapsAsked::default() }, Vec::new());

        loop {
            let page = page(&series, all(), &asked).unwrap();
            assert_eq!(page.total, 12);
            found.extend(page.gaps.iter().map(|line| (line.state, line.from.clone())));
            asked.cursor = page.next;
            if asked.cursor.is_none() {
                break;
            }
        }

        assert_eq!(found, whole.gaps.iter().map(|line| (line.state, line.from.clone())).collect::<Vec<_>>());
        assert_eq!(found.len(), 12);
        let only = GapsAsked { state: Some("unfillable".into()), ..GapsAsked::default() };
        assert_eq!(page(&series, all(), &only).unwrap().gaps.len(), 3);
    }

    #[test]
    fn a_cursor_of_other_windows_is_refused() {
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let mut ledger = Ledger::default();
        (0..3).for_each(|at| ledger.confirm_empty(window(at), "outage"));
        let all = || settled_windows(&series, &ledger);
        let asked = GapsAsked { limit: Some("1".into()), ..GapsAsked::default() };
        let cursor = page(&series, all(), &asked).unwrap().next;

        let other = GapsAsked { state: Some("empty".into()), cursor, ..GapsAsked::default() };

        let refused = page(&series, all(), &other).err().unwrap().to_string();
        assert!(refused.starts_with("cursor: it is not of this query"), "{refused}");
    }

    /// A window that touches no other.
    fn window(at: i64) -> Window {
        Window::new(Micros(at * 10), Micros(at * 10 + 5)).unwrap()
    }
}
