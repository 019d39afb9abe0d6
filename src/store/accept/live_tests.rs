use std::borrow::Cow;

use tempfile::TempDir;

use super::*;
use crate::model::{Batch, BookLevel, Kind, Micros, Series, Side, Trade, Window};
use crate::store::accept::late::EARLIER;
use crate::store::{Accepted, Layout, LiveRows, Note, Store, StoreSettings, Writer, period_files};

const SECOND: i64 = 1_000_000;
/// 2024-01-01 00:00 UTC.
const YEAR_2024: i64 = 1_704_067_200_000_000;

#[test]
fn a_trade_that_comes_by_socket_and_by_rest_is_one_and_keeps_when_it_was_received() {
    let home = Home::new();
    let writer = home.writer("binance/BTC-USDT/trades");
    writer.accept_live(trades(0..100, Some(SECOND)), None).unwrap();
    writer.flush().unwrap();

    accept(&writer, trades(0..100, None));
    let flushed = writer.flush().unwrap();

    assert_eq!((flushed.tally.added, flushed.tally.revised, flushed.tally.received), (0, 0, 0));
    assert_eq!(flushed.tally.repeated, 100);
    assert_eq!(home.stored(&writer), trades(0..100, Some(SECOND)));
}

#[test]
fn a_trade_that_comes_by_rest_first_learns_when_it_was_received() {
    let home = Home::new();
    let writer = home.writer("binance/BTC-USDT/trades");
    accept(&writer, trades(0..100, None));
    writer.flush().unwrap();

    writer.accept_live(trades(0..100, Some(SECOND)), None).unwrap();
    let flushed = writer.flush().unwrap();

    assert_eq!((flushed.tally.added, flushed.tally.revised, flushed.tally.received), (0, 0, 100));
    assert_eq!(home.stored(&writer), trades(0..100, Some(SECOND)));
}

#[test]
fn a_trade_that_comes_again_with_another_instant_is_one_and_another_of_its_id_stays() {
    let home = Home::new();
    let writer = home.writer("binance/BTC-USDT/trades");
    let at = |micros: i64, price: f64| trade(micros, "7", price, None);
    writer.accept_live(at(-2, 1.0), None).unwrap();
    writer.flush().unwrap();

    assert_eq!(writer.accept(page(at(3, 1.0))).unwrap(), 1, "a repeat, though the day is another");
    accept(&writer, at(5, 2.0));
    writer.flush().unwrap();

    let stored: Vec<_> = home.stored(&writer).trades().iter().map(|trade| trade.price).collect();
    assert_eq!(stored, [1.0, 2.0]);
}

#[test]
fn what_contradicts_a_trade_is_counted_whether_it_waits_or_is_published() {
    let home = Home::new();
    let writer = home.writer("binance/BTC-USDT/trades");
    writer.accept_live(trade(1, "7", 1.0, Some(9)), None).unwrap();
    accept(&writer, trade(1, "7", 2.0, None));
    assert_eq!(writer.flush().unwrap().tally.mismatched, 1);

    accept(&writer, trade(1, "7", 3.0, None));
    assert_eq!(writer.flush().unwrap().tally.mismatched, 1);

    assert_eq!(home.stored(&writer), trade(1, "7", 3.0, Some(9)), "the answer asked last wins");
}

#[test]
fn rows_of_many_series_are_accepted_at_once_each_in_a_frame_of_its_own() {
    let home = Home::new();
    let (own, other) = (home.writer("binance/BTC-USDT/trades"), home.writer("okx/BTC-USDT/trades"));
    let book = home.writer("okx/BTC-USDT/orderbook");
    let live = |writer, rows| LiveRows { writer, rows: Cow::Owned(rows), covered: None };
    let pages = vec![
        live(&other, trades(0..3, None)),
        live(&book, update(1)),
        live(&own, Batch::of(Kind::Trades)),
        live(&book, update(2)),
        live(&own, trades(0..2, None)),
    ];

    let marks = home.store.accept_live(pages).unwrap();

    let mut positions: Vec<u64> = marks.iter().flatten().map(|mark| mark.position).collect();
    assert_eq!(marks.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, true, true]);
    positions.sort_unstable();
    assert_eq!(positions, [1, 2, 3, 4]);
    assert_eq!(home.store.watermarks().accepted_frames, 4);
    for writer in [&own, &other, &book] {
        writer.flush().unwrap();
    }
    assert_eq!((home.stored(&own).len(), home.stored(&other).len()), (2, 3));
    assert_eq!(home.stored(&book).book().ords(), [0, 1], "updates are numbered one after the other");
}

