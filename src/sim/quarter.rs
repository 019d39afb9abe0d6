//! The dated contracts of a market: one per quarter, expiring at 08:00 UTC on the last Friday of March, June,
//! September and December. A contract listed by its own name has its own prices.

use std::time::Duration;

use crate::model::Micros;
use crate::sim::asked::World;
use crate::sim::market::Market;

/// Friday, 2018-03-30 08:00 UTC.
const A_QUARTER_END_SECS: i64 = 1_522_396_800;

const WEEK_SECS: i64 = 604_800;

/// The first quarterly expiry after an instant.
pub(super) fn end_after(at: Micros) -> Micros {
    // Fridays at eight; the last one of a quarter is the one whose successor is in another quarter.
    let weeks = (at.secs() - A_QUARTER_END_SECS).div_euclid(WEEK_SECS) + 1;
    let fridays = (weeks..).map(|week| Micros::from_secs(A_QUARTER_END_SECS + week * WEEK_SECS));
    let mut ends = fridays
        .filter(|friday| quarter_of(*friday) != quarter_of(Micros::from_secs(friday.secs() + WEEK_SECS)));
    ends.next().unwrap_or(at)
}

fn quarter_of(at: Micros) -> (i16, i8) {
    (at.utc().year(), (at.utc().month() - 1) / 3)
}

/// The expiry, recent or to come, whose name matches.
pub(super) fn end_named(now: Micros, fits: impl Fn(Micros) -> bool) -> Option<Micros> {
    let first = end_after(now - Duration::from_secs(365 * 86_400));
    std::iter::successors(Some(first), |end| Some(end_after(*end))).take(8).find(|end| fits(*end))
}

/// `240329`.
pub(super) fn date(end: Micros) -> String {
    end.utc().strftime("%y%m%d").to_string()
}

/// `H24`: the month's letter and the year.
pub(super) fn month_code(end: Micros) -> String {
    let letter = match end.utc().month() {
        1..=3 => 'H',
        4..=6 => 'M',
        7..=9 => 'U',
        _ => 'Z',
    };
    format!("{letter}{}", end.utc().strftime("%y"))
}

/// The market of a symbol's contract that expires at an instant.
pub(super) fn market<'a>(world: &'a World, symbol: &str, end: Micros) -> Option<&'a Market> {
    world.market(&format!("{symbol}{}", date(end))).or_else(|| world.market(symbol))
}

/// Whether a symbol in the knobs is a contract's.
pub(super) fn is_dated(symbol: &str) -> bool {
    symbol.ends_with(|last: char| last.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Zone;

    #[test]
    fn quarters_end_on_the_last_friday_of_their_last_month() {
        let at = |text: &str| Micros::parse(text, &Zone::UTC).unwrap();
        let mut now = at("2023-12-30");
        for end in
            ["2024-03-29 08:00:00", "2024-06-28 08:00:00", "2024-09-27 08:00:00", "2024-12-27 08:00:00"]
        {
            now = end_after(now);
            assert_eq!(now, at(end));
        }
        assert_eq!((date(now), month_code(now)), ("241227".to_owned(), "Z24".to_owned()));
    }
}
