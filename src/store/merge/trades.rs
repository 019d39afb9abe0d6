//! Trades of one instant: by id where there is one; those without are a multiset, so that as many equal ones stay as the
//! side with more of them holds.
//!
//! A trade that came by socket keeps the time it was received: an answer that does not know it takes nothing away.

use std::collections::HashMap;
use std::ops::Range;

use crate::model::{Batch, Column, Micros, Side, Trade, Values};
use crate::store::merge::tally::Tally;

/// More than so many trades of one instant whose ids are no numbers are compared by a table rather than in pairs.
const MOST_PAIRED: usize = 32;

/// A trade that stays.
#[derive(Clone, Copy)]
struct Kept {
    order: u64,
    is_new: bool,
    row: usize,
    /// When it was received, where its row does not know.
    ts_recv: Option<Micros>,
}

/// Merges the trades of one instant into `out`.
pub(super) fn merge_trades(
    out: &mut Batch,
    (old, held): (&Batch, Range<usize>),
    (new, rows): (&Batch, Range<usize>),
) -> Tally {
    let mut tally = Tally::default();
    let kept = |row| Kept { order: order_of(old, row), is_new: false, row, ts_recv: None };
    let mut stay: Vec<Kept> = held.map(kept).collect();
    let mut by_id: HashMap<&[u8], usize> = HashMap::with_capacity(stay.len() + rows.len());
    by_id.extend(stay.iter().enumerate().filter_map(|(at, own)| Some((id_of(old, own.row)?, at))));
    let mut matched = vec![false; stay.len()];
    for row in rows {
        let unmatched = |is_it: &dyn Fn(usize) -> bool| {
            (0..matched.len()).find(|at| !matched[*at] && is_it(stay[*at].row))
        };
        let id = id_of(new, row);
        let place = match id {
            // An id that turns up late names a trade that was held without one.
            Some(id) => by_id.get(id).copied().or_else(|| unmatched(&|own| gains_id(old, own, new, row))),
            None => unmatched(&|own| same_trade(old, own, new, row)),
        };
        if let Some(id) = id {
            by_id.insert(id, place.unwrap_or(stay.len()));
        }
        let Some(at) = place else {
            stay.push(Kept { order: order_of(new, row), is_new: true, row, ts_recv: None });
            tally.added += 1;
            continue;
        };
        if let Some(flag) = matched.get_mut(at) {
            *flag = true;
        }
        let own = stay[at];
        stay[at] = replaced(own, if own.is_new { new } else { old }, new, row, &mut tally);
    }
    stay.sort_by_key(|own| own.order);
    stay.iter().for_each(|own| take(out, *own, if own.is_new { new } else { old }));
    tally
}

/// The trade that stays of one that is held and the same one asked later.
fn replaced(own: Kept, batch: &Batch, new: &Batch, row: usize, tally: &mut Tally) -> Kept {
    let (held, later) = (batch.trades().get(own.row), new.trades().get(row));
    let received = own.ts_recv.or(held.ts_recv);
    let kept = Kept { order: order_of(new, row), is_new: true, row, ts_recv: received.or(later.ts_recv) };
    if !same_trade(batch, own.row, new, row) {
        tally.revised += 1;
        tally.mismatched += u64::from(held.id == later.id && differs(&held, &later));
        return kept;
    }
    if received.is_none() && later.ts_recv.is_some() {
        tally.received += 1;
        return kept;
    }
    tally.repeated += 1;
    own
}

fn take(out: &mut Batch, own: Kept, batch: &Batch) {
    let trade = batch.trades().get(own.row);
    match own.ts_recv.filter(|_| own.ts_recv != trade.ts_recv) {
        None => out.take(batch, own.row..own.row + 1),
        ts_recv => out.trades_mut().push(Trade { ts_recv, ..trade }),
    }
}

/// Whether two answers to one trade contradict one another; a side that one of them does not know does not.
fn differs(a: &Trade<'_>, b: &Trade<'_>) -> bool {
    let sides: (Option<Side>, Option<Side>) = (a.side, b.side);
    a.price.to_bits() != b.price.to_bits()
        || a.amount.to_bits() != b.amount.to_bits()
        || matches!(sides, (Some(a), Some(b)) if a != b)
}

/// Whether the trades of one instant are in the order they are held in, each once: those whose id is a number come
/// first, in the order of these.
pub(super) fn are_tidy(rows: &Batch, instant: Range<usize>) -> bool {
    let mut last = None;
    for row in instant.clone() {
        let order = order_of(rows, row);
        if order == u64::MAX {
            return are_distinct(rows, row..instant.end);
        }
        if last.is_some_and(|last| last >= order) {
            return false;
        }
        last = Some(order);
    }
    true
}

/// Whether the first of some trades stands behind the last of others, where they share an instant: by their numbers.
pub(super) fn follows(rows: &Batch, new: &Batch) -> bool {
    let Some(last) = rows.len().checked_sub(1) else { return true };
    let (before, behind) = (order_of(rows, last), order_of(new, 0));
    rows.ts().last() == new.ts().first() && before < behind && behind < u64::MAX
}

/// Whether no trade of some has a number as its id, and no two have the same.
fn are_distinct(rows: &Batch, rest: Range<usize>) -> bool {
    let ids = || rest.clone().filter_map(|row| Some((row, id_of(rows, row)?)));
    let is_new =
        |(row, id): (usize, &[u8])| ids().take_while(|(own, _)| *own < row).all(|(_, own)| own != id);
    rest.clone().all(|row| order_of(rows, row) == u64::MAX)
        && (ids().next().is_none() || (rest.len() <= MOST_PAIRED && ids().all(is_new)))
}

fn id_column(rows: &Batch) -> &Column {
    &rows.columns()[2]
}

fn id_of(rows: &Batch, row: usize) -> Option<&[u8]> {
    let column = id_column(rows);
    match &column.values {
        Values::Text(ids) if column.has(row) => Some(ids.bytes(row)),
        _ => None,
    }
}

/// The exchange's order among trades of one instant: its id where that is a number, else as it came.
fn order_of(rows: &Batch, row: usize) -> u64 {
    id_of(rows, row)
        .and_then(|id| std::str::from_utf8(id).ok())
        .and_then(|id| id.parse().ok())
        .unwrap_or(u64::MAX)
}

/// Whether two trades without ids are the same one: all but the time we received them.
fn same_trade(old: &Batch, a: usize, new: &Batch, b: usize) -> bool {
    same_but(&[1], old, a, new, b)
}

/// Whether a trade that is held without an id is the one that now comes with it.
fn gains_id(old: &Batch, a: usize, new: &Batch, b: usize) -> bool {
    id_of(old, a).is_none() && same_but(&[1, 2], old, a, new, b)
}

fn same_but(left_out: &[usize], old: &Batch, a: usize, new: &Batch, b: usize) -> bool {
    let columns = old.columns().iter().zip(new.columns()).enumerate();
    columns.filter(|(at, _)| !left_out.contains(at)).all(|(_, (own, theirs))| own.same(a, theirs, b))
}