#[test]
fn a_time_that_nothing_can_fill_is_unfillable_at_once_where_it_is_not_covered() {
    let home = Home::new();
    let writer = home.writer("okx/BTC-USDT/orderbook");
    let window = |from: i64, until: i64| Window::new(Micros(from), Micros(until)).unwrap();
    writer.accept_live(update(1), Some(window(0, 5))).unwrap();

    writer.unfillable(window(3, 9), "the book was not in step").unwrap();
    writer.flush().unwrap();

    let ledger = writer.ledger();
    assert_eq!(ledger.unfillable.iter().map(|note| note.window).collect::<Vec<_>>(), [window(5, 9)]);
    assert_eq!(ledger.unfillable[0].reason, "the book was not in step");
    assert_eq!(ledger.contradiction(), None);
}

#[test]
fn a_crash_forgets_neither_a_time_that_nothing_can_fill_nor_one_that_was_taken_back() {
    let home = Home::new();
    let writer = home.writer("okx/BTC-USDT/orderbook");
    let window = |from: i64, until: i64| Window::new(Micros(from), Micros(until)).unwrap();
    let mark = writer.accept_live(update(1), None).unwrap();
    writer.vouch(mark, window(0, 5)).unwrap();
    writer.unfillable(window(5, 9), "sequence").unwrap();
    writer.vouch(None, window(9, 20)).unwrap();
    writer.disown(window(12, 20), "audit").unwrap();

    drop(writer);
    let again = home.crashed();
    let ledger = again.writer("okx/BTC-USDT/orderbook").ledger();
    let given_up: Vec<_> = ledger.unfillable.iter().map(|note| (note.window, &*note.reason)).collect();
    assert_eq!(given_up, [(window(5, 9), "sequence"), (window(12, 20), "audit")]);
    assert_eq!(ledger.covered.iter().collect::<Vec<_>>(), [window(0, 5), window(9, 12)]);
    assert_eq!(ledger.contradiction(), None);
}

#[test]
fn what_is_taken_back_while_it_is_published_is_not_covered_afterwards() {
    let home = Home::new();
    let writer = home.writer("okx/BTC-USDT/orderbook");
    let window = |from: i64, until: i64| Window::new(Micros(from), Micros(until)).unwrap();
    let mark = writer.accept_live(update(1), None).unwrap();
    writer.vouch(mark, window(0, 5)).unwrap();
    writer.flush().unwrap();
    writer.vouch(None, window(5, 9)).unwrap();
    writer.disown(window(3, 9), "audit").unwrap();
    writer.flush().unwrap();

    let ledger = writer.ledger();
    assert_eq!(ledger.covered.iter().collect::<Vec<_>>(), [window(0, 3)]);
    assert_eq!(ledger.unfillable.iter().map(|note| note.window).collect::<Vec<_>>(), [window(3, 9)]);
}

#[test]
fn updates_of_a_book_are_numbered_on_one_by_one_and_none_stands_before_another_in_time() {
    let home = Home::new();
    let writer = home.writer("okx/BTC-USDT/orderbook");
    let of = |updates: &[(i64, i64)]| {
        let mut rows = Batch::of(Kind::OrderBook);
        for (ord, micros) in updates {
            let mut own = update(*micros);
            own.book_mut().number_from(*ord);
            rows.take_all(&own);
        }
        rows
    };
    // A connection numbers from 0 on, the next one again, and numbers between may be missing.
    writer.accept_live(of(&[(0, 10), (1, 20), (1, 20)]), None).unwrap();
    writer.flush().unwrap();
    writer.accept_live(of(&[(0, 15), (3, 30)]), None).unwrap();
    writer.accept_live(of(&[(0, 29)]), None).unwrap();
    writer.flush().unwrap();

    let stored = home.stored(&writer);
    let ts: Vec<i64> = stored.ts().iter().map(|ts| ts - YEAR_2024).collect();
    assert_eq!((stored.book().ords(), &ts[..]), (&[0, 1, 1, 2, 3, 4][..], &[10, 20, 20, 20, 30, 30][..]));
}

