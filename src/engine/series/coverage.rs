//! The coverage of a series as windows in four states, merged where there are more than an answer may have.
//!
//! A merged window never hides what is missing: it has the worst state in it, and the time in each.

use std::collections::BTreeSet;

use super::account::due;
use super::gaps::joined;
use crate::api::{Coverage, CoverageAsked, CoverageSeconds, CoverageWindow};
use crate::engine::paging::count;
use crate::engine::wrong::{INSTANT, Wrong, instant, wrong};
use crate::model::{Micros, Series, Window};
use crate::store::{Ledger, Note};

/// The windows of an answer unless it is asked for more or fewer.
const WINDOWS: usize = 1_000;
const MOST_WINDOWS: usize = 10_000;

/// The state of a window, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Gap,
    Unfillable,
    Empty,
    Covered,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Gap => "gap",
            State::Unfillable => "unfillable",
            State::Empty => "empty",
            State::Covered => "covered",
        }
    }
}

/// A window in one state.
#[derive(Clone, Copy)]
struct Piece<'l> {
    window: Window,
    state: State,
    reason: Option<&'l str>,
}

/// The coverage of a series by its ledger, over the range that is asked for.
///
/// # Errors
/// If the question is wrong.
pub(crate) fn coverage(
    series: &Series,
    ledger: &Ledger,
    asked: &CoverageAsked,
    now: Micros,
) -> Result<Coverage, Wrong> {
    let most = count("windows", asked.windows.as_deref(), WINDOWS, MOST_WINDOWS)?;
    let [from, until] = [("from", &asked.from), ("until", &asked.until)].map(|(parameter, text)| {
        text.as_deref().map(|text| instant(parameter, text, None, INSTANT)).transpose()
    });
    let (from, until) = (from?, until?);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(wrong("until", "it must be after `from`"));
    }
    let reasons = Reasons::of(ledger);
    let all = reasons.pieces(ledger, due(series, &ledger.covered, now));
    let ends = all.first().zip(all.last()).map(|(first, last)| (first.window.from, last.window.until));
    let range = Window::new(
        from.or(ends.map(|ends| ends.0)).unwrap_or(now),
        until.or(ends.map(|ends| ends.1)).unwrap_or(now),
    );
    let pieces: Vec<Piece<'_>> = all
        .iter()
        .filter_map(|piece| Some(Piece { window: piece.window.intersection(range?)?, ..*piece }))
        .collect();
    let exact = pieces.len() <= most;
    let windows = match (exact, range) {
        (false, Some(range)) => merged(&pieces, range, most),
        _ => pieces.iter().map(|piece| shape(std::slice::from_ref(piece))).collect(),
    };
    Ok(Coverage {
        series: series.to_string(),
        from: range.map(|range| range.from.to_string()),
        until: range.map(|range| range.until.to_string()),
        exact,
        windows,
        total: seconds(&pieces),
    })
}

/// The notes of a ledger in order.
struct Reasons {
    empty: Vec<Note>,
    unfillable: Vec<Note>,
}

impl Reasons {
    fn of(ledger: &Ledger) -> Self {
        Reasons { empty: joined(&ledger.empty), unfillable: joined(&ledger.unfillable) }
    }

    /// Every window of the account up to an instant, in order. Where an account says two things of one instant the
    /// first of covered, empty and unfillable is believed, as everywhere.
    fn pieces<'l>(&'l self, ledger: &'l Ledger, until: Micros) -> Vec<Piece<'l>> {
        let covered = ledger.covered.iter();
        let mut pieces: Vec<Piece<'l>> =
            covered.map(|window| Piece { window, state: State::Covered, reason: None }).collect();
        let mut settled = ledger.covered.clone();
        for (state, notes) in [(State::Empty, &self.empty), (State::Unfillable, &self.unfillable)] {
            for note in notes {
                let rest = settled.missing(note.window);
                let piece = |window| Piece { window, state, reason: Some(note.reason.as_str()) };
                pieces.extend(rest.iter().map(piece));
                settled.add(note.window);
            }
        }
        let gap = |window| Piece {
            window,
            state: State::Gap,
            reason: Some(ledger.reason(window).unwrap_or("not fetched yet")),
        };
        pieces.extend(ledger.gaps(until).iter().map(gap));
        pieces.sort_by_key(|piece| piece.window.from);
        pieces
    }
}

/// At most `most` windows: those of as many equal parts of the range, neighbours that are alike as one.
fn merged<'l>(pieces: &[Piece<'l>], range: Window, most: usize) -> Vec<CoverageWindow> {
    let length = (range.until.0 - range.from.0).max(1);
    let part = (i128::from(length) + most as i128 - 1) / most as i128;
    let part_of = |at: Micros| (i128::from(at.0) - i128::from(range.from.0)) / part;
    let begin = |number: i128| Micros((i128::from(range.from.0) + number * part) as i64);
    let mut groups: Vec<(i128, Vec<Piece<'l>>)> = Vec::new();
    let mut add = |number: i128, piece: Piece<'l>| match groups.last_mut() {
        Some((own, group)) if *own == number => group.push(piece),
        _ => groups.push((number, vec![piece])),
    };
    for piece in pieces {
        let (first, last) = (part_of(piece.window.from), part_of(Micros(piece.window.until.0 - 1)));
        // The parts between the first and the last hold nothing else and stay one window.
        let [inner_from, inner_until] = [begin(first + 1), begin(last)];
        let bounds = [
            (first, piece.window.from, inner_from.min(piece.window.until)),
            (first + 1, inner_from, inner_until),
            (last, inner_until.max(inner_from), piece.window.until),
        ];
        for (number, from, until) in bounds {
            if let Some(window) = Window::new(from, until) {
                add(number, Piece { window, ..*piece });
            }
        }
    }
    let mut windows: Vec<Vec<Piece<'l>>> = Vec::new();
    for (_, group) in groups {
        match windows.last_mut() {
            Some(last) if are_alike(last, &group) => last.extend(group),
            _ => windows.push(group),
        }
    }
    windows.iter().map(|group| shape(group)).collect()
}

