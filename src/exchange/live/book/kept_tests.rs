use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::exchange::reading::told::Told;
use crate::exchange::reading::wire::Int;

/// A change of one level: side, price, amount.
type OneChange = (bool, u8, u8);

fn change(levels: &[OneChange], is_whole: bool) -> Change {
    let mut change = Change { is_whole, ..Change::default() };
    for (is_bid, price, amount) in levels {
        let side = if *is_bid { Side::Bid } else { Side::Ask };
        let (price, amount) = ((1 + u16::from(*price)).to_string(), (amount % 4).to_string());
        change.push_written(side, Told::written(&price), Told::written(&amount), Int::Absent);
    }
    change
}

/// The levels of a side, best first, with the texts of their prices.
fn levels(side: &BookSide) -> Vec<(f64, f64, String)> {
    let texts = side.written().map(|written| String::from_utf8_lossy(written.price.bytes()).into_owned());
    side.levels().zip(texts).map(|(level, text)| (level.price, level.amount, text)).collect()
}

fn one_change() -> impl Strategy<Value = OneChange> {
    (any::<bool>(), 0..24_u8, any::<u8>())
}

proptest! {
    #[test]
    fn a_book_is_what_a_map_of_prices_is_that_is_cut_after_each_change(
        changes in proptest::collection::vec(proptest::collection::vec(one_change(), 0..6), 0..60),
        depth in 1..12_usize,
    ) {
        let mut book = Book::new(Some(depth));
        let mut sides: [BTreeMap<u16, u8>; 2] = Default::default();
        for levels_of_one in &changes {
            book.apply(&change(levels_of_one, false));
            let before = sides.clone();
            for (is_bid, price, amount) in levels_of_one {
                let (side, price) = (&mut sides[usize::from(!is_bid)], 1 + u16::from(*price));
                if amount % 4 == 0 { side.remove(&price) } else { side.insert(price, amount % 4) };
            }
            while sides[0].len() > depth { sides[0].pop_first(); }
            while sides[1].len() > depth { sides[1].pop_last(); }
            let text = |(price, amount): (&u16, &u8)| (f64::from(*price), f64::from(*amount), price.to_string());
            prop_assert_eq!(levels(book.bids()), sides[0].iter().rev().map(text).collect::<Vec<_>>());
            prop_assert_eq!(levels(book.asks()), sides[1].iter().map(text).collect::<Vec<_>>());
            // The change and what it pushed out give the same book to a reader who knows no depth.
            for (side, (own, other)) in [Side::Bid, Side::Ask].into_iter().zip(sides.iter().zip(before)) {
                let mut other: BTreeMap<u16, u8> = other;
                for level in change(levels_of_one, false).side(side) {
                    other.insert(level.price as u16, level.amount as u8);
                }
                for (_, level) in book.pushed_out().iter().filter(|(of, _)| *of == side) {
                    other.insert(level.price as u16, 0);
                }
                other.retain(|_, amount| *amount > 0);
                prop_assert_eq!(own, &other);
            }
        }
    }

    #[test]
    fn a_whole_book_is_the_same_in_whatever_order_it_comes(prices in proptest::collection::btree_set(0..24_u8, 1..20)) {
        let mut book = Book::new(None);
        let ascending: Vec<OneChange> = prices.iter().map(|price| (true, *price, 1)).collect();
        prop_assert!(book.replace(&change(&ascending, true)));
        let own = levels(book.bids());
        let descending: Vec<OneChange> = ascending.iter().rev().copied().collect();
        prop_assert!(book.replace(&change(&descending, true)));
        prop_assert_eq!(&levels(book.bids()), &own);
        let doubled: Vec<OneChange> = ascending.iter().chain(&ascending[..1]).copied().collect();
        prop_assert!(!book.replace(&change(&doubled, true)), "a price is there twice");
    }
}

#[test]
fn a_book_is_open_locked_or_crossed() {
    for (bid, ask, spread) in [(5, 6, Spread::Open), (5, 5, Spread::Locked), (6, 5, Spread::Crossed)] {
        let mut book = Book::new(None);
        book.apply(&change(&[(true, bid, 1), (false, ask, 1)], false));
        assert_eq!(book.spread(), spread);
    }
    assert_eq!(Book::new(None).spread(), Spread::Open);
}
