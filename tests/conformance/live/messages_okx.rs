//! Requests of sessions of OKX, answers to them, and what tells its time.

use std::time::Duration;

use dccd::exchange::live::{BrokenReason, Event, NotOffered, Topic, TopicId};
use dccd::exchange::{Contract, Decimal, Instrument};
use dccd::model::{Micros, Series};

use super::listener::{Listener, live_of, topic};
use super::messages::{SECOND, granted, refused, some, unsent};
use super::written::{BEGIN, candle_frame, okx_trade};

const TRADES: &str = "okx/BTC-USDT/trades";

#[test]
fn okx_is_asked_for_everything_of_a_line_at_once_and_grants_each_channel_by_itself() {
    let mut listener = unsent(&[TRADES, "okx/BTC-USDT/ohlc/1d", "okx/NO-USDT_PERP/trades"]);
    listener.session.opened(listener.now);
    let (trades, days, none) = (
        r#"{"channel":"trades-all","instId":"BTC-USDT"}"#,
        r#"{"channel":"candle1Dutc","instId":"BTC-USDT"}"#,
        r#"{"channel":"trades-all","instId":"NO-USDT-SWAP"}"#,
    );
    let asked = format!(r#"{{"id":"1","op":"subscribe","args":[{trades},{days},{none}]}}"#);
    assert_eq!(listener.send(), [asked]);
    for arg in [days, trades] {
        listener.read(&format!(r#"{{"id":"1","event":"subscribe","arg":{arg},"connId":"a4d3ae55"}}"#));
    }
    let words =
        "Wrong URL or channel:trades-all,instId:NO-USDT-SWAP doesn't exist. Please use the correct URL.";
    listener.read(&format!(r#"{{"id":"1","event":"error","code":"60018","msg":"{words}","connId":"a"}}"#));
    assert_eq!(granted(&listener), [1, 0]);
    assert_eq!(refused(&listener), [(2, &*format!("{words} (code 60018)"))]);
    assert_eq!(listener.received.events.len(), 3);

    listener.session.leave(TopicId(1));
    assert_eq!(listener.send(), [format!(r#"{{"id":"2","op":"unsubscribe","args":[{days}]}}"#)]);
    listener.read(&format!(r#"{{"event":"unsubscribe","arg":{days},"connId":"a4d3ae55"}}"#));
    assert_eq!(listener.received.events.len(), 3);
}

#[test]
fn a_refusal_of_okx_that_names_no_channel_costs_the_one_topic_of_its_message() {
    let mut listener = unsent(&[TRADES, "okx/NO-USDT/trades"]);
    listener.session.opened(listener.now);
    let mut bad = 0;
    while listener.session.topics().pending > 0 {
        for text in listener.send() {
            let id = text.split('"').nth(3).unwrap();
            if text.contains("NO-USDT") {
                bad += 1;
                let error = r#"{"id":"ID","event":"error","code":"60012","msg":"Invalid request"}"#;
                listener.read(&error.replace("ID", id));
            } else {
                let arg = r#"{"channel":"trades-all","instId":"BTC-USDT"}"#;
                listener.read(&format!(r#"{{"event":"subscribe","arg":{arg}}}"#));
            }
        }
        listener.pass(Duration::from_millis(100));
    }
    assert_eq!((granted(&listener), bad), (vec![0], 2));
    assert_eq!(refused(&listener), [(1, "Invalid request (code 60012)")]);
}

#[test]
fn okx_is_sent_a_ping_where_nothing_tells_its_time_and_one_that_does_not_answer_is_broken() {
    let mut listener = Listener::of(&[TRADES], BEGIN);
    listener.pass(5 * SECOND);
    assert_eq!(listener.send(), ["ping"]);
    listener.read("pong");
    assert_eq!((listener.session.heard(), listener.received.is_empty()), (None, true), "it tells no time");
    listener.read(&okx_trade("BTC-USDT", &some("okx", 1)[0]));
    listener.pass(4 * SECOND);
    assert_eq!(listener.send(), [""; 0]);
    listener.pass(SECOND);
    assert_eq!(listener.send(), ["ping"]);
    listener.received.clear();
    listener.pass(15 * SECOND);
    listener.tick();
    let is_silent = |event: &Event| matches!(event, Event::Broken { reason: BrokenReason::Silent, .. });
    assert!(listener.received.events.iter().any(is_silent), "{:?}", listener.received.events);
}

#[test]
fn okx_is_asked_480_times_an_hour_over_a_connection_and_pinged_whenever_it_is_time() {
    let mut listener = Listener::of(&[TRADES], BEGIN);
    let series: Series = TRADES.parse().unwrap();
    let (mut asked, mut pings) = (1, 0);
    let begin = listener.now.elapsed;
    while listener.now.elapsed < begin + 3_590 * SECOND {
        listener.session.leave(TopicId(0));
        listener.session.want(topic(0, &series, None)).unwrap();
        for text in listener.send() {
            if text == "ping" {
                pings += 1;
                listener.read("pong");
            } else {
                asked += 1;
                listener.read(
                    r#"{"event":"subscribe","arg":{"channel":"trades-all","instId":"BTC-USDT"},"connId":"a"}"#,
                );
            }
        }
        listener.received.clear();
        listener.pass(SECOND);
    }
    assert!(asked == 480 && pings > 500, "{asked} and {pings}");
    let wakes = listener.session.wakes().unwrap();
    assert!(wakes <= listener.now.elapsed + 5 * SECOND, "for the next ping");
    listener.pass(20 * SECOND);
    assert!(listener.send().iter().any(|text| text.contains("subscribe")));
}

#[test]
fn okx_tells_that_it_will_close_a_connection_and_that_it_had_too_many_requests() {
    let mut listener = unsent(&[TRADES]);
    listener.session.opened(listener.now);
    listener.read(r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#);
    let words = "The connection will soon be closed for a service upgrade. Please reconnect. (code 64008)";
    assert_eq!(listener.received.events, [Event::Notice { words: words.to_owned() }]);
    listener.received.clear();
    listener.read(r#"{"event":"error","code":"60014","msg":"Requests too frequent","connId":"a4d3ae55"}"#);
    let words = "Requests too frequent (code 60014)".to_owned();
    assert_eq!(listener.received.events, [Event::Complaint { words }]);
    assert_eq!(listener.send(), [""; 0]);
    listener.pass(10 * SECOND);
    assert!(listener.send()[0].contains("subscribe"));

    listener.received.clear();
    for frame in [
        r#"{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"a4d3ae55"}"#,
        r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"count":"3"}]}"#,
        r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{}]}"#,
        r#"{"arg":{"channel":"candle2D","instId":"BTC-USDT"},"data":[[]]}"#,
        r#"{"arg":{"channel":"mark-price-candle1m","instId":"BTC-USDT"},"data":[[]]}"#,
    ] {
        listener.read(frame);
    }
    listener.read(r#"{"arg":{"channel":"something-new","instId":"BTC-USDT"},"data":[[]]}"#);
    let counts = listener.received.counts;
    assert_eq!((counts.unasked, counts.unknown), (5, 1));
    assert!(listener.received.is_empty());
}

#[test]
fn trades_of_okx_begin_at_no_candle_whose_opening_is_before_they_were_granted() {
    let mut listener = Listener::of(&[TRADES, "okx/BTC-USDT/ohlc/1m"], BEGIN + 50 * SECOND);
    for channel in ["trades-all", "candle1m"] {
        let arg = format!(r#"{{"channel":"{channel}","instId":"BTC-USDT"}}"#);
        listener.read(&format!(r#"{{"event":"subscribe","arg":{arg},"connId":"a4d3ae55"}}"#));
    }
    listener.read(&candle_frame("okx", "BTC-USDT", 0, 3, false).1);
    listener.tick();
    assert_eq!(listener.session.heard(), Some(BEGIN));
    listener.pass(12 * SECOND);
    listener.read(&candle_frame("okx", "BTC-USDT", 0, 3, true).1);
    listener.tick();
    assert_eq!(listener.covered(0), None, "nothing told what was traded");

    let mut trade = some("okx", 1).remove(0);
    trade.ts = BEGIN + 62 * SECOND;
    listener.read(&okx_trade("BTC-USDT", &trade));
    listener.tick();
    listener.pass(8 * SECOND);
    (trade.id, trade.ts) = (trade.id + 1, BEGIN + 70 * SECOND);
    listener.read(&okx_trade("BTC-USDT", &trade));
    let from = listener.covered(0).unwrap().from;
    assert!(from >= BEGIN + 62 * SECOND, "covered from {from} on");
}

#[test]
fn a_candle_of_okx_tells_that_its_end_is_past_once_it_is_closed_and_a_minute_left_out_is_missing() {
    let mut listener = Listener::of(&["okx/BTC-USDT/ohlc/1m"], BEGIN + 200 * SECOND);
    let read = |listener: &mut Listener, minute: i64, is_closed| {
        listener.read(&candle_frame("okx", "BTC-USDT", minute, 3, is_closed).1);
        listener.tick();
    };
    read(&mut listener, 0, false);
    assert_eq!((listener.session.heard(), listener.rows(0)), (Some(BEGIN), vec![]));
    read(&mut listener, 0, true);
    assert_eq!((listener.session.heard(), listener.rows(0).len()), (Some(BEGIN + 60 * SECOND), 1));
    assert_eq!(listener.covered(0).unwrap().until, BEGIN + 60 * SECOND);
    read(&mut listener, 2, false);
    let window = listener.holes(0)[0].window;
    assert_eq!((window.from, window.until), (BEGIN + 60 * SECOND, BEGIN + 120 * SECOND));
    read(&mut listener, 2, true);
    assert_eq!((listener.rows(0).len(), listener.holes(0).len()), (2, 1));
}

#[test]
fn contracts_of_okx_are_counted_by_what_one_is_and_not_listened_to_where_that_is_not_known() {
    let live = live_of("okx");
    let series: Series = "okx/BTC-USD_QUARTER/trades".parse().unwrap();
    let listen = |contract| {
        let mut session = live.session(live.offer_for(&series).unwrap().line);
        let instrument = Instrument { contract, ..Instrument::named("BTC-USD-250926".to_owned()) };
        let wanted = session.want(Topic { instrument: instrument.into(), ..topic(0, &series, None) });
        wanted.map(|()| session)
    };
    let symbol = "BTC-USD-250926".to_owned();
    assert_eq!(listen(None).err(), Some(NotOffered::Sizeless { symbol }));
    let mut listener = Listener::of(&[TRADES], BEGIN);
    listener.session = listen(Some(Contract::Quote(Decimal::whole(100)))).unwrap();
    let trade = super::written::Written {
        id: 1,
        ts: Micros(BEGIN.0 - 1_000_000),
        price: "50000".to_owned(),
        amount: "25".to_owned(),
        is_buy: true,
    };
    listener.read(&okx_trade("BTC-USD-250926", &trade));
    let [super::listener::Row::Trade { amount, .. }] = listener.rows(0)[..] else { panic!("no trade") };
    assert_eq!(amount, 0.05);
}

#[test]
fn one_trade_of_okx_that_cannot_be_true_or_is_of_another_instrument_costs_no_other() {
    let all = some("okx", 3);
    let row = |frame: &str| {
        let (_, rows) = frame.split_once("\"data\":[").unwrap();
        rows.strip_suffix("]}").unwrap().to_owned()
    };
    let (first, last) = (row(&okx_trade("BTC-USDT", &all[0])), row(&okx_trade("BTC-USDT", &all[2])));
    let middle = row(&okx_trade("BTC-USDT", &all[1]));
    for (bad, is_odd) in [
        (middle.replace(&all[1].price, "0"), true),
        (middle.replace("\"side\":\"", "\"side\":\"x"), true),
        (middle.replace("\"instId\":\"BTC-USDT\"", "\"instId\":\"ETH-USDT\""), false),
    ] {
        let mut listener = Listener::of(&[TRADES], BEGIN + 60 * SECOND);
        listener.read(&format!(
            r#"{{"arg":{{"channel":"trades-all","instId":"BTC-USDT"}},"data":[{first},{bad},{last}]}}"#
        ));
        let faults = listener.faults();
        assert_eq!((faults.len(), matches!(faults[0], Event::Odd { .. })), (1, is_odd), "{bad}: {faults:?}");
        assert_eq!((listener.rows(0).len(), listener.holes(0).len()), (2, 1), "{bad}");
    }
}
