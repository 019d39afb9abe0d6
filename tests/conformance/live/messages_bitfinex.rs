//! Requests of sessions of Bitfinex, answers to them, and the numbers of its frames.

use std::time::Duration;

use dccd::exchange::live::{BookFault, BookWish, BrokenReason, Event, HoleReason, TopicId};
use dccd::model::{Micros, Window};

use super::book_sessions;
use super::listener::Listener;
use super::messages::{SECOND, granted, refused, some, unsent};
use super::written::{BEGIN, Written, bitfinex_begins, bitfinex_trade};

const TRADES: &str = "bitfinex/BTC-USD/trades";
const CONF: &str = r#"{"event":"conf","flags":229376}"#;

fn subscribe(what: &str) -> String {
    format!(r#"{{"event":"subscribe",{what}}}"#)
}

/// Everything it sends within a while.
fn sent(listener: &mut Listener, within: Duration) -> Vec<String> {
    let until = listener.now.elapsed + within;
    let mut all = listener.send();
    while listener.now.elapsed < until {
        listener.pass(Duration::from_millis(100));
        all.extend(listener.send());
    }
    all
}

#[test]
fn bitfinex_is_told_to_number_its_frames_and_then_asked_channel_by_channel() {
    let mut listener = unsent(&[TRADES, "bitfinex/DOGE-USDT/ohlc/1h", "bitfinex/BTC-USD/orderbook"]);
    listener.session.opened(listener.now);
    let trades = r#""channel":"trades","symbol":"tBTCUSD""#;
    let candles = r#""channel":"candles","key":"trade:1h:tDOGE:UST""#;
    let book = r#""channel":"book","symbol":"tBTCUSD","prec":"P0","freq":"F0","len":"100""#;
    let asked = [CONF.to_owned(), subscribe(trades), subscribe(candles), subscribe(book)];
    assert_eq!(listener.send(), asked);
    listener.read(r#"{"event":"conf","status":"OK","flags":229376}"#);
    let refusal = r#"{"event":"error","msg":"symbol: invalid","code":10300,"channel":"candles","key":"trade:1h:tDOGE:UST"}"#;
    listener.read(&format!(r#"{{"event":"subscribed","chanId":5,{book},"pair":"BTCUSD"}}"#));
    listener.read(refusal);
    listener.read(&format!(r#"{{"event":"subscribed","chanId":9,{trades},"pair":"BTCUSD"}}"#));
    assert_eq!(
        (granted(&listener), refused(&listener)),
        (vec![2, 0], vec![(1, "symbol: invalid (code 10300)")])
    );
    listener.session.leave(TopicId(0));
    assert_eq!(listener.send(), [r#"{"event":"unsubscribe","chanId":9}"#]);
    listener.read(r#"{"event":"unsubscribed","status":"OK","chanId":9}"#);
    assert_eq!((listener.received.events.len(), listener.faults().len()), (3, 0));
}

#[test]
fn bitfinex_is_asked_for_25_channels_at_most_and_not_faster_than_the_line_bears() {
    let pairs: Vec<String> = (0..25).map(|number| format!("bitfinex/A{number:02}-USD/trades")).collect();
    let mut listener = unsent(&pairs.iter().map(String::as_str).collect::<Vec<_>>());
    listener.session.opened(listener.now);
    assert_eq!(sent(&mut listener, SECOND).len(), 25, "the flags and all of them but one");
    let asked = sent(&mut listener, 3 * SECOND);
    assert_eq!(asked.iter().filter(|text| text.contains("subscribe")).count(), 1);
    let more = "bitfinex/ZZZ-USD/trades".parse().unwrap();
    let full = listener.session.want(super::listener::topic(99, &more, None)).unwrap_err().to_string();
    assert!(full.contains("25 topics"), "{full}");
}

#[test]
fn bitfinex_tells_maintenance_and_that_it_will_close_and_a_ping_asks_for_its_time() {
    let mut listener = Listener::of(&[TRADES], BEGIN);
    listener.read(r#"{"event":"info","version":2,"serverId":"083bd8d4","platform":{"status":0}}"#);
    listener.read(r#"{"event":"info","code":20060,"msg":"Maintenance begins"}"#);
    listener.read(r#"{"event":"info","code":20061,"msg":"Maintenance is over"}"#);
    listener.read(r#"{"event":"info","code":20051,"msg":"Please reconnect"}"#);
    let told: Vec<&str> = listener
        .received
        .events
        .iter()
        .map(|event| match event {
            Event::Trading { is_on: false, .. } => "off",
            Event::Trading { is_on: true, .. } => "on",
            Event::Notice { .. } => "notice",
            _ => "other",
        })
        .collect();
    assert_eq!(told, ["off", "off", "on", "notice", "notice"]);
    listener.received.clear();
    listener.pass(5 * SECOND);
    let [ping] = &listener.send()[..] else { panic!("one message") };
    assert!(ping.starts_with(r#"{"event":"ping","cid":"#), "{ping}");
    listener.read(&format!(r#"{{"event":"pong","ts":{},"cid":2}}"#, BEGIN.millis_floor() + 4_900));
    assert_eq!(listener.session.heard(), Some(BEGIN + Duration::from_millis(4_900)));
    listener.pass(6 * SECOND);
    listener.send();
    listener.pass(15 * SECOND);
    listener.tick();
    let is_silent = |event: &Event| matches!(event, Event::Broken { reason: BrokenReason::Silent, .. });
    assert!(listener.received.events.iter().any(is_silent), "{:?}", listener.received.events);
}

#[test]
fn a_frame_that_is_left_out_casts_doubt_on_every_channel_and_one_that_comes_twice_is_one() {
    let all = some("bitfinex", 3);
    let late = |place: usize, secs: u64| {
        let ts = Micros(BEGIN.0 + i64::try_from(secs).unwrap() * 1_000_000);
        Written { ts, ..all[place].clone() }
    };
    let mut listener = Listener::of(&[TRADES], BEGIN + 60 * SECOND);
    bitfinex_begins("tBTCUSD").iter().for_each(|frame| listener.read(frame));
    listener.read(&format!("[17,[[1,{},1,2]],1,{}]", BEGIN.millis_floor(), BEGIN.millis_floor()));
    listener.read(&bitfinex_trade(2, &late(0, 20)));
    listener.read(&bitfinex_trade(2, &late(0, 20)));
    listener.tick();
    assert_eq!((listener.rows(0).len(), listener.holes(0)), (2, vec![]));
    let behind = BEGIN + Duration::from_micros(1);
    assert_eq!(listener.covered(0), Window::new(behind, BEGIN + 10 * SECOND));

    // Another channel's frame shows it as well.
    let millis = BEGIN.millis_floor() + 21_000;
    listener.read(&format!("[99,\"hb\",4,{millis}]"));
    listener.tick();
    assert_eq!(listener.covered(0), Window::new(behind, BEGIN + 10 * SECOND), "up to the last that is sure");
    listener.read(&bitfinex_trade(5, &late(2, 45)));
    listener.tick();
    let hole = listener.holes(0)[0];
    assert_eq!((hole.ids, hole.reason), (None, HoleReason::Doubtful));
    assert_eq!(hole.window, Window::new(BEGIN + 10 * SECOND, BEGIN + 41 * SECOND).unwrap());
    assert_eq!(listener.covered(0), Window::new(behind, BEGIN + 35 * SECOND));
}

#[test]
fn a_book_of_bitfinex_falls_out_of_step_by_a_number_left_out_and_by_a_wrong_checksum() {
    let wish = BookWish { depth: 25, every: SECOND, deltas: true };
    let begin = || {
        let mut listener = book_sessions::listener(&["bitfinex/BTC-USD/orderbook"], wish, BEGIN + SECOND);
        listener.send();
        listener.read(r#"{"event":"conf","status":"OK","flags":229376}"#);
        listener
            .read(r#"{"event":"subscribed","channel":"book","chanId":17,"symbol":"tBTCUSD","prec":"P0"}"#);
        listener.read(&format!("[17,[[99,1,2],[101,1,-2]],1,{}]", BEGIN.millis_floor()));
        assert!(matches!(book_sessions::book_events(&mut listener)[..], [Event::InStep { at: BEGIN, .. }]));
        listener
    };
    let sum = crc32fast::hash(b"99:2:101:-2").cast_signed();
    for (frame, fault) in [
        (format!("[17,\"cs\",{},2,{}]", sum, BEGIN.millis_floor()), None),
        (
            format!("[17,\"cs\",{},2,{}]", sum.wrapping_add(1), BEGIN.millis_floor()),
            Some(BookFault::Checksum),
        ),
        (format!("[17,[98,1,1],3,{}]", BEGIN.millis_floor()), Some(BookFault::Sequence)),
    ] {
        let mut listener = begin();
        listener.read(&frame);
        let told = book_sessions::book_events(&mut listener).first().map(|event| match event {
            Event::OutOfStep { fault, .. } => *fault,
            other => panic!("{other:?}"),
        });
        assert_eq!(told, fault, "{frame}");
    }
}
