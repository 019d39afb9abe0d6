//! The walk, newest first and over windows that cannot be named whole, against the model of an exchange.

use super::walk_model::*;
use super::*;
use crate::exchange::Next;
use crate::exchange::paging::doubt::MOST_CONTRADICTIONS;
use crate::model::{Kind, Span, Windows};
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn newest_first_a_full_window_is_proven_by_one_page() {
    let got = run(walk(&NEWEST, window(0, 10), 50, 50), &mut Book::of(-20..40)).unwrap();
    assert_eq!((got.rows.len(), got.pages), (10, 1));
    assert_eq!(got.covered, Windows::from(window(0, 10)));
}

#[test]
fn newest_first_a_short_page_proves_down_to_its_oldest_row_and_an_older_row_the_rest() {
    let mut walk = walk(&NEWEST, window(0, 10), 50, 50);
    let first = walk.take(batch(Kind::Ohlc, [(0, 6), (1, 8)].into_iter()), Next::ByTime, None).unwrap();
    assert_eq!((first.covered, walk.left()), (Some(window(6, 9)), Some(window(0, 10))));
    let question = walk.next().unwrap().window;
    assert_eq!(question, window(8, 10), "whether nothing lies behind the newest row");
    let beginning = walk.take(batch(Kind::Ohlc, [(1, 8)].into_iter()), Next::ByTime, None).unwrap();
    assert_eq!((beginning.covered, beginning.rows.len()), (Some(window(9, 10)), 1));
    let again = walk.next().unwrap().window;
    assert_eq!((again.from, again.until), (Micros(0), at(6) + Duration::from_micros(1)));
    let second = walk.take(batch(Kind::Ohlc, [(0, -3), (1, 6)].into_iter()), Next::ByTime, None).unwrap();
    assert_eq!((second.covered, walk.next()), (Some(window(0, 6)), None));
}

#[test]
fn trades_newest_first_prove_down_to_after_their_oldest_instant_which_is_asked_again() {
    let mut book = Book::of((0..100).map(|trade| trade / 3));
    let mut walk = walk(&TRADES_DOWN, window(0, 30), 50, 50);
    let (rows, next) = book.answer(&walk.next().unwrap(), &TRADES_DOWN);
    let step = walk.take(rows, next, None).unwrap();
    let instant = Duration::from_micros(1);
    assert_eq!(
        step.covered,
        Window::new(at(26) + instant, at(29)),
        "trades of the newest instant may be left out"
    );
    assert_eq!(step.rows.len(), 9, "the trade of the oldest instant comes again with its neighbours");
    let (rows, next) = book.answer(&walk.next().unwrap(), &TRADES_DOWN);
    let beginning = walk.take(rows, next, None).unwrap();
    assert_eq!(beginning.covered, Window::new(at(29), at(30)));
    assert_eq!(walk.next().unwrap().window.until, at(26) + Duration::from_micros(1));
}

#[test]
fn more_trades_in_one_instant_than_a_page_holds_are_an_error_where_there_is_no_way_past_them() {
    for offer in [&TRADES_UP, &TRADES_DOWN] {
        let crowd = || [1, 2].into_iter().chain([5; 25]).chain([8, 9]);
        let crowded = run(walk(offer, window(0, 10), 50, 50), &mut Book::of(crowd())).unwrap_err();
        assert_eq!(crowded, ParseError::Crowded { at: at(5) });

        let mut by_id = Book { way: Way::Ids, ..Book::of([-1].into_iter().chain(crowd()).chain([11])) };
        let got = run(walk(offer, window(0, 10), 50, 50), &mut by_id).unwrap();
        assert_eq!((got.ids.len(), got.covered), (29, Windows::from(window(0, 10))));
    }
    let mut by_offset = Book { way: Way::Offset, ..Book::of([5; 25].into_iter().chain([8, 11])) };
    let got = run(walk(&TRADES_UP, window(0, 10), 50, 50), &mut by_offset).unwrap();
    assert_eq!((got.ids.len(), got.covered), (26, Windows::from(window(0, 10))));
    let mut to_the_end = Book { way: Way::Offset, ..Book::of([5; 25]) };
    assert_eq!(run(walk(&TRADES_UP, window(0, 10), 50, 50), &mut to_the_end).unwrap().ids.len(), 25);
}

#[test]
fn the_newest_rows_of_an_exchange_without_history_are_covered_and_the_rest_is_lost() {
    let got = run(walk(&GLIMPSE, window(0, 50), 50, 50), &mut Book::of(0..48)).unwrap();
    let (edge, newest) = (at(38) + Duration::from_micros(1), at(47));
    assert_eq!((got.rows.len(), got.pages), (10, 2), "one answer may have left rows out");
    assert_eq!(
        got.covered,
        Windows::from(Window::new(edge, newest).unwrap()),
        "more may come at the newest instant and behind it"
    );
    assert_eq!(got.lost, Window::new(at(0), edge));

    let met = run(walk(&GLIMPSE, window(45, 50), 50, 50), &mut Book::of(0..48)).unwrap();
    let covered = Windows::from(Window::new(at(45), newest).unwrap());
    assert_eq!((met.rows, met.covered, met.lost), (vec![45, 46, 47], covered, None));
}

