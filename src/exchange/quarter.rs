//! Which dated contract has the name of a quarter: the nearest that ends with one, and the one after it.

use jiff::civil::Weekday;

use crate::model::Micros;

/// The suffix of a contract that ends at `end`, where `open` are the ends of all traded contracts like it.
pub(crate) fn suffix(end: Micros, open: impl Iterator<Item = Micros>) -> Option<&'static str> {
    let earlier = open.filter(|own| *own < end && is_quarter_end(*own)).count();
    match earlier {
        _ if !is_quarter_end(end) => None,
        0 => Some(":quarter"),
        1 => Some(":next_quarter"),
        _ => None,
    }
}

/// Contracts of a quarter end on the last Friday of its last month.
fn is_quarter_end(end: Micros) -> bool {
    let date = end.utc().date();
    let is_last = date.days_in_month() - date.day() < 7;
    date.month() % 3 == 0 && date.weekday() == Weekday::Friday && is_last
}
