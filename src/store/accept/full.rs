//! Whether so many rows wait that they should be published.

use crate::model::{Batch, Micros};
use crate::store::Period;
use crate::store::rows::GROUP_ROWS;

/// Rows beyond a full row group that are waited for: those in flight, and the last ones of a period.
const LATE_ROWS: usize = GROUP_ROWS / 8;
/// Rows that wait when more pages are likely to fill a row group.
const LIKELY_FULL: usize = GROUP_ROWS / 8;
/// Rows that wait at most while pages come as fast as a disk takes them.
const MOST_ROWS: usize = GROUP_ROWS + 2 * LATE_ROWS;

/// The rows still to come, once so many wait that pages are likely to fill a row group. Room for all of them spares copying
/// the waiting ones each time that the room for a few more is used up; unused room takes no memory.
pub(super) fn rows_to_come(waiting: usize) -> Option<usize> {
    (LIKELY_FULL..MOST_ROWS).contains(&waiting).then(|| MOST_ROWS - waiting)
}

/// Whether a row group is full, unless its period ends within a few rows: published alone, those would write its file anew.
pub(super) fn is_full(rows: &Batch) -> bool {
    let ends_soon = || rows.len() < GROUP_ROWS + LATE_ROWS && (1..=LATE_ROWS).contains(&rest_of_period(rows));
    rows.len() >= GROUP_ROWS && !ends_soon()
}

/// Whether a row group is full, and so little waits beyond it that rows in flight can be waited for.
pub(super) fn is_just_full(rows: &Batch) -> bool {
    is_full(rows) && rows.len() < MOST_ROWS
}

/// Rows still to come in the period of the last one, at the pace of all of them.
fn rest_of_period(rows: &Batch) -> usize {
    let (Some(first), Some(last)) = (rows.ts().first(), rows.ts().last()) else { return 0 };
    let pace = last.saturating_sub(*first) / (rows.len() as i64 - 1).max(1);
    let until = Period::of(rows.kind(), Micros(*last)).window.until;
    let rest = (until.0 - 1).saturating_sub(*last) / pace.max(1);
    usize::try_from(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Candle, Kind, Zone};

    const MINUTE: i64 = 60_000_000;

    /// So many candles of a minute before an instant.
    fn candles(count: usize, until: &str) -> Batch {
        let until = Micros::parse(until, &Zone::UTC).unwrap().0;
        let mut rows = Batch::of(Kind::Ohlc);
        for ago in (1..=count as i64).rev() {
            rows.candles_mut().push(Candle {
                ts: Micros(until - ago * MINUTE),
                open: 1.0,
                high: 1.0,
                low: 1.0,
                close: 1.0,
                volume: 1.0,
                quote_volume: None,
                trades: None,
            });
        }
        rows
    }

    #[test]
    fn the_last_rows_of_a_period_are_waited_for() {
        assert!(!is_full(&candles(GROUP_ROWS - 1, "2024-06-01")));
        assert!(is_full(&candles(GROUP_ROWS, "2024-06-01")));
        assert!(!is_full(&candles(GROUP_ROWS, "2024-12-31T04:00:00Z")), "1 200 of the year are missing");
        assert!(is_full(&candles(GROUP_ROWS + 1_200, "2025-01-01")), "it is complete");
        assert!(is_full(&candles(GROUP_ROWS + 1_500, "2025-01-01T05:00:00Z")), "it is over");
        assert!(is_full(&candles(GROUP_ROWS + LATE_ROWS, "2024-12-31T04:00:00Z")), "as many wait as may");
    }

    #[test]
    fn room_for_a_row_group_is_made_once_it_is_likely_to_be_filled() {
        assert_eq!([0, LIKELY_FULL - 1, MOST_ROWS].map(rows_to_come), [None; 3]);
        assert_eq!(rows_to_come(LIKELY_FULL), Some(MOST_ROWS - LIKELY_FULL));
        assert_eq!(rows_to_come(MOST_ROWS - 1), Some(1));
    }

    #[test]
    fn rows_in_flight_are_waited_for_until_too_many_wait() {
        let is_awaited = |count| is_just_full(&candles(count, "2024-06-01"));
        assert_eq!(
            [GROUP_ROWS - 1, GROUP_ROWS, GROUP_ROWS + 2 * LATE_ROWS].map(is_awaited),
            [false, true, false]
        );
    }
}
