//! Books in sessions: asked for, brought into step, put out of it by one fault, and made rows of.

use std::time::Duration;

use dccd::exchange::live::{BookFault, BookWish, Event, Now, Received, Topic, TopicId};
use dccd::exchange::{Contract, Decimal, Instrument};
use dccd::model::{Batch, BookLevel, Kind, Micros, Series, Side};

use super::books::BOOKS;
use super::listener::{Listener, live_of, topic};
use super::oracle;
use super::written::BEGIN;
use crate::needs;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DELTAS: BookWish = BookWish { depth: 10, every: SECOND, deltas: true };

/// A listener to books.
pub(super) fn listener(series: &[&str], wish: BookWish, at: Micros) -> Listener {
    let series: Vec<Series> = series.iter().map(|text| text.parse().unwrap()).collect();
    let live = live_of(series[0].exchange());
    let mut session = live.session(live.offer_for(&series[0]).unwrap().line);
    for (number, series) in series.iter().enumerate() {
        session.want(Topic { book: Some(wish), ..topic(number, series, None) }).unwrap();
    }
    let now = Now { elapsed: 100 * SECOND, at };
    session.opened(now);
    Listener { session, received: Received::new(), series, now }
}

/// The events about books since the last look.
pub(super) fn book_events(listener: &mut Listener) -> Vec<Event> {
    let is_of_books = |event: &Event| {
        matches!(event, Event::BookWanted { .. } | Event::InStep { .. } | Event::OutOfStep { .. })
    };
    let events = std::mem::take(&mut listener.received.events);
    events.into_iter().filter(is_of_books).collect()
}

pub(super) fn rows(listener: &Listener, number: u32) -> Vec<BookLevel> {
    let batch = listener.received.batch(TopicId(number));
    batch.map_or_else(Vec::new, |batch| (0..batch.len()).map(|row| batch.book().get(row)).collect())
}

/// An update of a book of Binance.
pub(crate) fn update(symbol: &str, ids: (i64, i64, i64), at: Micros, bids: &str, asks: &str) -> String {
    let (millis, (first, last, previous)) = (at.millis_floor(), ids);
    format!(
        r#"{{"stream":"{}@depth@100ms","data":{{"e":"depthUpdate","E":{millis},"s":"{symbol}","U":{first},"u":{last},"pu":{previous},"b":[{bids}],"a":[{asks}]}}}}"#,
        symbol.to_lowercase()
    )
}

/// A whole book over REST: one bid and one ask a unit below and above a price.
pub(crate) fn answer(seq: i64, levels: u32) -> Batch {
    let mut rows = Batch::of(Kind::OrderBook);
    for (side, sign) in [(Side::Bid, -1.0), (Side::Ask, 1.0)] {
        for level in 1..=levels {
            let price = (100.0 + sign * f64::from(level)).max(0.5);
            let (ts, seq) = (BEGIN, Some(seq));
            rows.book_mut().push(BookLevel {
                ord: 0,
                ts,
                ts_recv: ts,
                seq,
                is_snapshot: true,
                side,
                price,
                amount: 5.0,
                count: None,
            });
        }
    }
    rows
}

pub(super) fn give(listener: &mut Listener, number: u32, rows: Option<&Batch>) {
    listener.session.give_book(TopicId(number), rows, listener.now, &mut listener.received);
}

