//! Which dated contract has the name of a quarter, and since when: the nearest that ends with one, and the one
//! after it.

use jiff::civil::{DateTime, Weekday};
use jiff::{Span, ToSpan};

use crate::model::{Market, Micros, Window};

/// The market of a contract that ends at `end`, where `open` are the ends of all traded contracts like it.
pub(super) fn market(end: Micros, open: impl Iterator<Item = Micros>) -> Option<Market> {
    let earlier = open.filter(|own| *own < end && is_quarter_end(*own)).count();
    match earlier {
        _ if !is_quarter_end(end) => None,
        0 => Some(Market::Quarter),
        1 => Some(Market::NextQuarter),
        _ => None,
    }
}

/// How long a contract that ends at `end` has the name of a dated market: as the nearest from the end of the one
/// before it on, as the next one until then.
pub(super) fn tenure(market: Market, end: Micros) -> Option<Window> {
    let before = quarter_before(end)?;
    match market {
        Market::Quarter => Window::new(before, end),
        Market::NextQuarter => Window::new(quarter_before(before)?, before),
        Market::Spot | Market::Perp => None,
    }
}

/// Contracts of a quarter end on the last Friday of its last month.
fn is_quarter_end(end: Micros) -> bool {
    let date = end.utc().date();
    let is_last = date.days_in_month() - date.day() < 7;
    date.month() % 3 == 0 && date.weekday() == Weekday::Friday && is_last
}

/// The same time of the day on the last Friday three months earlier.
fn quarter_before(end: Micros) -> Option<Micros> {
    let three_months: Span = 3.months();
    let month: DateTime = end.utc().first_of_month().checked_sub(three_months).ok()?;
    let last = month.nth_weekday_of_month(-1, Weekday::Friday).ok()?;
    Some(Micros::of_utc(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Zone;

    fn at(text: &str) -> Micros {
        Micros::parse(text, &Zone::UTC).unwrap()
    }

    #[test]
    fn the_nearest_contract_has_its_name_from_the_end_of_the_one_before() {
        let end = at("2024-06-28 08:00:00");
        let (from, next) = (at("2024-03-29 08:00:00"), at("2023-12-29 08:00:00"));
        assert_eq!(tenure(Market::Quarter, end), Window::new(from, end));
        assert_eq!(tenure(Market::NextQuarter, end), Window::new(next, from));
        assert_eq!(tenure(Market::Perp, end), None);
    }

    #[test]
    fn tenures_of_one_name_follow_one_another_over_a_year() {
        let ends = ["2024-03-29", "2024-06-28", "2024-09-27", "2024-12-27", "2025-03-28"].map(at);
        for pair in ends.windows(2) {
            assert_eq!(tenure(Market::Quarter, pair[1]).unwrap().from, pair[0]);
            assert!(is_quarter_end(pair[0]), "{}", pair[0]);
        }
    }

    #[test]
    fn only_the_two_nearest_quarters_have_names() {
        let open = ["2024-02-23", "2024-03-29", "2024-06-28", "2024-09-27"].map(at);
        let names = open.map(|end| market(end, open.into_iter()));
        assert_eq!(names, [None, Some(Market::Quarter), Some(Market::NextQuarter), None]);
    }
}
