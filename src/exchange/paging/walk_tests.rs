//! The walk, oldest first, against a model of an exchange.

use proptest::prelude::*;

use super::*;
use crate::exchange::Next;
use crate::exchange::find;
use crate::exchange::paging::doubt::MOST_CONTRADICTIONS;
use crate::model::{Candle, Kind, Trade, Windows};

const MINUTE: i64 = 60_000_000;
const START: i64 = 1_704_067_200_000_000;

/// An exchange that holds some minutes, and answers as Binance does.
struct Book(Vec<i64>);

impl Book {
    fn answer(&self, page: &Page) -> Batch {
        let mut rows = Batch::of(Kind::Ohlc);
        let inside = self.0.iter().filter(|minute| page.window.holds(at(**minute)));
        for minute in inside.take(page.rows as usize) {
            rows.candles_mut().push(Candle {
                ts: at(*minute),
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
}

fn instrument() -> Arc<Instrument> {
    Arc::new(Instrument::named("BTCUSDT".to_owned()))
}

fn at(minute: i64) -> Micros {
    Micros(START + minute * MINUTE)
}

fn window(from: i64, until: i64) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

fn walk(from: i64, until: i64, horizon: i64, settled: i64) -> Walk {
    let series: Series = "binance/BTC-USDT/ohlc/1m".parse().unwrap();
    let offer = find("binance").unwrap().offer_for(&series).unwrap();
    Walk::new(Arc::new(series), instrument(), offer, window(from, until), at(horizon), at(settled))
}

/// Walks to the end; gives rows, coverage, confirmed-empty windows and the number of pages.
fn run(mut walk: Walk, book: &Book, known: Option<(Micros, Micros)>) -> (Vec<i64>, Windows, Windows, usize) {
    let (mut rows, mut covered, mut empty, mut pages) = (Vec::new(), Windows::new(), Windows::new(), 0);
    while let Some(page) = walk.next() {
        pages += 1;
        assert!(pages < 50, "the walk does not end");
        let step = walk.take(book.answer(&page), Next::ByTime, known).unwrap();
        rows.extend(step.rows.ts().iter().map(|ts| (ts - START) / MINUTE));
        step.covered.into_iter().for_each(|window| covered.add(window));
        step.empty.into_iter().for_each(|window| empty.add(window));
    }
    rows.sort_unstable();
    rows.dedup();
    (rows, covered, empty, pages)
}

#[test]
fn a_full_window_is_proven_by_one_page() {
    let (rows, covered, empty, pages) = run(walk(0, 1_000, 5_000, 5_000), &Book((0..2_000).collect()), None);
    assert_eq!((rows.len(), pages), (1_000, 1));
    assert_eq!((covered, empty.is_empty()), (Windows::from(window(0, 1_000)), true));
}

#[test]
fn a_quiet_end_is_covered_when_a_later_row_is_seen() {
    let book = Book((0..400).chain(1_200..1_300).collect());
    let (rows, covered, empty, pages) = run(walk(0, 1_000, 5_000, 5_000), &book, None);
    assert_eq!((rows.len(), pages, empty.is_empty()), (400, 2, true));
    assert_eq!(covered, Windows::from(window(0, 1_000)));
}

#[test]
fn two_empty_answers_confirm_the_rest_but_never_near_the_present() {
    let book = Book((0..400).collect());
    let (_, covered, empty, pages) = run(walk(0, 1_000, 1_000, 700), &book, None);
    assert_eq!(covered, Windows::from(window(0, 400)));
    assert_eq!(empty, Windows::from(window(400, 700)));
    assert_eq!(pages, 3);
}

#[test]
fn an_exchange_that_denies_a_row_it_gave_is_not_believed() {
    let mut walk = walk(0, 1_000, 5_000, 5_000);
    walk.take(Book((0..400).collect()).answer(&walk.next().unwrap()), Next::ByTime, None).unwrap();
    let nothing = Batch::of(Kind::Ohlc);
    for _ in 0..MOST_CONTRADICTIONS {
        assert_eq!(walk.take(nothing.clone(), Next::ByTime, None).unwrap().empty, None);
    }
    assert!(walk.take(nothing, Next::ByTime, None).is_err());
}

#[test]
fn an_empty_answer_is_not_believed_where_a_later_row_is_known() {
    let mut walk = walk(0, 1_000, 5_000, 5_000);
    let nothing = Batch::of(Kind::Ohlc);
    for _ in 0..3 {
        assert_eq!(walk.take(nothing.clone(), Next::ByTime, Some((at(-5), at(2_000)))).unwrap().empty, None);
    }
    let late = Book((1_500..1_600).collect());
    let step = walk.take(late.answer(&walk.next().unwrap()), Next::ByTime, None).unwrap();
    assert_eq!(step.covered, None, "one answer alone does not show where the rows begin");
    let step = walk.take(late.answer(&walk.next().unwrap()), Next::ByTime, None).unwrap();
    assert_eq!((step.covered, walk.next()), (Some(window(0, 1_000)), None));
}

#[test]
fn rows_of_another_time_prove_nothing() {
    let mut walk = walk(0, 1_000, 5_000, 5_000);
    let newest = Book((4_000..5_000).collect());
    let asked_elsewhere = Page { window: window(4_000, 5_000), ..walk.next().unwrap() };

    let first = walk.take(newest.answer(&asked_elsewhere), Next::ByTime, None).unwrap();
    assert_eq!((first.rows.len(), first.covered, first.stray), (0, None, 1_000), "it is asked again once");
    let second = walk.take(newest.answer(&asked_elsewhere), Next::ByTime, None);
    assert!(matches!(second, Err(ParseError::Disobeyed { .. })), "{second:?}");

    assert_eq!(walk.left(), Some(window(0, 1_000)));
}

/// Ten trades an instant, by their ids.
fn trades(ids: impl IntoIterator<Item = u64>) -> Batch {
    let mut rows = Batch::of(Kind::Trades);
    for id in ids {
        let ts = Micros(START + i64::try_from(id).unwrap() / 10);
        let (price, amount) = (1.0, 1.0);
        rows.trades_mut().push(Trade {
            ts,
            ts_recv: None,
            id: Some(&id.to_string()),
            price,
            amount,
            side: None,
        });
    }
    rows
}

/// A walk over the instants of the first thousand trades.
fn walk_of_trades() -> Walk {
    let series: Series = "binance/BTC-USDT/trades".parse().unwrap();
    let offer = find("binance").unwrap().offer_for(&series).unwrap();
    let wanted = Window::new(Micros(START), Micros(START + 100)).unwrap();
    Walk::new(Arc::new(series), instrument(), offer, wanted, Micros(START + 500), Micros(START + 500))
}

fn instants(from: i64, until: i64) -> Option<Window> {
    Window::new(Micros(START + from), Micros(START + until))
}

#[test]
fn trades_of_the_last_instant_are_asked_again_by_id_until_one_past_the_end_is_seen() {
    let mut walk = walk_of_trades();
    let first = walk.take(trades(0..995), Next::FromId(994), None).unwrap();
    assert_eq!(first.covered, instants(0, 99));
    assert_eq!(walk.next().unwrap().ask, Ask::FromId(994));
    let second = walk.take(trades(994..1_200), Next::FromId(1_199), None).unwrap();
    assert_eq!((second.rows.len(), second.stray), (6, 0));
    assert_eq!(second.covered, instants(99, 100));
    assert_eq!(walk.next(), None);
}

#[test]
fn a_page_that_skips_trades_proves_only_up_to_them_and_the_rest_is_asked_for_by_id() {
    let mut walk = walk_of_trades();
    // In disorder, as an exchange may send them.
    let holed = (700..1_000).chain(0..605);
    let first = walk.take(trades(holed), Next::FromId(999), None).unwrap();
    assert_eq!((first.covered, first.rows.len()), (instants(0, 60), 905));
    assert_eq!(walk.next().unwrap().ask, Ask::FromId(604));
    let second = walk.take(trades(604..1_200), Next::FromId(1_199), None).unwrap();
    assert_eq!((second.covered, walk.next()), (instants(60, 100), None));
}

#[test]
fn a_hole_between_ids_is_believed_once_two_answers_have_it() {
    let mut walk = walk_of_trades();
    walk.take(trades((0..605).chain(700..1_000)), Next::FromId(999), None).unwrap();
    let second = walk.take(trades((604..605).chain(700..801).chain(900..1_200)), Next::FromId(1_199), None);
    assert_eq!(second.unwrap().covered, instants(60, 80), "the one behind it is another");
    assert_eq!(walk.next().unwrap().ask, Ask::FromId(800));
    // The trade asked for is missing this time, though its neighbour of the same instant is not.
    let third = walk.take(trades((801..802).chain(900..1_200)), Next::FromId(1_199), None).unwrap();
    assert_eq!((third.covered, &walk.next().unwrap().ask), (None, &Ask::FromId(800)));
    let fourth = walk.take(trades((800..802).chain(900..1_200)), Next::FromId(1_199), None).unwrap();
    assert_eq!((fourth.id_hole, &walk.next().unwrap().ask), (None, &Ask::FromId(801)), "asked again first");
    let fifth = walk.take(trades((801..802).chain(900..1_200)), Next::FromId(1_199), None).unwrap();
    assert_eq!(fifth.id_hole, Some((801, 98)));
    assert_eq!((fifth.covered, walk.next()), (instants(80, 100), None));
}

#[test]
fn a_hole_beyond_the_end_is_none_and_an_id_that_is_no_number_is_refused() {
    let mut walk = walk_of_trades();
    walk.take(trades(0..995), Next::FromId(994), None).unwrap();
    let step = walk.take(trades((994..1_001).chain(1_100..1_200)), Next::FromId(1_199), None).unwrap();
    assert_eq!((step.covered, walk.next()), (instants(99, 100), None));
    let mut rows = Batch::of(Kind::Trades);
    let (ts, price, amount) = (Micros(START), 1.0, 1.0);
    rows.trades_mut().push(Trade { ts, ts_recv: None, id: Some("x"), price, amount, side: None });
    assert!(walk_of_trades().take(rows, Next::ByTime, None).is_err());
}

proptest! {
    #[test]
    fn every_minute_of_a_walk_is_stored_covered_empty_or_left(
        held in prop::collection::btree_set(0_i64..3_000, 0..60),
        from in 0_i64..1_500, len in 1_i64..1_000, settled in 0_i64..3_000,
    ) {
        let until = from + len;
        let book = Book(held.iter().copied().collect());
        let (rows, covered, empty, pages) = run(walk(from, until, 3_000, settled).last(), &book, None);
        let wanted: Vec<i64> = held.iter().copied().filter(|minute| (from..until).contains(minute)).collect();
        prop_assert_eq!(&rows, &wanted);
        prop_assert!(pages <= 5);
        prop_assert!(rows.iter().all(|minute| covered.holds(at(*minute))));
        prop_assert!(empty.iter().all(|part| part.until <= at(settled) && covered.within(part).is_empty()));
        let mut known = covered.clone();
        known.add_all(&empty);
        let left = known.missing(window(from, until));
        prop_assert!(left.iter().all(|part| part.until > at(settled)), "left behind without need: {left:?}");
    }
}
