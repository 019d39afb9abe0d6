//! Merging rows by the key of their kind: the answer asked last wins, nothing is doubled.

use std::collections::HashMap;

use crate::model::{Batch, Column, Kind, Values};

/// The newer rows of a merge, counted by what happened to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that were not there before.
    pub added: u64,
    /// Rows that replaced one of other content.
    pub revised: u64,
    /// Rows that were there already, to the last bit.
    pub repeated: u64,
}

impl Tally {
    /// Both together.
    pub fn add(&mut self, other: Tally) {
        self.added += other.added;
        self.revised += other.revised;
        self.repeated += other.repeated;
    }
}

/// Rows of one answer in the order and with the keys the store holds: sorted, each key once, the later
/// row of an answer winning. Returns how many were repeats.
#[must_use]
pub(crate) fn tidy(rows: Batch) -> (Batch, u64) {
    if is_strictly_ordered(&rows) {
        return (rows, 0);
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| keys(&rows)[*row]);
    let sorted = rows.gather(&order);
    let (merged, tally) = merge(&Batch::of(rows.kind()), &sorted);
    (merged, tally.revised + tally.repeated)
}

/// Merges two batches that are each in order; `new` wins over `old` by key.
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
        if a_end == a && b_end == b + 1 {
            // The common case, in one copy: rows of which no key is held, up to the next one that is.
            let until = old_keys.get(a).copied().unwrap_or(i64::MAX);
            let run = distinct_run(&new_keys[b..], until, old_keys.get(a).is_none());
            out.take(new, b..b + run);
            tally.added += run as u64;
            b += run;
            continue;
        }
        tally.add(merge_instant(&mut out, (old, a..a_end), (new, b..b_end)));
        (a, b) = (a_end, b_end);
    }
    (out, tally)
}

/// Merges `new` into the end of `rows`, which costs what overlaps rather than what is there.
pub(crate) fn merge_onto(rows: &mut Batch, new: &Batch) -> Tally {
    let Some(&first) = keys(new).first() else { return Tally::default() };
    let keep = keys(rows).partition_point(|key| *key < first);
    if keep == rows.len() && is_strictly_ordered(new) {
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

fn is_strictly_ordered(rows: &Batch) -> bool {
    keys(rows).windows(2).all(|pair| pair[0] < pair[1])
}

fn run_before(old: &[i64], next: Option<&i64>) -> usize {
    next.map_or(old.len(), |next| old.partition_point(|own| own < next))
}

/// How many rows from the start have a key of their own that lies before `until`.
fn distinct_run(new: &[i64], until: i64, unbounded: bool) -> usize {
    let mut run = 0;
    while run < new.len()
        && (unbounded || new[run] < until)
        && new.get(run + 1).is_none_or(|next| *next != new[run])
    {
        run += 1;
    }
    run.max(1)
}

type Rows<'a> = (&'a Batch, std::ops::Range<usize>);

/// Merges the rows of one key value.
fn merge_instant(out: &mut Batch, old: Rows<'_>, new: Rows<'_>) -> Tally {
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
        None => Tally { added: 1, repeated: repeats, revised: 0 },
        Some(own) if old.same_row(own, new, last) => Tally { repeated: repeats + 1, ..Tally::default() },
        Some(_) => Tally { revised: 1, repeated: repeats, added: 0 },
    }
}