#[test]
fn a_window_before_everything_that_an_exchange_without_history_still_shows_is_lost_as_a_whole() {
    let got = run(walk(&GLIMPSE, window(0, 20), 50, 50), &mut Book::of(0..48)).unwrap();
    assert_eq!((got.rows.len(), got.pages), (0, 2), "one answer may have left rows out");
    assert_eq!((got.covered, got.lost), (Windows::new(), Some(window(0, 20))));
}

#[test]
fn no_page_names_more_opens_than_the_exchange_takes() {
    for offer in [&NEWEST_PAGE, &OLDEST_PAGE] {
        let mut book = Book::of([2, 3, 4, 7]);
        let mut walk = walk(offer, window(0, 10), 500, 500);
        while let Some(page) = walk.next() {
            assert!(Span::MINUTE.grid().count(page.window) <= 10, "{}", page.window);
            let (rows, next) = book.answer(&page, offer);
            walk.take(rows, next, None).unwrap();
        }
        assert_eq!(walk.left(), None);
    }
}

#[test]
fn newest_first_an_empty_answer_is_not_believed_where_an_older_row_is_known() {
    let nothing = || Batch::of(Kind::Ohlc);
    let mut denied = walk(&NEWEST, window(0, 10), 50, 50);
    let known = Some((at(-100), at(40)));
    for _ in 0..=MOST_CONTRADICTIONS {
        assert_eq!(denied.take(nothing(), Next::ByTime, known).unwrap().empty, None);
    }
    assert!(denied.take(nothing(), Next::ByTime, known).is_err());
}

#[test]
fn two_empty_answers_are_not_believed_but_left_to_a_walk_that_knows_the_row_beside() {
    let (nothing, beside) = (|| Batch::of(Kind::Ohlc), || batch(Kind::Ohlc, [(0, 10)].into_iter()));
    let known = Some((at(10), at(40)));
    let mut first = walk(&NEWEST, window(0, 10), 50, 50);
    for _ in 0..2 {
        assert_eq!(first.take(nothing(), Next::ByTime, known).unwrap().empty, None);
    }
    assert_eq!((first.next(), first.unsure()), (None, Some(window(0, 10))));

    let mut second = walk(&NEWEST, window(0, 10), 50, 50).beside(Some(at(10))).last();
    for _ in 0..3 {
        assert_eq!(second.take(nothing(), Next::ByTime, known).unwrap().empty, None);
        let asked = second.next().unwrap().window;
        assert!(asked.holds(at(10)) && asked.from == Micros(0), "{asked}");
    }
    assert_eq!(second.take(beside(), Next::ByTime, known).unwrap().empty, None);
    assert_eq!(second.take(beside(), Next::ByTime, known).unwrap().empty, Some(window(0, 10)));
    assert_eq!((second.next(), second.unsure()), (None, None));
}

#[test]
fn rows_after_false_empties_are_taken_in_beside_the_known_one() {
    for way in [Way::Time, Way::Ids] {
        for kind in [&NEWEST, &TRADES_DOWN] {
            let faults = vec![Fault::Empty, Fault::Empty];
            let mut book = Book { way, faults, ..Book::of([2, 5, 12, 13]) };
            let own = walk(kind, window(0, 10), 50, 50).beside(Some(at(12))).last();
            let got = run(own, &mut book).unwrap();
            assert_eq!((got.rows, got.ids.len()), (vec![2, 5], 2), "{way:?}");
            assert!(!got.empty.holds(at(2)) && got.empty.holds(at(1)), "{:?}", got.empty);
        }
    }
}

#[test]
fn the_id_a_window_begins_with_is_found_in_few_requests_however_uneven_trades_came() {
    // A quiet year, then a thousand trades a minute.
    let quiet = (0..500_i64).map(|trade| trade * 1_000);
    let busy = (0..400_000).map(|trade| 500_000 + trade / 1_000);
    let mut book = Book { way: Way::Ids, ..Book::of(quiet.chain(busy)) };
    for from in [0, 123_456, 499_999, 500_007, 500_333, 500_398] {
        let wanted = window(from, from + 1);
        let there = book.rows.iter().filter(|minute| wanted.holds(at(**minute))).count();
        let got = run(walk(&BY_ID, wanted, 600_000, 600_000), &mut book).unwrap();
        assert_eq!((got.ids.len(), got.covered), (there, Windows::from(wanted)));
        assert!(got.pages <= 40 + there / 9, "{} pages for {there} from {from}", got.pages);
    }
}

