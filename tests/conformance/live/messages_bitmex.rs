//! Requests of sessions of BitMEX, answers to them, and what its images say.

use std::time::Duration;

use dccd::exchange::live::{BrokenReason, Event, TopicId};
use dccd::model::{Micros, Window};

use super::listener::Listener;
use super::messages::{SECOND, granted, refused, some, unsent};
use super::written::{BEGIN, Written, bitmex_trade, candle_frame};

#[test]
fn bitmex_is_asked_by_table_and_symbol_and_grants_topic_by_topic() {
    let mut listener = unsent(&["bitmex/BTC-USD_PERP/trades", "bitmex/BTC-USDT/ohlc/5m"]);
    listener.session.opened(listener.now);
    let asked = r#"{"op":"subscribe","args":["trade:XBTUSD","tradeBin5m:XBT_USDT"]}"#;
    assert_eq!(listener.send(), [asked]);
    listener.read(&format!(r#"{{"success":true,"subscribe":"tradeBin5m:XBT_USDT","request":{asked}}}"#));
    assert_eq!(granted(&listener), [1]);
    listener.read(&format!(r#"{{"success":true,"subscribe":"trade:XBTUSD","request":{asked}}}"#));
    assert_eq!((granted(&listener), listener.received.events.len()), (vec![1, 0], 2));
    listener.session.leave(TopicId(1));
    assert_eq!(listener.send(), [r#"{"op":"unsubscribe","args":["tradeBin5m:XBT_USDT"]}"#]);
}

#[test]
fn a_message_that_bitmex_refuses_is_sent_again_in_halves_until_the_bad_topic_stands_alone() {
    let pairs: Vec<String> = (0..40).map(|number| format!("bitmex/A{number}-USDT_PERP/trades")).collect();
    let mut listener = unsent(&pairs.iter().map(String::as_str).collect::<Vec<_>>());
    listener.session.opened(listener.now);
    let begin = listener.now.elapsed;
    while listener.session.topics().pending > 0 {
        for text in listener.send() {
            if text.contains("\"trade:A7USDT\"") {
                let words = r#""status":400,"error":"Unknown or expired symbol.","meta":{}"#;
                listener.read(&format!(r#"{{{words},"request":{text}}}"#));
                continue;
            }
            for name in text.split('"').filter(|part| part.starts_with("trade:")) {
                listener.read(&format!(r#"{{"success":true,"subscribe":"{name}","request":{text}}}"#));
            }
        }
        listener.pass(Duration::from_millis(10));
    }
    assert_eq!(refused(&listener), [(7, "Unknown or expired symbol.")]);
    assert_eq!((granted(&listener).len(), listener.session.topics().live), (39, 39));
    assert!(listener.now.elapsed - begin < 10 * SECOND);
}

#[test]
fn bitmex_that_sends_a_topic_already_grants_it_and_one_that_had_too_many_messages_is_sent_none() {
    let mut listener = unsent(&["bitmex/BTC-USD_PERP/trades", "bitmex/ETH-USD_PERP/trades"]);
    listener.session.opened(listener.now);
    let asked = listener.send().concat();
    let error = |status: u16, words: &str| {
        format!(r#"{{"status":{status},"error":"{words}","meta":{{}},"request":{asked}}}"#)
    };
    listener.read(&error(400, "You are already subscribed to this topic: trade:ETHUSD"));
    assert_eq!((granted(&listener), refused(&listener)), (vec![1], vec![]));
    listener.read(&error(429, "Rate limit exceeded, retry in 3 seconds."));
    listener.pass(9 * SECOND);
    listener.tick();
    assert_eq!(listener.send(), [""; 0]);
    listener.pass(2 * SECOND);
    listener.tick();
    assert_eq!(listener.send(), [r#"{"op":"subscribe","args":["trade:XBTUSD"]}"#, "ping"]);
}

#[test]
fn bitmex_is_sent_a_word_after_five_seconds_of_quiet_and_a_silent_one_is_broken() {
    let mut listener = Listener::of(&["bitmex/BTC-USD_PERP/trades"], BEGIN);
    listener.pass(5 * SECOND);
    assert_eq!(listener.send(), ["ping"]);
    listener.read("pong");
    assert_eq!((listener.received.events.len(), listener.received.counts.unknown), (0, 0));
    listener.read(&bitmex_trade("XBTUSD", &Written { ts: listener.now.at, ..some("bitmex", 1)[0].clone() }));
    listener.pass(4 * SECOND);
    assert_eq!(listener.send(), [""; 0], "a trade told the time");
    listener.pass(SECOND);
    assert_eq!(listener.send(), ["ping"]);
    listener.pass(15 * SECOND);
    listener.tick();
    let is_silent = |event: &Event| matches!(event, Event::Broken { reason: BrokenReason::Silent, .. });
    assert!(listener.received.events.iter().any(is_silent), "{:?}", listener.received.events);
}

#[test]
fn trades_of_bitmex_are_covered_from_the_one_that_was_its_newest_and_no_image_tells_the_time() {
    let mut listener = Listener::of(
        &["bitmex/BTC-USD_PERP/trades", "bitmex/ETH-USD_PERP/trades", "bitmex/BTC-USD_PERP/ohlc/1m"],
        BEGIN,
    );
    let long_ago = BEGIN - 600 * SECOND;
    let trade =
        |symbol: &str, ts: Micros| bitmex_trade(symbol, &Written { ts, ..some("bitmex", 1)[0].clone() });
    let image = |frame: String| frame.replace("insert", "partial");
    listener.read(&image(trade("XBTUSD", long_ago)));
    listener.read(&image(trade("ETHUSD", BEGIN - 20 * SECOND)));
    listener.read(&image(candle_frame("bitmex", "XBTUSD", -1, 3, true).1));
    listener.tick();
    assert_eq!((listener.session.heard(), listener.covered(0)), (None, None));
    assert_eq!((listener.rows(0).len(), listener.rows(1).len(), listener.rows(2).len()), (1, 1, 1));

    listener.pass(30 * SECOND);
    listener.read(&trade("ETHUSD", BEGIN + 29 * SECOND));
    listener.tick();
    let until = BEGIN + 19 * SECOND;
    let behind = |ts: Micros| Window::new(ts + Duration::from_micros(1), until);
    assert_eq!(listener.covered(0), behind(long_ago), "none came since");
    assert_eq!(listener.covered(1), behind(BEGIN - 20 * SECOND));
    assert_eq!(listener.covered(2), Window::new(BEGIN - 60 * SECOND, BEGIN));
}
