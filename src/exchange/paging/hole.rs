//! Trades an answer left out in its middle, seen by the numbers they would have where ids are contiguous.

use crate::exchange::ParseError;
use crate::model::{Batch, Micros, Window};

/// A trade by its number and instant.
pub(super) type Numbered = (u64, Micros);

/// The last trade before the first hole in the numbers of an answer, where trades of `window` are missing in it.
/// `begin` is a trade the answer is known to follow; holes up to the number `believed` are none.
///
/// # Errors
/// When an id is no number.
pub(super) fn first(
    rows: &Batch,
    window: Window,
    begin: Option<Numbered>,
    believed: Option<u64>,
) -> Result<Option<Numbered>, ParseError> {
    let mut trades: Vec<Numbered> = begin.into_iter().collect();
    for row in 0..rows.len() {
        trades.push(numbered(rows, row)?);
    }
    trades.sort_unstable();
    let hole = trades.windows(2).find(|pair| {
        let (before, after) = (pair[0], pair[1]);
        let is_new = believed.is_none_or(|believed| before.0 > believed);
        before.0 + 1 < after.0 && is_new && before.1 < window.until && window.from <= after.1
    });
    Ok(hole.map(|pair| pair[0]))
}

/// How many numbers follow `before` that no trade of an answer has, where a later one is there.
///
/// # Errors
/// When an id is no number.
pub(super) fn after(rows: &Batch, before: u64) -> Result<Option<u64>, ParseError> {
    let mut next = None;
    for row in 0..rows.len() {
        let (number, _) = numbered(rows, row)?;
        if before < number && next.is_none_or(|next| number < next) {
            next = Some(number);
        }
    }
    Ok(next.map(|next| next - before - 1).filter(|skipped| *skipped > 0))
}

/// The number and the instant of a row.
///
/// # Errors
/// When its id is no number.
pub(super) fn numbered(rows: &Batch, row: usize) -> Result<Numbered, ParseError> {
    let trade = rows.trades().get(row);
    let number = trade.id.and_then(|id| id.parse().ok());
    let reason = || ParseError::Impossible { row, reason: "its id is no number".to_owned() };
    Ok((number.ok_or_else(reason)?, trade.ts))
}
