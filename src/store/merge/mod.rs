//! Merging rows by the key of their kind: the answer asked last wins, nothing is doubled.

mod tally;
mod trades;

use std::ops::Range;

use crate::model::{Batch, Kind, Values};
use crate::store::merge::trades::{are_tidy, follows, merge_trades};

pub(crate) use tally::Tally;

/// Rows of one answer in the order and with the keys the store holds: sorted, each key once, the later
/// row of an answer winning. Returns how many were repeats.
#[must_use]
pub(crate) fn tidy(rows: Batch) -> (Batch, u64) {
    if is_tidy(&rows) {
        return (rows, 0);
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| keys(&rows)[*row]);
    let sorted = rows.gather(&order);
    let (mut out, mut tally) = (Batch::of(rows.kind()), Tally::default());
    let (none, mut from) = (Batch::of(rows.kind()), 0);
    for run in keys(&sorted).chunk_by(|a, b| a == b) {
        let own = from..from + run.len();
        from = own.end;
        match own.len() {
            1 => out.take(&sorted, own),
            _ => tally.add(merge_key(&mut out, (&none, 0..0), (&sorted, own))),
        }
    }
    (out, tally.revised + tally.repeated + tally.received)
}

/// Whether rows are in the order they are held in, each key once.
pub(crate) fn is_tidy(rows: &Batch) -> bool {
    let keys = keys(rows);
    if !keys.is_sorted() {
        return false;
    }
    let mut from = 0;
    keys.chunk_by(|a, b| a == b).all(|run| {
        let own = from..from + run.len();
        from = own.end;
        run.len() == 1
            || match rows.kind() {
                Kind::OrderBook => true,
                Kind::Trades => are_tidy(rows, own),
                Kind::Ohlc | Kind::Funding | Kind::OpenInterest => false,
            }
    })
}

/// Merges two batches that are each [tidy](tidy); `new` wins over `old` by key.
#[must_use]
pub(crate) fn merge(old: &Batch, new: &Batch) -> (Batch, Tally) {
    let mut out = Batch::of(new.kind());
    let mut tally = Tally::default();
    let (old_keys, new_keys) = (keys(old), keys(new));
    let (mut a, mut b) = (0, 0);
    while a < old_keys.len() || b < new_keys.len() {
        let alone_a = run_before(&old_keys[a..], new_keys.get(b));
        out.take(old, a..a + alone_a);
        a += alone_a;
        let Some(&key) = new_keys.get(b) else { break };
        let a_end = a + old_keys[a..].iter().take_while(|own| **own == key).count();
        let b_end = b + new_keys[b..].iter().take_while(|own| **own == key).count();
        if a_end == a {
            // The common case, in one copy: rows of which no key is held, up to the next one that is.
            let until = old_keys.get(a).copied();
            let run = new_keys[b..].partition_point(|key| until.is_none_or(|until| *key < until));
            out.take(new, b..b + run);
            tally.added += run as u64;
            b += run;
            continue;
        }
        tally.add(merge_key(&mut out, (old, a..a_end), (new, b..b_end)));
        (a, b) = (a_end, b_end);
    }
    (out, tally)
}

/// Merges `new` into the end of `rows`, which costs what overlaps rather than what is there.
pub(crate) fn merge_onto(rows: &mut Batch, new: &Batch) -> Tally {
    let Some(&first) = keys(new).first() else { return Tally::default() };
    let keep = keys(rows).partition_point(|key| *key < first);
    if keep == rows.len() || (rows.kind() == Kind::Trades && follows(rows, new)) {
        rows.take_all(new);
        return Tally { added: new.len() as u64, ..Tally::default() };
    }
    let tail = rows.slice(keep..rows.len());
    rows.truncate(keep);
    let (merged, tally) = merge(&tail, new);
    rows.take_all(&merged);
    tally
}

/// The column rows are ordered by: `ts`, and `ord` for books. It comes first in every kind.
#[must_use]
pub(crate) fn keys(rows: &Batch) -> &[i64] {
    match &rows.columns()[0].values {
        Values::I64(keys) => keys,
        _ => unreachable!("the first column of every kind holds whole numbers"),
    }
}

fn run_before(old: &[i64], next: Option<&i64>) -> usize {
    next.map_or(old.len(), |next| old.partition_point(|own| own < next))
}

type Rows<'a> = (&'a Batch, Range<usize>);

/// Merges the rows of one key value.
fn merge_key(out: &mut Batch, old: Rows<'_>, new: Rows<'_>) -> Tally {
    match out.kind() {
        Kind::Trades => merge_trades(out, old, new),
        Kind::OrderBook => merge_levels(out, old, new),
        Kind::Ohlc | Kind::Funding | Kind::OpenInterest => merge_one(out, old, new),
    }
}

/// One row a key: the last of `new`.
fn merge_one(out: &mut Batch, (old, held): Rows<'_>, (new, rows): Rows<'_>) -> Tally {
    let last = rows.end - 1;
    out.take(new, last..rows.end);
    let repeats = (rows.len() - 1) as u64;
    match held.last() {
        None => Tally { added: 1, repeated: repeats, ..Tally::default() },
        Some(own) if old.same_row(own, new, last) => Tally { repeated: repeats + 1, ..Tally::default() },
        Some(_) => Tally { revised: 1, repeated: repeats, ..Tally::default() },
    }
}

/// Levels of one update: a second copy of an update replaces the first.
fn merge_levels(out: &mut Batch, (old, held): Rows<'_>, (new, rows): Rows<'_>) -> Tally {
    let count = rows.len() as u64;
    let alike =
        held.len() == rows.len() && held.clone().zip(rows.clone()).all(|(a, b)| old.same_row(a, new, b));
    out.take(new, rows);
    match (held.is_empty(), alike) {
        (true, _) => Tally { added: count, ..Tally::default() },
        (false, true) => Tally { repeated: count, ..Tally::default() },
        (false, false) => Tally { revised: count, ..Tally::default() },
    }
}

#[cfg(test)]
mod tests;