proptest! {
    #[test]
    fn every_minute_of_a_walk_is_stored_covered_empty_or_left_in_every_direction(
        held in prop::collection::btree_set(-60_i64..120, 0..90),
        from in 0_i64..30, len in 1_i64..60, settled in 0_i64..120,
        faults in faults(), shape in 0_usize..4,
    ) {
        let offer = [&NEWEST, &NEWEST_PAGE, &OLDEST_PAGE, &OLDEST_NEAR][shape];
        // A window that cannot be named whole is no longer than a page.
        let len = if offer.bounds == Bounds::Page { len.min(10) } else { len };
        let wanted = window(from, from + len);
        let mut book = Book { faults, ..Book::of(held.iter().copied()) };
        let got = run_twice(walk(offer, wanted, 120, settled), &mut book).unwrap();

        let there: Vec<i64> = held.iter().copied().filter(|minute| wanted.holds(at(*minute))).collect();
        let mut known = got.covered.clone();
        known.add_all(&got.empty);
        let left = known.missing(wanted);
        for minute in there.iter().filter(|minute| !left.holds(at(**minute))) {
            prop_assert!(got.rows.contains(minute), "{minute} is said to be settled and not stored");
            prop_assert!(got.covered.holds(at(*minute)), "{minute} is stored and not covered");
        }
        prop_assert!(got.rows.iter().all(|minute| there.contains(minute)));
        prop_assert!(got.empty.iter().all(|part| part.until <= at(settled)));
        prop_assert!(left.iter().all(|part| part.until > at(settled)), "left behind without need: {left:?}");
    }

    #[test]
    fn every_trade_of_a_walk_is_stored_once_however_pages_are_cut(
        mut minutes in prop::collection::vec(-40_i64..60, 0..120),
        crowd in 0_usize..40, crowded in -5_i64..40,
        from in 0_i64..20, len in 1_i64..40,
        faults in faults(), way in prop_oneof![Just(Way::Ids), Just(Way::Offset), Just(Way::Time)],
        down: bool, by_id: bool,
    ) {
        // Something lies on both sides, so that the whole window is proven.
        minutes.extend([-50, 70]);
        let by_id = by_id && !down;
        let way = if by_id || (down && way == Way::Offset) { Way::Ids } else { way };
        let crowd = if way == Way::Time { 0 } else { crowd };
        minutes.extend(std::iter::repeat_n(crowded, crowd));
        let offer = if by_id { &BY_ID } else if down { &TRADES_DOWN } else { &TRADES_UP };
        let wanted = window(from, from + len);
        let mut book = Book { way, faults, ..Book::of(minutes) };
        let there = book.rows.iter().filter(|minute| wanted.holds(at(**minute))).count();
        match run_twice(walk(offer, wanted, 80, 80), &mut book) {
            Ok(got) => {
                prop_assert_eq!(got.ids.len(), there);
                let mut known = got.covered.clone();
                known.add_all(&got.empty);
                prop_assert_eq!(known, Windows::from(wanted));
                prop_assert!(book.rows.iter().all(|minute| !got.empty.holds(at(*minute))));
            }
            Err(error) => {
                let fullest = book.rows.chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
                prop_assert!(way == Way::Time && fullest >= 10, "{error} with {fullest} in an instant");
            }
        }
    }
}

#[test]
fn a_full_answer_of_the_newest_rows_alone_proves_nothing_before_its_oldest() {
    let mut walk = walk_of(&NEWEST_ROWS, window(0, 10));
    // Two more candles closed on the way: the exchange has only the ten from minute 2 on.
    let mut book = Book::of(2..12);
    let page = walk.next().unwrap();
    let (rows, next) = book.answer(&page, &NEWEST_ROWS);

    let step = walk.take(rows, next, None).unwrap();

    assert_eq!((step.covered, step.empty), (Some(window(2, 10)), None));
    assert!(walk.next().is_none());
}

#[test]
fn an_exchange_that_forgets_early_confirms_nothing_empty() {
    for (offer, confirmed) in [(&TRADES_DOWN, true), (&FORGETFUL, false)] {
        let (mut walk, mut book) = (walk_of(offer, window(0, 10)), Book::of([8, 9]));
        let (mut covered, mut empty) = (Windows::new(), Windows::new());
        while let Some(page) = walk.next() {
            let (rows, next) = book.answer(&page, offer);
            let step = walk.take(rows, next, None).unwrap();
            step.covered.into_iter().for_each(|window| covered.add(window));
            step.empty.into_iter().for_each(|window| empty.add(window));
        }
        assert!(covered.cover(window(8, 10)) && !covered.holds(at(7)), "{covered:?}");
        assert_eq!(empty.holds(at(4)), confirmed);
    }
}
