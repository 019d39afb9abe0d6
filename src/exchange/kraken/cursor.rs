//! Kraken's cursor through trades, in nanoseconds: where a page begins and how the next one is asked for.

use crate::exchange::{Ask, Next, Page, ParseError};
use crate::model::Micros;

/// How far the cursor of a page may be beyond what its last row shows of its time: rows show microseconds.
const SHOWN_NANOS: u64 = 1_000;

/// Where a page of trades begins, in nanoseconds. The trade at `since` itself is left out, so one less is asked
/// for: a trade that shares it is never lost, wherever the page before was cut.
pub(super) fn since(page: &Page) -> u64 {
    let from = match page.ask {
        Ask::FromId(cursor) => cursor,
        _ => u64::try_from(page.window.from.0).unwrap_or(0).saturating_mul(1_000),
    };
    from.saturating_sub(1)
}

/// From the cursor on, where it belongs to the newest row that came; else from that row's time.
pub(super) fn next_page(
    ask: Ask,
    newest: Option<Micros>,
    cursor: u64,
    full: bool,
) -> Result<Next, ParseError> {
    let Some(newest) = newest else { return Ok(Next::ByTime) };
    let shown = u64::try_from(newest.0).unwrap_or(0).saturating_mul(1_000);
    if cursor.checked_sub(shown).is_none_or(|beyond| beyond >= SHOWN_NANOS) {
        return Ok(Next::ByTime);
    }
    match ask {
        Ask::FromId(asked) if full && cursor <= asked => Err(ParseError::Crowded { at: newest }),
        _ => Ok(Next::FromId(cursor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_followed_only_where_it_belongs_to_the_newest_row() {
        let newest = Some(Micros(1_700_000_000_000_001));
        let next = |cursor| next_page(Ask::ByTime, newest, cursor, true);
        assert_eq!(next(1_700_000_000_000_001_754), Ok(Next::FromId(1_700_000_000_000_001_754)));
        for foreign in [0, 1_700_000_000_000_000_999, 1_700_000_000_000_002_000, u64::MAX] {
            assert_eq!(next(foreign), Ok(Next::ByTime), "{foreign}");
        }
        assert_eq!(next_page(Ask::FromId(7), None, 7, false), Ok(Next::ByTime));
    }

    #[test]
    fn a_full_page_of_one_nanosecond_is_an_error_and_no_end() {
        let (newest, cursor) = (Some(Micros(1_700_000_000_000_001)), 1_700_000_000_000_001_754);
        let full = next_page(Ask::FromId(cursor), newest, cursor, true);
        assert_eq!(full, Err(ParseError::Crowded { at: Micros(1_700_000_000_000_001) }));
        assert_eq!(next_page(Ask::FromId(cursor), newest, cursor, false), Ok(Next::FromId(cursor)));
    }
}