/// Binance's book of one pair, granted and in step behind change 20.
pub(super) fn in_step(wish: BookWish) -> Listener {
    let mut listener = listener(&["binance/BTC-USDT/orderbook"], wish, BEGIN + SECOND);
    assert_eq!(listener.send(), [r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}"#]);
    listener.tick();
    assert_eq!(book_events(&mut listener), [], "nothing is asked for before the updates come");
    listener.read(r#"{"result":null,"id":1}"#);
    listener.tick();
    assert_eq!(book_events(&mut listener), [Event::BookWanted { topic: TopicId(0), levels: 100 }]);
    listener.read(&update("BTCUSDT", (5, 9, 4), BEGIN, r#"["99","1"]"#, ""));
    listener.read(&update("BTCUSDT", (10, 20, 9), BEGIN, r#"["98","2"]"#, r#"["101","3"]"#));
    assert!(listener.session.book(TopicId(0)).is_none());
    give(&mut listener, 0, Some(&answer(12, 100)));
    assert_eq!(
        book_events(&mut listener),
        [Event::InStep { topic: TopicId(0), at: BEGIN, after: BookFault::Reconnect }]
    );
    listener
}

#[test]
fn a_book_over_rest_is_asked_for_once_updates_come_and_joined_with_those_that_waited() {
    let mut listener = in_step(DELTAS);
    let book = listener.session.book(TopicId(0)).unwrap().book;
    let best = |side: Side| {
        let side = if side == Side::Bid { book.bids() } else { book.asks() };
        side.levels().take(2).map(|level| (level.price, level.amount)).collect::<Vec<_>>()
    };
    assert_eq!(best(Side::Bid), [(99.0, 5.0), (98.0, 2.0)], "changes up to 12 are in the answer");
    assert_eq!(best(Side::Ask), [(101.0, 3.0), (102.0, 5.0)]);
    let whole = rows(&listener, 0);
    assert_eq!((whole.len(), whole.iter().all(|row| row.is_snapshot && row.seq == Some(20))), (200, true));

    listener.received.clear();
    let at = BEGIN + SECOND;
    listener.read(&update("BTCUSDT", (21, 22, 20), at, r#"["99","0"],["50.5","1"]"#, r#"["300","1"]"#));
    let written: Vec<_> = rows(&listener, 0).iter().map(|row| (row.ord, row.price, row.amount)).collect();
    assert_eq!(written, [(1, 99.0, 0.0), (1, 50.5, 1.0)], "300 lies where the book is not known");
    assert!(rows(&listener, 0).iter().all(|row| !row.is_snapshot && row.seq == Some(22) && row.ts == at));
    assert_eq!(listener.covered(0).unwrap().until, at);
}

#[test]
fn a_hole_puts_a_book_out_of_step_and_nothing_of_it_is_a_row_before_a_fresh_one_is_joined() {
    let mut listener = in_step(DELTAS);
    listener.received.clear();
    let at = BEGIN + SECOND;
    listener.read(&update("BTCUSDT", (23, 24, 22), at, r#"["97","7"]"#, ""));
    listener.tick();
    assert_eq!(
        book_events(&mut listener),
        [
            Event::OutOfStep { topic: TopicId(0), at: BEGIN, fault: BookFault::Sequence },
            Event::BookWanted { topic: TopicId(0), levels: 100 },
        ]
    );
    listener.read(&update("BTCUSDT", (25, 25, 24), at, r#"["96","8"]"#, ""));
    assert_eq!((rows(&listener, 0), listener.session.book(TopicId(0)).is_none()), (vec![], true));
    // One that is older than the updates that wait is of no use, and is not asked for again at once.
    give(&mut listener, 0, Some(&answer(20, 100)));
    listener.tick();
    assert_eq!((book_events(&mut listener), listener.received.counts.failed_resyncs), (vec![], 1));
    listener.pass(SECOND);
    listener.tick();
    assert_eq!(book_events(&mut listener), [Event::BookWanted { topic: TopicId(0), levels: 100 }]);
    give(&mut listener, 0, None);
    listener.pass(2 * SECOND);
    listener.tick();
    assert_eq!(book_events(&mut listener), [Event::BookWanted { topic: TopicId(0), levels: 100 }]);
    give(&mut listener, 0, Some(&answer(23, 100)));
    assert_eq!(
        book_events(&mut listener),
        [Event::InStep { topic: TopicId(0), at, after: BookFault::Sequence }]
    );
    assert_eq!((rows(&listener, 0).len(), listener.covered(0).unwrap().until), (200, at));
}

#[test]
fn a_book_of_which_too_few_levels_are_left_is_asked_for_again_and_deeper() {
    let wish = BookWish { depth: 50, ..DELTAS };
    let mut listener = in_step(wish);
    for (last, level) in (20..).zip(1..=76) {
        let bid = format!(r#"["{}","0"]"#, 100 - level);
        listener.read(&update("BTCUSDT", (last + 1, last + 1, last), BEGIN, &bid, ""));
    }
    listener.tick();
    assert_eq!(
        book_events(&mut listener),
        [
            Event::OutOfStep { topic: TopicId(0), at: BEGIN, fault: BookFault::Shallow },
            Event::BookWanted { topic: TopicId(0), levels: 500 },
        ]
    );
}

#[test]
fn snapshots_are_the_best_levels_at_each_step_of_the_exchanges_time_as_they_were_then() {
    let wish = BookWish { depth: 2, every: 10 * SECOND, deltas: false };
    let mut listener = in_step(wish);
    assert_eq!(rows(&listener, 0), []);
    let at = |secs: u64| BEGIN + Duration::from_secs(secs);
    listener.pass(30 * SECOND);
    listener.read(&update("BTCUSDT", (21, 21, 20), at(9), r#"["99","1"]"#, ""));
    listener.read(&update("BTCUSDT", (22, 22, 21), at(10), r#"["99","2"]"#, ""));
    assert_eq!(rows(&listener, 0), [], "the step itself belongs to it");
    listener.read(&update("BTCUSDT", (23, 23, 22), at(25), r#"["99","3"]"#, ""));
    let written: Vec<_> =
        rows(&listener, 0).iter().map(|row| (row.ord, row.ts, row.price, row.amount)).collect();
    let step = |ord, secs| {
        [(99.0, 2.0), (98.0, 2.0), (101.0, 3.0), (102.0, 5.0)]
            .map(|(price, amount)| (ord, at(secs), price, amount))
    };
    assert_eq!(written, [step(0, 10), step(1, 20)].concat());

    // A hole before the next step: nothing is known of it.
    listener.received.clear();
    listener.read(&update("BTCUSDT", (25, 25, 24), at(31), r#"["99","4"]"#, ""));
    assert_eq!(rows(&listener, 0), []);
}

#[test]
fn a_quiet_book_is_written_and_covered_once_its_next_update_shows_that_none_is_missing() {
    let wish = BookWish { depth: 1, every: 10 * SECOND, deltas: false };
    let mut listener = in_step(wish);
    listener.pass(40 * SECOND);
    // Another pair tells the time, which says nothing of this one: its updates may not be sent any more.
    listener.read(&update("ETHUSDT", (2, 2, 1), BEGIN + 35 * SECOND, "", ""));
    listener.tick();
    assert_eq!(rows(&listener, 0), []);
    assert_eq!(listener.covered(0), None, "nothing behind the first instant is known");
    listener.read(&update("BTCUSDT", (21, 21, 20), BEGIN + 36 * SECOND, r#"["99","9"]"#, ""));
    let written: Vec<_> = rows(&listener, 0).iter().map(|row| (row.ts, row.amount)).collect();
    let steps = [10, 20, 30].map(|secs| BEGIN + Duration::from_secs(secs));
    assert_eq!(written, steps.map(|ts| [(ts, 5.0), (ts, 3.0)]).concat(), "as it was then");
    assert_eq!(listener.covered(0).unwrap().until, BEGIN + 36 * SECOND);
}

#[test]
fn of_very_many_steps_of_one_quiet_stretch_the_first_and_the_newest_are_written_as_the_book_was_then() {
    let mut listener = in_step(BookWish { depth: 1, every: SECOND, deltas: false });
    listener.pass(2_000 * SECOND);
    listener.read(&update("BTCUSDT", (21, 21, 20), BEGIN + 1_500 * SECOND, r#"["99","9"]"#, ""));
    let written = rows(&listener, 0);
    let steps: Vec<u64> = written.iter().step_by(2).map(|row| row.ts.since(BEGIN).as_secs()).collect();
    assert_eq!((steps.len(), steps[0], steps[1], steps.last()), (600, 1, 901, Some(&1_499)));
    assert!(written.iter().all(|row| row.amount != 9.0), "the update came later");
}

#[test]
fn the_whole_book_is_written_at_the_first_update_of_each_hour_and_instants_never_fall() {
    let mut listener = in_step(DELTAS);
    listener.received.clear();
    let hour = Micros(BEGIN.0.div_euclid(3_600_000_000) * 3_600_000_000 + 3_600_000_000);
    listener.now.at = hour + SECOND;
    let half = Duration::from_millis(500);
    for (id, at) in [(21, hour - SECOND), (22, hour), (23, hour - half), (24, hour + half)] {
        listener.read(&update("BTCUSDT", (id, id, id - 1), at, r#"["99","1"]"#, ""));
    }
    let mut written: Vec<_> =
        rows(&listener, 0).iter().map(|row| (row.ord, row.ts, row.is_snapshot)).collect();
    written.dedup();
    assert_eq!(
        written,
        [(1, hour - SECOND, false), (2, hour, true), (3, hour, false), (4, hour + half, false)]
    );
}

#[test]
fn contracts_become_the_base_asset() {
    let series: Series = "binancecoinm/BTC-USD_PERP/orderbook".parse().unwrap();
    let mut listener = listener(&["binancecoinm/BTC-USD_PERP/orderbook"], DELTAS, BEGIN + SECOND);
    let live = live_of("binancecoinm");
    listener.session = live.session(live.offer_for(&series).unwrap().line);
    let contract = Some(Contract::Quote(Decimal::whole(100)));
    let instrument = Instrument { contract, ..Instrument::named("BTCUSD_PERP".to_owned()) };
    let wanted = Topic { book: Some(DELTAS), instrument: instrument.into(), ..topic(0, &series, None) };
    listener.session.want(wanted).unwrap();
    listener.session.opened(listener.now);
    listener.send();
    listener.read(&update("BTCUSD_PERP", (1, 12, 0), BEGIN, r#"["99","198"]"#, ""));
    give(&mut listener, 0, Some(&answer(12, 50)));
    let book = listener.session.book(TopicId(0)).unwrap().book;
    assert_eq!(book.bids().best().map(|best| best.amount), Some(200.0));
}

#[test]
fn an_unreadable_frame_costs_a_book_only_where_no_number_shows_what_it_held() {
    let mut numbered = in_step(DELTAS);
    numbered.read("{");
    assert_eq!(book_events(&mut numbered), []);
    let mut plain = listener(&["coinbase/BTC-USD/orderbook"], DELTAS, BEGIN + SECOND);
    plain.read(r#"{"type":"snapshot","product_id":"BTC-USD","bids":[["99","1"]],"asks":[["101","2"]]}"#);
    assert!(matches!(book_events(&mut plain)[..], [Event::InStep { .. }]));
    plain.read("{");
    let [Event::OutOfStep { fault, .. }] = book_events(&mut plain)[..] else { panic!("it is in step") };
    assert_eq!(fault, BookFault::Unreadable);
}

#[test]
fn coinbase_is_asked_for_its_public_channel_and_a_crossed_book_is_asked_for_anew() {
    let mut listener = listener(&["coinbase/BTC-USD/orderbook", "coinbase/ETH-USD/orderbook"], DELTAS, BEGIN);
    let ask = |verb: &str, products: &str| {
        format!(r#"{{"type":"{verb}","product_ids":[{products}],"channels":["level2_batch"]}}"#)
    };
    assert_eq!(listener.send(), [ask("subscribe", r#""BTC-USD","ETH-USD""#)]);
    listener.read(
        r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD","ETH-USD"]}]}"#,
    );
    assert_eq!(listener.session.topics().live, 2);
    for product in ["BTC-USD", "ETH-USD"] {
        listener.read(&format!(
            r#"{{"type":"snapshot","product_id":"{product}","bids":[["99","1"]],"asks":[["101","2"]]}}"#
        ));
    }
    book_events(&mut listener);
    listener.read(&format!(
        r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["buy","102","1"]],"time":"{BEGIN}"}}"#
    ));
    listener.tick();
    let [Event::OutOfStep { topic: TopicId(0), fault: BookFault::Crossed, .. }] =
        book_events(&mut listener)[..]
    else {
        panic!("it is in step")
    };
    assert_eq!(listener.send(), [ask("unsubscribe", r#""BTC-USD""#), ask("subscribe", r#""BTC-USD""#)]);
    assert!(listener.session.book(TopicId(1)).is_some(), "the other pair is undisturbed");
}

/// The first whole book of a recording of Kraken, and the first update behind it.
fn kraken_frames() -> Option<(Vec<String>, Micros)> {
    let folder = needs::recordings()?;
    let frames = BOOKS[2].frames(&folder);
    let at = frames.iter().filter_map(|frame| oracle::newest(frame)).max().unwrap();
    Some((frames, at))
}

#[test]
fn a_wrong_checksum_of_kraken_asks_for_that_pair_alone_anew() {
    let Some((frames, at)) = kraken_frames() else { return };
    let mut listener = listener(&["kraken/BTC-USD/orderbook", "kraken/ETH-USD/orderbook"], DELTAS, at);
    assert_eq!(
        listener.send(),
        [
            r#"{"method":"subscribe","params":{"channel":"book","depth":10,"symbol":["BTC/USD","ETH/USD"],"snapshot":true},"req_id":1}"#
        ]
    );
    frames[..5].iter().for_each(|frame| listener.read(frame));
    assert!(matches!(book_events(&mut listener)[..], [Event::InStep { topic: TopicId(0), .. }]));
    let (head, _) = frames[6].split_once("\"checksum\":").unwrap();
    listener.received.clear();
    listener.read(&format!(r#"{head}"checksum":7,"timestamp":"{at}"}}]}}"#));
    listener.tick();
    let [Event::OutOfStep { topic: TopicId(0), fault: BookFault::Checksum, .. }] =
        book_events(&mut listener)[..]
    else {
        panic!("it is in step")
    };
    assert_eq!(rows(&listener, 0), [], "an update that does not prove itself is no row");
    assert_eq!(
        listener.send(),
        [
            r#"{"method":"unsubscribe","params":{"channel":"book","depth":10,"symbol":["BTC/USD"]},"req_id":2}"#,
            r#"{"method":"subscribe","params":{"channel":"book","depth":10,"symbol":["BTC/USD"],"snapshot":true},"req_id":3}"#,
        ]
    );
    // Updates of the subscription that ended change nothing.
    listener.read(&frames[7]);
    assert_eq!((book_events(&mut listener), rows(&listener, 0)), (vec![], vec![]));
    listener.read(&frames[24]);
    let [Event::InStep { topic: TopicId(0), after: BookFault::Checksum, .. }] =
        book_events(&mut listener)[..]
    else {
        panic!("it is not in step")
    };
}

#[test]
fn a_pair_whose_checksum_is_never_right_is_asked_for_twelve_times_in_ten_minutes_at_most() {
    let Some((frames, at)) = kraken_frames() else { return };
    let mut listener = listener(&["kraken/BTC-USD/orderbook"], DELTAS, at);
    let (head, _) = frames[4].split_once("\"checksum\":").unwrap();
    let wrong = format!(r#"{head}"checksum":7,"timestamp":"{at}"}}]}}"#);
    let (mut asked, until) = (0, listener.now.elapsed + 600 * SECOND);
    while listener.now.elapsed < until {
        for text in listener.send() {
            if text.contains("\"subscribe\"") {
                asked += 1;
                listener.read(&frames[2]);
            }
            if text.contains("\"ping\"") {
                listener.read(r#"{"channel":"heartbeat"}"#);
            }
        }
        listener.read(&wrong);
        listener.tick();
        listener.received.clear();
        listener.pass(Duration::from_millis(200));
    }
    assert!((8..=13).contains(&asked), "asked for {asked} times, the first time included");
}

#[test]
fn every_recorded_book_is_kept_by_its_session_without_falling_out_of_step() {
    let Some(folder) = needs::recordings() else { return };
    for (recording, series, symbols) in [
        (&BOOKS[2], &["kraken/BTC-USD/orderbook"][..], &["BTC/USD"][..]),
        (
            &BOOKS[5],
            &["coinbase/CRV-EUR/orderbook", "coinbase/NU-GBP/orderbook", "coinbase/SKL-GBP/orderbook"],
            &["CRV-EUR", "NU-GBP", "SKL-GBP"],
        ),
        (
            &BOOKS[11],
            &["bybit/BTC-USDT_PERP/orderbook", "bybit/DOGE-USDT_PERP/orderbook"],
            &["200.BTCUSDT", "200.DOGEUSDT"],
        ),
        (&BOOKS[12], &["bybit/ETH-USDT/orderbook"], &["200.ETHUSDT"]),
        (&BOOKS[6], &["okx/BTC-USDT/orderbook"], &["BTC-USDT"]),
        (&BOOKS[7], &["okx/BTC-USDT/orderbook", "okx/UNI-USD_PERP/orderbook"], &["BTC-USDT", "UNI-USD-SWAP"]),
        (
            &BOOKS[15],
            &["bitmex/ADA-USDT_PERP/orderbook", "bitmex/BCH-USD_PERP/orderbook"],
            &["ADAUSDT", "BCHUSD"],
        ),
        (&BOOKS[0], &["binance/BTC-USDT/orderbook"], &["BTCUSDT"]),
        (&BOOKS[1], &["binance/NKN-USDT/orderbook", "binance/LRC-BTC/orderbook"], &["NKNUSDT", "LRCBTC"]),
    ] {
        let frames = recording.frames(&folder);
        let at = frames.iter().filter_map(|frame| oracle::newest(frame)).max().unwrap();
        // Of several depths the one that was recorded.
        let depth = if recording.exchange == "bybit" { 200 } else { DELTAS.depth };
        let mut listener = listener(series, BookWish { depth, ..DELTAS }, at + SECOND);
        let mut books = recording.books();
        recording.answer(&folder, &mut books);
        for (number, symbol) in symbols.iter().enumerate() {
            if let Some(rows) = recording.whole_book(&folder, symbol) {
                // The session asked for fewer levels than were recorded: it takes them as they are.
                give(&mut listener, u32::try_from(number).unwrap(), Some(&rows));
            }
        }
        for frame in &frames {
            listener.read(frame);
            books.read(frame);
        }
        listener.tick();
        let events = book_events(&mut listener);
        assert_eq!(events.len(), series.len(), "{}: {events:?}", recording.file);
        for (number, symbol) in symbols.iter().enumerate() {
            let own = listener.session.book(TopicId(u32::try_from(number).unwrap())).unwrap().book;
            let other = books.in_step(symbol).unwrap();
            for (own, other) in own.sides().into_iter().zip(other.sides()) {
                assert!(own.levels().take(10).eq(other.levels().take(10)), "{}: {symbol}", recording.file);
            }
            let rows = rows(&listener, u32::try_from(number).unwrap());
            assert!(rows.len() > 100 && rows[0].is_snapshot, "{}: {symbol}", recording.file);
            assert!(rows.is_sorted_by_key(|row| (row.ord, row.ts)), "{}: {symbol}", recording.file);
        }
    }
}
