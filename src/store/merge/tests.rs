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
    assert_eq!(tally, Tally { added: 1, revised: 1, repeated: 0, ..Tally::default() });
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
    assert_eq!(tally, Tally { added: 2, revised: 0, repeated: 1, ..Tally::default() });
}

#[test]
fn equal_trades_without_ids_are_kept_as_often_as_one_side_saw_them() {
    let (merged, tally) = merge(
        &trades(&[(5, None, 1.0), (5, None, 1.0)]),
        &trades(&[(5, None, 1.0), (5, None, 1.0), (5, None, 1.0), (5, None, 2.0)]),
    );
    assert_eq!(merged.len(), 4);
    assert_eq!(tally, Tally { added: 2, revised: 0, repeated: 2, ..Tally::default() });
}

#[test]
fn a_trade_held_without_an_id_is_replaced_by_the_one_that_has_it_and_not_doubled() {
    let (merged, tally) = merge(
        &trades(&[(5, None, 1.0), (5, None, 1.0), (5, None, 2.0)]),
        &trades(&[(5, Some("7"), 1.0), (5, Some("8"), 3.0)]),
    );
    assert_eq!(merged, trades(&[(5, Some("7"), 1.0), (5, Some("8"), 3.0), (5, None, 1.0), (5, None, 2.0)]));
    assert_eq!(tally, Tally { added: 1, revised: 1, repeated: 0, ..Tally::default() });
}

#[test]
fn an_answer_that_does_not_know_when_a_trade_was_received_takes_that_from_none() {
    let (socket, rest) = (received(&[(5, "7", 1.0)]), trades(&[(5, Some("7"), 1.0)]));
    let (merged, tally) = merge(&socket, &rest);
    assert_eq!((merged, tally), (socket, Tally { repeated: 1, ..Tally::default() }));
}

#[test]
fn a_trade_learns_once_when_it_was_received() {
    let (socket, rest) = (received(&[(5, "7", 1.0)]), trades(&[(5, Some("7"), 1.0)]));
    let (merged, tally) = merge(&rest, &socket);
    assert_eq!((&merged, tally), (&socket, Tally { received: 1, ..Tally::default() }));

    let mut again = Batch::of(Kind::Trades);
    again.trades_mut().push(Trade { ts_recv: Some(Micros(99)), ..socket.trades().get(0) });
    let (merged, tally) = merge(&merged, &again);
    assert_eq!((merged, tally), (socket, Tally { repeated: 1, ..Tally::default() }));
}

#[test]
fn another_price_under_one_id_is_counted_and_the_trade_keeps_when_it_was_received() {
    let (merged, tally) = merge(&received(&[(5, "7", 1.0)]), &trades(&[(5, Some("7"), 2.0)]));
    assert_eq!(merged, received(&[(5, "7", 2.0)]));
    assert_eq!(tally, Tally { revised: 1, mismatched: 1, ..Tally::default() });
}

#[test]
fn a_side_that_one_answer_does_not_know_contradicts_none() {
    let known = trades(&[(5, Some("7"), 1.0)]);
    let mut unknown = Batch::of(Kind::Trades);
    unknown.trades_mut().push(Trade { side: None, ..known.trades().get(0) });
    assert_eq!(merge(&unknown, &known).1, Tally { revised: 1, ..Tally::default() });
}

#[test]
fn trades_of_one_instant_are_tidy_in_the_order_of_their_ids_and_each_once() {
    let is_tidy = |ids: &[Option<&str>]| {
        let rows: Vec<_> = ids.iter().map(|id| (5, *id, 1.0)).collect();
        super::is_tidy(&trades(&rows))
    };
    assert!(is_tidy(&[Some("9"), Some("11"), Some("b"), Some("a"), None, None]));
    assert!(!is_tidy(&[Some("11"), Some("9")]) && !is_tidy(&[Some("9"), Some("9")]));
    assert!(!is_tidy(&[Some("b"), Some("a"), Some("b")]) && !is_tidy(&[None, Some("9")]));
}

#[test]
fn an_answer_out_of_order_with_repeats_is_tidied() {
    let (tidied, repeats) = tidy(candles(&[(3, 3.0), (1, 1.0), (3, 3.0), (2, 2.0)]));
    assert_eq!((tidied, repeats), (candles(&[(1, 1.0), (2, 2.0), (3, 3.0)]), 1));
}

/// Trades by socket.
fn received(rows: &[(i64, &str, f64)]) -> Batch {
    let mut batch = Batch::of(Kind::Trades);
    for &(ts, id, price) in rows {
        let (ts, ts_recv, side) = (Micros(ts), Some(Micros(ts + 1)), Some(Side::Buy));
        batch.trades_mut().push(Trade { ts, ts_recv, id: Some(id), price, amount: 1.0, side });
    }
    batch
}

proptest! {
    #[test]
    fn an_answer_tidied_at_once_is_what_its_trades_give_one_after_the_other(
        rows in prop::collection::vec((0_i64..4, 0_u32..6, 0_u8..2, any::<bool>()), 0..12),
    ) {
        let text = |id: u32, is_number: bool| if is_number { id.to_string() } else { format!("x{id}") };
        let ids: Vec<String> = rows.iter().map(|row| text(row.1, row.3)).collect();
        let own: Vec<_> = rows.iter().zip(&ids).map(|(row, id)| (row.0, Some(id.as_str()), f64::from(row.2))).collect();
        let mut one_by_one = Batch::of(Kind::Trades);
        for row in &own {
            one_by_one = merge(&one_by_one, &trades(&[*row])).0;
        }
        let (tidied, repeats) = tidy(trades(&own));
        prop_assert_eq!(tidied.len() as u64 + repeats, own.len() as u64);
        prop_assert!(super::is_tidy(&tidied));
        prop_assert_eq!(tidied, one_by_one);
    }

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
        prop_assert_eq!(tally, Tally { added: (union.len() - old.len()) as u64, revised: 0, repeated: (&old & &new).len() as u64, ..Tally::default() });
    }
}