/// Trades of one instant: by id where there is one; those without are a multiset, so that as many equal
/// ones stay as the side with more of them holds.
fn merge_trades(out: &mut Batch, (old, held): Rows<'_>, (new, rows): Rows<'_>) -> Tally {
    let mut tally = Tally::default();
    // Each row that stays, as (its order, from the new side?, row).
    let mut stay: Vec<(u64, bool, usize)> =
        held.clone().map(|row| (order_of(old, row), false, row)).collect();
    let mut by_id: HashMap<Vec<u8>, usize> = stay
        .iter()
        .enumerate()
        .filter_map(|(at, (.., row))| Some((id_of(old, *row)?.to_vec(), at)))
        .collect();
    let mut matched = vec![false; stay.len()];
    for row in rows {
        let place = match id_of(new, row) {
            // An id that turns up late names a trade that was held without one.
            Some(id) => by_id.get(id).copied().or_else(|| {
                let at =
                    (0..matched.len()).find(|at| !matched[*at] && gains_id(old, stay[*at].2, new, row))?;
                by_id.insert(id.to_vec(), at);
                Some(at)
            }),
            None => (0..matched.len()).find(|at| !matched[*at] && same_trade(old, stay[*at].2, new, row)),
        };
        match place {
            None => {
                if let Some(id) = id_of(new, row) {
                    by_id.insert(id.to_vec(), stay.len());
                }
                stay.push((order_of(new, row), true, row));
                tally.added += 1;
            }
            Some(at) => {
                let (_, is_new, own) = stay[at];
                let same = if is_new { new.same_row(own, new, row) } else { old.same_row(own, new, row) };
                if same {
                    tally.repeated += 1
                } else {
                    tally.revised += 1
                }
                stay[at] = (order_of(new, row), true, row);
                if let Some(flag) = matched.get_mut(at) {
                    *flag = true;
                }
            }
        }
    }
    stay.sort_by_key(|(order, ..)| *order);
    for (_, is_new, row) in stay {
        out.take(if is_new { new } else { old }, row..row + 1);
    }
    tally
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Candle, Micros, Side, Trade};

    fn candles(rows: &[(i64, f64)]) -> Batch {
        let mut batch = Batch::of(Kind::Ohlc);
        for &(ts, close) in rows {
            batch.candles_mut().push(Candle {
                ts: Micros(ts),
                open: close,
                high: close,
                low: close,
                close,
                volume: 1.0,
                quote_volume: None,
                trades: None,
            });
        }
        batch
    }

    fn trades(rows: &[(i64, Option<&str>, f64)]) -> Batch {
        let mut batch = Batch::of(Kind::Trades);
        for &(ts, id, price) in rows {
            batch.trades_mut().push(Trade {
                ts: Micros(ts),
                ts_recv: None,
                id,
                price,
                amount: 1.0,
                side: Some(Side::Buy),
            });
        }
        batch
    }

    #[test]
    fn the_candle_asked_last_wins_and_the_revision_is_counted() {
        let (merged, tally) = merge(&candles(&[(1, 1.0), (2, 2.0)]), &candles(&[(2, 9.0), (3, 3.0)]));
        assert_eq!(merged, candles(&[(1, 1.0), (2, 9.0), (3, 3.0)]));
        assert_eq!(tally, Tally { added: 1, revised: 1, repeated: 0 });
    }

    #[test]
    fn trades_of_one_millisecond_all_stay_in_the_order_of_their_ids() {
        let (merged, tally) = merge(
            &trades(&[(5, Some("9"), 1.0), (5, Some("11"), 1.0)]),
            &trades(&[(5, Some("10"), 1.0), (5, Some("11"), 1.0), (6, Some("12"), 1.0)]),
        );
        assert_eq!(
            merged,
            trades(&[(5, Some("9"), 1.0), (5, Some("10"), 1.0), (5, Some("11"), 1.0), (6, Some("12"), 1.0)])
        );
        assert_eq!(tally, Tally { added: 2, revised: 0, repeated: 1 });
    }

    #[test]
    fn equal_trades_without_ids_are_kept_as_often_as_one_side_saw_them() {
        let (merged, tally) = merge(
            &trades(&[(5, None, 1.0), (5, None, 1.0)]),
            &trades(&[(5, None, 1.0), (5, None, 1.0), (5, None, 1.0), (5, None, 2.0)]),
        );
        assert_eq!(merged.len(), 4);
        assert_eq!(tally, Tally { added: 2, revised: 0, repeated: 2 });
    }

    #[test]
    fn a_trade_held_without_an_id_is_replaced_by_the_one_that_has_it_and_not_doubled() {
        let (merged, tally) = merge(
            &trades(&[(5, None, 1.0), (5, None, 1.0), (5, None, 2.0)]),
            &trades(&[(5, Some("7"), 1.0), (5, Some("8"), 3.0)]),
        );
        assert_eq!(
            merged,
            trades(&[(5, Some("7"), 1.0), (5, Some("8"), 3.0), (5, None, 1.0), (5, None, 2.0)])
        );
        assert_eq!(tally, Tally { added: 1, revised: 1, repeated: 0 });
    }

    #[test]
    fn an_answer_out_of_order_with_repeats_is_tidied() {
        let (tidied, repeats) = tidy(candles(&[(3, 3.0), (1, 1.0), (3, 3.0), (2, 2.0)]));
        assert_eq!((tidied, repeats), (candles(&[(1, 1.0), (2, 2.0), (3, 3.0)]), 1));
    }

    proptest! {
        #[test]
        fn merging_candles_is_a_map_union_where_the_new_side_wins(
            old in prop::collection::btree_map(0_i64..30, 0_u8..4, 0..20),
            new in prop::collection::btree_map(0_i64..30, 0_u8..4, 0..20),
        ) {
            let batch = |map: &std::collections::BTreeMap<i64, u8>| {
                candles(&map.iter().map(|(ts, close)| (*ts, f64::from(*close))).collect::<Vec<_>>())
            };
            let mut union = old.clone();
            union.extend(new.iter());
            let (merged, tally) = merge(&batch(&old), &batch(&new));
            prop_assert_eq!(&merged, &batch(&union));
            prop_assert_eq!(tally.added, (union.len() - old.len()) as u64);
            prop_assert_eq!(tally.added + tally.revised + tally.repeated, new.len() as u64);
            let mut onto = batch(&old);
            prop_assert_eq!(merge_onto(&mut onto, &batch(&new)), tally);
            prop_assert_eq!(onto, merged);
        }

        #[test]
        fn merging_trades_keeps_each_id_once(
            old in prop::collection::btree_set(0_u32..40, 0..25),
            new in prop::collection::btree_set(0_u32..40, 0..25),
        ) {
            let text: Vec<String> = (0..40).map(|id: u32| id.to_string()).collect();
            let batch = |ids: &std::collections::BTreeSet<u32>| {
                trades(&ids.iter().map(|id| (i64::from(*id / 4), Some(text[*id as usize].as_str()), 1.0)).collect::<Vec<_>>())
            };
            let union = &old | &new;
            let (merged, tally) = merge(&batch(&old), &batch(&new));
            prop_assert_eq!(merged, batch(&union));
            prop_assert_eq!(tally, Tally { added: (union.len() - old.len()) as u64, revised: 0, repeated: (&old & &new).len() as u64 });
        }
    }
}