/// Whether two neighbours touch and are both in one and the same state for one reason.
fn are_alike(one: &[Piece<'_>], other: &[Piece<'_>]) -> bool {
    let (Some(first), Some(last), Some(next)) = (one.first(), one.last(), other.first()) else {
        return false;
    };
    let is_same = |piece: &Piece<'_>| piece.state == first.state && piece.reason == first.reason;
    last.window.until == next.window.from && one.iter().chain(other).all(is_same)
}

fn shape(group: &[Piece<'_>]) -> CoverageWindow {
    let (first, last) = (group[0], group[group.len() - 1]);
    let states: BTreeSet<State> = group.iter().map(|piece| piece.state).collect();
    let reasons: BTreeSet<Option<&str>> = group.iter().map(|piece| piece.reason).collect();
    CoverageWindow {
        state: states.first().copied().unwrap_or(State::Gap).name(),
        from: first.window.from.to_string(),
        until: last.window.until.to_string(),
        reason: first.reason.filter(|_| reasons.len() == 1).map(str::to_owned),
        mixed: (states.len() > 1).then(|| seconds(group)),
    }
}

fn seconds(pieces: &[Piece<'_>]) -> CoverageSeconds {
    let of = |state| {
        let own = pieces.iter().filter(|piece| piece.state == state);
        // The sum of an empty iterator would be -0.
        own.map(|piece| piece.window.secs()).fold(0.0, |sum, secs| sum + secs)
    };
    CoverageSeconds {
        covered: of(State::Covered),
        gap: of(State::Gap),
        empty: of(State::Empty),
        unfillable: of(State::Unfillable),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Zone;

    /// A series whose exchange has no adapter: everything until now is due.
    fn series() -> Series {
        "nowhere/BTC-USDT/trades".parse().unwrap()
    }

    fn secs(from: i64, until: i64) -> Window {
        Window::new(Micros::from_secs(from), Micros::from_secs(until)).unwrap()
    }

    fn asked(windows: usize) -> CoverageAsked {
        CoverageAsked { windows: Some(windows.to_string()), ..CoverageAsked::default() }
    }

    fn at(text: &str) -> i64 {
        Micros::parse(text, &Zone::UTC).unwrap().0
    }

    #[test]
    fn a_merged_window_has_the_worst_state_in_it_and_the_time_in_each() {
        let mut ledger = Ledger { wanted_since: Some(Micros(0)), ..Ledger::default() };
        ledger.cover(secs(0, 60));
        ledger.confirm_empty(secs(60, 70), "outage");
        ledger.give_up(secs(70, 75), "too old");
        ledger.cover(secs(80, 100));

        let merged = coverage(&series(), &ledger, &asked(2), Micros::from_secs(100)).unwrap();

        assert!(!merged.exact);
        let shown: Vec<_> = merged.windows.iter().map(|own| (own.state, own.reason.as_deref())).collect();
        assert_eq!(shown, [("covered", None), ("gap", None)]);
        let mixed = CoverageSeconds { covered: 30.0, gap: 5.0, empty: 10.0, unfillable: 5.0 };
        assert_eq!(merged.windows[1].mixed, Some(mixed));
        assert_eq!(merged.total, CoverageSeconds { covered: 80.0, ..mixed });
        let exact = coverage(&series(), &ledger, &asked(5), Micros::from_secs(100)).unwrap();
        let states: Vec<_> = exact.windows.iter().map(|own| own.state).collect();
        assert_eq!(states, ["covered", "empty", "unfillable", "gap", "covered"]);
        assert_eq!(exact.windows[3].reason.as_deref(), Some("not fetched yet"));
    }

    proptest! {
        #[test]
        fn merged_or_not_no_second_is_lost_and_nothing_missing_is_called_covered(
            parts in proptest::collection::vec((0..4_u8, 1..50_i64), 1..60),
            most in 1..40_usize,
            (from, length) in (0..500_i64, 1..2_000_i64),
        ) {
            let mut ledger = Ledger { wanted_since: Some(Micros(0)), ..Ledger::default() };
            let mut end = 0;
            for (state, length) in parts {
                let window = secs(end, end + length);
                match state {
                    0 => {}
                    1 => ledger.cover(window),
                    2 => ledger.confirm_empty(window, "outage"),
                    _ => ledger.give_up(window, "too old"),
                }
                end += length;
            }
            let now = Micros::from_secs(end);
            let range = CoverageAsked {
                from: Some(Micros::from_secs(from).to_string()),
                until: Some(Micros::from_secs(from + length).to_string()),
                ..asked(most)
            };
            let whole = coverage(&series(), &ledger, &CoverageAsked { windows: Some("10000".to_owned()), ..range.clone() }, now);
            let (whole, merged) = (whole.unwrap(), coverage(&series(), &ledger, &range, now).unwrap());

            prop_assert!(merged.windows.len() <= most && whole.exact);
            prop_assert_eq!(merged.total, whole.total);
            let ends = |own: &CoverageWindow| (at(&own.from), at(&own.until));
            prop_assert!(merged.windows.windows(2).all(|pair| ends(&pair[0]).1 <= ends(&pair[1]).0));
            for window in merged.windows.iter().filter(|window| window.state == "covered") {
                let (from, until) = ends(window);
                let others = whole.windows.iter().filter(|own| own.state != "covered");
                prop_assert!(others.map(ends).all(|own| own.1 <= from || until <= own.0));
            }
        }
    }
}
