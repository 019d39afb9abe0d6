//! Requests of sessions of Bybit, and answers to them.

use std::time::Duration;

use dccd::exchange::live::{Event, NotOffered, Topic, TopicId};
use dccd::exchange::{Contract, Decimal, Instrument};
use dccd::model::{Micros, Series};

use super::listener::{Listener, Row, live_of, topic};
use super::messages::{SECOND, granted, refused, some, unsent};
use super::written::{BEGIN, Written, bybit_trade, candle_frame};

const TRADES: &str = "bybit/BTC-USDT/trades";

fn done(id: &str) -> String {
    format!(
        r#"{{"success":true,"ret_msg":"subscribe","conn_id":"1764937c","req_id":"{id}","op":"subscribe"}}"#
    )
}

/// The number of a request.
fn id_of_request(text: &str) -> &str {
    text.split('"').nth(3).unwrap()
}

#[test]
fn bybit_is_asked_for_ten_topics_a_message_on_spot_markets_and_grants_them_together() {
    let pairs: Vec<String> = (0..12).map(|number| format!("bybit/A{number}-USDT/trades")).collect();
    let mut listener = unsent(&pairs.iter().map(String::as_str).collect::<Vec<_>>());
    listener.session.opened(listener.now);
    let sent = listener.send();
    let args: Vec<usize> = sent.iter().map(|text| text.matches("publicTrade").count()).collect();
    assert_eq!(args, [10, 2]);
    listener.read(&done(id_of_request(&sent[1])));
    assert_eq!(granted(&listener), [10, 11]);
    // An answer without a number is that to the oldest.
    listener.read(r#"{"success":true,"ret_msg":"subscribe","conn_id":"1764937c","op":"subscribe"}"#);
    assert_eq!(granted(&listener).len(), 12);

    let perps: Vec<String> = (0..12).map(|number| format!("bybit/A{number}-USDT_PERP/trades")).collect();
    let mut listener = unsent(&perps.iter().map(String::as_str).collect::<Vec<_>>());
    listener.session.opened(listener.now);
    assert_eq!(listener.send().len(), 1);
}

#[test]
fn bybit_is_asked_by_the_names_of_its_topics() {
    let mut listener = unsent(&[TRADES, "bybit/BTC-USDT/ohlc/1d", "bybit/ETH-USDT/orderbook"]);
    listener.session.opened(listener.now);
    let names = r#"["publicTrade.BTCUSDT","kline.D.BTCUSDT","orderbook.50.ETHUSDT"]"#;
    assert_eq!(listener.send(), [format!(r#"{{"req_id":"1","op":"subscribe","args":{names}}}"#)]);
    listener.read(&done("1"));
    assert_eq!(granted(&listener), [0, 1, 2]);
    listener.session.leave(TopicId(1));
    let left = r#"{"req_id":"2","op":"unsubscribe","args":["kline.D.BTCUSDT"]}"#;
    assert_eq!(listener.send(), [left]);
    listener.read(r#"{"success":true,"ret_msg":"","conn_id":"1764937c","req_id":"2","op":"unsubscribe"}"#);
    assert_eq!(listener.received.events.len(), 3);
}

#[test]
fn a_topic_that_bybit_refuses_is_refused_alone_and_the_others_of_its_message_are_asked_for_again() {
    let mut listener = unsent(&[TRADES, "bybit/NO-USDT/trades", "bybit/ETH-USDT/trades"]);
    listener.session.opened(listener.now);
    listener.send();
    let words = "error:handler not found,topic:publicTrade.NOUSDT";
    let refusal = |words: &str, id: &str| {
        format!(
            r#"{{"success":false,"ret_msg":"{words}","conn_id":"1764937c","req_id":"{id}","op":"subscribe"}}"#
        )
    };
    listener.read(&refusal(words, "1"));
    assert_eq!(refused(&listener), [(1, words)]);
    let again = r#"{"req_id":"2","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.ETHUSDT"]}"#;
    assert_eq!(listener.send(), [again]);
    // A topic that it sends already is granted.
    listener.read(&refusal("error:already subscribed,topic:publicTrade.BTCUSDT", "2"));
    assert_eq!(granted(&listener), [0]);
    listener.pass(10 * SECOND);
    listener.tick();
    let asked = listener.send();
    assert!(asked[0].contains(r#"["publicTrade.ETHUSDT"]"#), "{asked:?}");
    listener.read(&done(id_of_request(&asked[0])));
    assert_eq!(listener.session.topics().live, 2);
}

#[test]
fn bybit_is_sent_a_ping_where_nothing_tells_its_time_and_answers_in_one_of_two_forms() {
    for pong in [
        r#"{"success":true,"ret_msg":"pong","conn_id":"0970e817","req_id":"","op":"ping"}"#,
        r#"{"req_id":"2","op":"pong","args":["1750000020000"],"conn_id":"bcf59bc7"}"#,
    ] {
        let mut listener = Listener::of(&[TRADES], BEGIN);
        listener.pass(5 * SECOND);
        assert_eq!(listener.send(), [r#"{"req_id":"2","op":"ping"}"#]);
        listener.read(pong);
        listener.pass(Duration::from_secs(4));
        listener.tick();
        assert_eq!((listener.received.events.len(), listener.send()), (0, vec![]), "{pong}");
    }
}

#[test]
fn trades_of_bybit_are_covered_by_its_time_alone() {
    let mut listener = Listener::of(&[TRADES], BEGIN);
    let all = some("bybit", 2);
    listener.read(&bybit_trade("BTCUSDT", &all[0]));
    listener.tick();
    assert_eq!(listener.covered(0), None);
    listener.pass(60 * SECOND);
    let quiet = candle_frame("bybit", "BTCUSDT", 1, 0, false).1;
    listener.read(&quiet);
    assert_eq!((listener.received.counts.unasked, listener.covered(0)), (1, None), "it was not asked for");
    let late = Written { ts: Micros(BEGIN.0 + 60_000_000), ..all[1].clone() };
    listener.read(&bybit_trade("BTCUSDT", &late));
    listener.tick();
    assert_eq!(listener.covered(0).unwrap().until, BEGIN + 55 * SECOND, "five seconds may be on their way");
    assert_eq!((listener.rows(0).len(), listener.session.newest(TopicId(0))), (2, None));
}

#[test]
fn inverse_contracts_have_a_line_of_their_own_and_are_counted_in_dollars() {
    let live = live_of("bybit");
    let [linear, inverse] = ["bybit/BTC-USDT_PERP/trades", "bybit/BTC-USD_PERP/trades"]
        .map(|text| text.parse::<Series>().unwrap());
    let lines = [&linear, &inverse].map(|series| live.offer_for(series).unwrap().line);
    assert_eq!(lines.map(|line| line.name), ["linear", "inverse"]);
    let wrong = live.session(lines[0]).want(topic(0, &inverse, None));
    assert!(matches!(wrong, Err(NotOffered::Unknown { line: "linear", .. })), "{wrong:?}");

    let mut listener = Listener::of(&["bybit/BTC-USDT_PERP/trades"], BEGIN);
    listener.session = live.session(lines[1]);
    listener.session.opened(listener.now);
    let of = |contract| {
        let instrument = Instrument { contract, ..Instrument::named("BTCUSD".to_owned()) };
        Topic { instrument: instrument.into(), ..topic(0, &inverse, None) }
    };
    let symbol = "BTCUSD".to_owned();
    assert_eq!(listener.session.want(of(None)), Err(NotOffered::Sizeless { symbol }));
    listener.session.want(of(Some(Contract::Quote(Decimal::ONE)))).unwrap();
    let trade =
        Written { price: "50000".to_owned(), amount: "2500".to_owned(), ..some("bybit", 1)[0].clone() };
    listener.read(&bybit_trade("BTCUSD", &trade));
    let [Row::Trade { amount, .. }] = listener.rows(0)[..] else { panic!("no trade") };
    assert_eq!(amount, 0.05);
}

#[test]
fn one_trade_of_bybit_that_cannot_be_true_or_is_of_another_symbol_costs_no_other() {
    let all = some("bybit", 3);
    let row = |trade: &Written| {
        let frame = bybit_trade("BTCUSDT", trade);
        frame.split_once("\"data\":[").unwrap().1.strip_suffix("]}").unwrap().to_owned()
    };
    let (first, last) = (row(&all[0]), row(&all[2]));
    for (bad, is_odd) in [
        (row(&Written { price: "0".to_owned(), ..all[1].clone() }), true),
        (row(&all[1]).replace("\"S\":\"", "\"S\":\"x"), true),
        (row(&all[1]).replace("BTCUSDT", "ETHUSDT"), false),
    ] {
        let mut listener = Listener::of(&[TRADES], BEGIN + 60 * SECOND);
        listener.read(&format!(
            r#"{{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1750000020000,"data":[{first},{bad},{last}]}}"#
        ));
        let faults = listener.faults();
        assert_eq!((faults.len(), matches!(faults[0], Event::Odd { .. })), (1, is_odd), "{bad}: {faults:?}");
        assert_eq!(listener.rows(0).len(), 2, "{bad}");
    }
    let mut listener = Listener::of(&[TRADES], BEGIN);
    listener.read(r#"{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{}}"#);
    listener.read(r#"{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1,"data":{}}"#);
    listener.read(r#"{"topic":"something.new","type":"delta","ts":1,"data":{}}"#);
    assert_eq!((listener.received.counts.unasked, listener.received.counts.unknown), (2, 1));
    assert!(listener.received.is_empty());
}