#[test]
fn an_update_of_a_book_is_in_one_frame() {
    let mut rows = Batch::of(Kind::OrderBook);
    for ord in 0..5 {
        for _ in 0..MOST_ROWS / 3 {
            let mut own = update(ord);
            own.book_mut().number_from(ord);
            rows.take_all(&own);
        }
    }
    let each = MOST_ROWS / 3;

    let (first, second) = (end_of_frame(&rows, 0), end_of_frame(&rows, 3 * each));

    assert_eq!((first, second), (3 * each, 5 * each));
}

#[test]
fn rows_of_a_book_that_were_not_taken_are_unfillable() {
    let home = Home::new();
    let writer = home.writer("okx/BTC-USDT/orderbook");
    writer.accept_live(update(1), None).unwrap();
    let window = Window::new(Micros(YEAR_2024 + 5), Micros(YEAR_2024 + 9)).unwrap();
    writer.own.intake().note(Note { window, reason: EARLIER.to_owned() });
    writer.flush().unwrap();

    let ledger = writer.ledger();
    assert_eq!(ledger.unfillable, [Note { window, reason: EARLIER.to_owned() }]);
}

fn accept(writer: &Writer, rows: Batch) {
    writer.accept(page(rows)).unwrap();
}

fn page(rows: Batch) -> Accepted {
    Accepted { rows, covered: None, empty: None, derived: false }
}

/// A trade so many microseconds after midnight, received so many after that.
fn trade(micros: i64, id: &str, price: f64, received: Option<i64>) -> Batch {
    let mut rows = Batch::of(Kind::Trades);
    let ts = Micros(YEAR_2024 + micros);
    let ts_recv = received.map(|after| Micros(ts.0 + after));
    rows.trades_mut().push(Trade { ts, ts_recv, id: Some(id), price, amount: 1.0, side: Some(Side::Buy) });
    rows
}

/// A trade a second, every two of one instant.
fn trades(numbers: std::ops::Range<i64>, received: Option<i64>) -> Batch {
    let mut rows = Batch::of(Kind::Trades);
    for number in numbers {
        rows.take_all(&trade(number / 2 * 2 * SECOND, &number.to_string(), number as f64, received));
    }
    rows
}

fn update(micros: i64) -> Batch {
    let mut rows = Batch::of(Kind::OrderBook);
    let ts = Micros(YEAR_2024 + micros);
    let (side, price, amount) = (Side::Bid, 1.0, 1.0);
    let level =
        BookLevel { ord: 0, ts, ts_recv: ts, seq: None, is_snapshot: true, side, price, amount, count: None };
    rows.book_mut().push(level);
    rows
}

struct Home {
    store: Store,
    _root: TempDir,
}

impl Home {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let settings = StoreSettings::of(7, Micros(YEAR_2024));
        Home { store: Store::open(&Layout::new(root.path()), settings).unwrap().0, _root: root }
    }

    /// The home of a process that begins where this one crashed.
    fn crashed(self) -> Home {
        let Home { store, _root: root } = self;
        drop(store);
        let settings = StoreSettings::of(7, Micros(YEAR_2024));
        Home { store: Store::open(&Layout::new(root.path()), settings).unwrap().0, _root: root }
    }

    fn writer(&self, series: &str) -> Writer {
        let series: Series = series.parse().unwrap();
        self.store.writer(&series).unwrap().0
    }

    fn stored(&self, writer: &Writer) -> Batch {
        let mut rows = Batch::of(writer.series().kind());
        for period in writer.ledger().periods() {
            let files = period_files(&self.store.0.layout, writer.series(), period).unwrap();
            files.iter().for_each(|file| rows.take_all(&file.rows().unwrap()));
        }
        rows
    }
}
