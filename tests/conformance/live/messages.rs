//! Requests of sessions, answers to them, and rows that cannot be true.

use std::time::Duration;

use dccd::exchange::Instrument;
use dccd::exchange::live::{BrokenReason, Event, HoleReason, NotOffered, Topic, TopicId};
use dccd::model::{Micros, OddFault, Series};

use super::listener::{Listener, live_of, topic};
use super::written::{
    BEGIN, Dice, Written, binance_aggregate, bitmex_trade, coinbase_match, futures_trade, kraken_trades,
    trades,
};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A session that has sent nothing yet.
pub(super) fn unsent(series: &[&str]) -> Listener {
    let mut listener = Listener::of(&series[..1], BEGIN);
    let all: Vec<Series> = series.iter().map(|text| text.parse().unwrap()).collect();
    let live = live_of(all[0].exchange());
    listener.session = live.session(live.offer_for(&all[0]).unwrap().line);
    for (number, series) in all.iter().enumerate() {
        listener.session.want(topic(number, series, None)).unwrap();
    }
    listener.series = all;
    listener
}

pub(super) fn granted(listener: &Listener) -> Vec<u32> {
    let own = |event: &Event| match event {
        Event::Acknowledged { topic } => Some(topic.0),
        _ => None,
    };
    listener.received.events.iter().filter_map(own).collect()
}

pub(super) fn refused(listener: &Listener) -> Vec<(u32, &str)> {
    let own = |event: &'_ Event| match event {
        Event::Refused { topic, .. } => Some(topic.0),
        _ => None,
    };
    let words = |event: &'_ Event| match event {
        Event::Refused { words, .. } => words.clone(),
        _ => String::new(),
    };
    let events = listener.received.events.iter();
    events.filter_map(|event| Some((own(event)?, &*String::leak(words(event))))).collect()
}

/// So many trades in a row.
pub(super) fn some(exchange: &str, count: u64) -> Vec<Written> {
    trades(exchange, count, &mut Dice(7))
}

#[test]
fn nothing_is_sent_before_the_connection_is_open() {
    let mut listener = unsent(&["binance/BTC-USDT/trades"]);
    assert_eq!((listener.send(), listener.session.wakes()), (vec![], None));
    listener.session.opened(listener.now);
    assert!(listener.session.wakes().is_some_and(|at| at <= listener.now.elapsed));
    assert_eq!(listener.send().len(), 1);
}

#[test]
fn binance_is_asked_for_streams_by_the_contracts_own_name_and_grants_a_message_as_a_whole() {
    let mut listener =
        unsent(&["binance/BTC-USDT/trades", "binance/BTC-USDT/ohlc/1mo", "binance/ETH-BTC/ohlc/1m"]);
    listener.session.opened(listener.now);
    let asked =
        r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@kline_1M","ethbtc@kline_1m"],"id":1}"#;
    assert_eq!(listener.send(), [asked]);
    listener.read(r#"{"result":null,"id":1}"#);
    assert_eq!((granted(&listener), listener.session.topics().live), (vec![0, 1, 2], 3));

    listener.session.leave(TopicId(1));
    assert_eq!(listener.send(), [r#"{"method":"UNSUBSCRIBE","params":["btcusdt@kline_1M"],"id":2}"#]);

    let live = live_of("binance");
    let series: Series = "binance/BTC-USDT_QUARTER/trades".parse().unwrap();
    let mut session = live.session(live.offer_for(&series).unwrap().line);
    let instrument = Instrument::named("BTCUSDT_250926".to_owned());
    session.want(Topic { instrument: instrument.into(), ..topic(0, &series, None) }).unwrap();
    session.opened(listener.now);
    let asked = r#"{"method":"SUBSCRIBE","params":["btcusdt_250926@aggTrade"],"id":1}"#;
    assert_eq!(session.send(listener.now).as_deref(), Some(asked));
}

#[test]
fn a_thousand_topics_are_asked_for_within_what_the_line_bears() {
    let pairs: Vec<String> = (0..1_000).map(|number| format!("binance/A{number}-USDT/trades")).collect();
    let mut listener = unsent(&pairs.iter().map(String::as_str).collect::<Vec<_>>());
    listener.session.opened(listener.now);
    let mut sent = Vec::new();
    while listener.session.topics().pending > 0 {
        for text in listener.send() {
            sent.push(listener.now.elapsed);
            let id = text.rsplit(':').next().unwrap();
            listener.read(&format!(r#"{{"result":null,"id":{id}"#));
        }
        listener.pass(Duration::from_millis(10));
    }
    let within = |from: &Duration| sent.iter().filter(|at| (*from..*from + SECOND).contains(*at)).count();
    assert!(sent.iter().map(within).max().unwrap() <= 4, "one of five is left for pongs");
    assert!(sent.len() == 10 && sent[9] - sent[0] < 5 * SECOND, "{sent:?}");
}

#[test]
fn one_stream_that_binance_refuses_costs_no_other() {
    let pairs: Vec<String> = (0..200).map(|number| format!("binance/A{number}-USDT/trades")).collect();
    let mut listener = unsent(&pairs.iter().map(String::as_str).collect::<Vec<_>>());
    listener.session.opened(listener.now);
    let begin = listener.now.elapsed;
    while listener.session.topics().pending > 0 {
        for text in listener.send() {
            let id = text.rsplit(':').next().unwrap().trim_end_matches('}').to_owned();
            let is_bad = text.contains("\"a77usdt@aggTrade\"");
            let error = r#"{"error":{"code":2,"msg":"Invalid request: unknown stream"},"id":ID}"#;
            let answer = if is_bad { error } else { r#"{"result":null,"id":ID}"# };
            listener.read(&answer.replace("ID", &id));
        }
        listener.pass(Duration::from_millis(10));
    }
    assert_eq!(refused(&listener), [(77, "Invalid request: unknown stream (code 2)")]);
    assert_eq!((granted(&listener).len(), listener.session.topics().live), (199, 199));
    assert!(listener.now.elapsed - begin < 10 * SECOND);
}

#[test]
fn kraken_is_asked_channel_by_channel_and_answers_symbol_by_symbol() {
    let mut listener = unsent(&["kraken/BTC-USD/trades", "kraken/BTC-USD/ohlc/1h", "kraken/DOGE-EUR/trades"]);
    listener.session.opened(listener.now);
    assert_eq!(
        listener.send(),
        [
            r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","DOGE/EUR"],"snapshot":true},"req_id":1}"#,
            r#"{"method":"subscribe","params":{"channel":"ohlc","interval":60,"symbol":["BTC/USD"],"snapshot":true},"req_id":2}"#,
        ]
    );
    listener.read(r#"{"method":"subscribe","req_id":1,"result":{"channel":"trade","symbol":"BTC/USD","snapshot":true},"success":true}"#);
    listener.read(r#"{"error":"Currency pair not supported DOGE/EUR","method":"subscribe","req_id":1,"success":false,"symbol":"DOGE/EUR"}"#);
    listener.read(r#"{"method":"subscribe","req_id":2,"result":{"channel":"ohlc","interval":60,"symbol":"BTC/USD","snapshot":true},"success":true}"#);
    assert_eq!(granted(&listener), [0, 1]);
    assert_eq!(refused(&listener), [(2, "Currency pair not supported DOGE/EUR")]);
    assert_eq!(listener.received.events.len(), 3);

    listener.session.leave(TopicId(1));
    let left = r#"{"method":"unsubscribe","params":{"channel":"ohlc","interval":60,"symbol":["BTC/USD"]},"req_id":3}"#;
    assert_eq!(listener.send(), [left]);
}

#[test]
fn kraken_is_asked_for_its_time_where_nothing_tells_it_and_a_silent_one_is_broken() {
    let mut listener = Listener::of(&["kraken/BTC-USD/trades"], BEGIN);
    listener.pass(5 * SECOND);
    assert_eq!(listener.send(), [r#"{"method":"ping","req_id":2}"#]);
    let at = BEGIN + Duration::from_millis(4_900);
    listener.read(&format!(r#"{{"method":"pong","req_id":2,"time_in":"{at}","time_out":"{at}"}}"#));
    assert_eq!(listener.session.heard(), Some(at));
    listener.pass(4 * SECOND);
    assert_eq!(listener.send(), [""; 0]);
    listener.pass(SECOND);
    assert_eq!(listener.send(), [r#"{"method":"ping","req_id":3}"#]);
    listener.received.clear();
    listener.pass(15 * SECOND);
    listener.tick();
    let is_silent = |event: &Event| matches!(event, Event::Broken { reason: BrokenReason::Silent, .. });
    assert!(listener.received.events.iter().any(is_silent), "{:?}", listener.received.events);
}

#[test]
fn kraken_that_had_too_many_messages_is_sent_none_for_a_while() {
    let mut listener = unsent(&["kraken/BTC-USD/trades"]);
    listener.session.opened(listener.now);
    listener.read(r#"{"Error":"Exceeded msg rate"}"#);
    let complaint = Event::Complaint { words: "Exceeded msg rate".to_owned() };
    assert_eq!(listener.received.events, [complaint]);
    assert_eq!(listener.send(), [""; 0]);
    listener.pass(10 * SECOND);
    assert!(listener.send()[0].contains("subscribe"));
}

#[test]
fn kraken_says_when_nothing_trades() {
    let mut listener = Listener::of(&["kraken/BTC-USD/trades"], BEGIN);
    for (word, is_on) in
        [("maintenance", false), ("cancel_only", false), ("post_only", false), ("online", true)]
    {
        listener.received.clear();
        listener.read(&format!(r#"{{"channel":"status","type":"update","data":[{{"system":"{word}"}}]}}"#));
        assert_eq!(listener.received.events, [Event::Trading { is_on, words: word.to_owned() }]);
    }
}

#[test]
fn a_snapshot_of_kraken_without_a_trade_is_one_and_data_that_is_no_array_is_not() {
    let mut listener = Listener::of(&["kraken/BTC-USD/trades"], BEGIN);
    listener.read(r#"{"channel":"trade","type":"snapshot","data":[]}"#);
    listener
        .read(r#"{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD"}],"pairs":[]}}"#);
    assert_eq!((listener.received.events.len(), listener.received.counts.unasked), (0, 2));
    for data in ["{}", "null", "[7]", "\"x\"", "[[]]"] {
        listener.received.clear();
        listener.read(&format!(r#"{{"channel":"trade","type":"update","data":{data}}}"#));
        assert!(!listener.faults().is_empty(), "{data}");
    }
}

#[test]
fn coinbase_is_asked_for_matches_with_heartbeats_and_a_refusal_that_names_a_product_costs_that_one() {
    let mut listener =
        unsent(&["coinbase/BTC-USD/trades", "coinbase/NO-USD/trades", "coinbase/ETH-USD/trades"]);
    listener.session.opened(listener.now);
    let ask = |products: &str| {
        format!(r#"{{"type":"subscribe","product_ids":[{products}],"channels":["matches","heartbeat"]}}"#)
    };
    assert_eq!(listener.send(), [ask(r#""BTC-USD","NO-USD","ETH-USD""#)]);
    listener
        .read(r#"{"type":"error","message":"Failed to subscribe","reason":"NO-USD is not a valid product"}"#);
    assert_eq!(refused(&listener), [(1, "Failed to subscribe NO-USD is not a valid product")]);
    assert_eq!(listener.send(), [ask(r#""BTC-USD","ETH-USD""#)]);
    listener.read(r#"{"type":"subscriptions","channels":[{"name":"heartbeat","product_ids":["NO-USD"]},{"name":"matches","product_ids":["BTC-USD","ETH-USD"]}]}"#);
    assert_eq!(granted(&listener), [0, 2]);
}

#[test]
fn trades_of_coinbase_begin_at_no_last_trade_of_another_product_however_old() {
    let mut listener =
        Listener::of(&["coinbase/BTC-USD/trades", "coinbase/ETH-USD/trades"], BEGIN + 3_600 * SECOND);
    listener.read(
        r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD","ETH-USD"]}]}"#,
    );
    let old = coinbase_match("ETH-USD", &some("coinbase", 1)[0]);
    listener.read(&old.replacen(r#""match""#, r#""last_match""#, 1));
    listener.tick();
    listener.pass(20 * SECOND);
    let beat = |at: Micros| {
        format!(
            r#"{{"type":"heartbeat","sequence":9,"last_trade_id":0,"product_id":"BTC-USD","time":"{at}"}}"#
        )
    };
    listener.read(&beat(BEGIN + 3_620 * SECOND));
    listener.tick();
    listener.pass(30 * SECOND);
    listener.read(&beat(BEGIN + 3_650 * SECOND));
    assert_eq!(listener.covered(0).unwrap().from, BEGIN + 3_625 * SECOND);
}

#[test]
fn a_heartbeat_of_coinbase_tells_the_time_and_which_trade_did_not_come() {
    let all = some("coinbase", 4);
    let mut listener = Listener::of(&["coinbase/BTC-USD/trades"], BEGIN);
    let beat = |id: u64, at: Micros| {
        format!(
            r#"{{"type":"heartbeat","sequence":9,"last_trade_id":{id},"product_id":"BTC-USD","time":"{at}"}}"#
        )
    };
    listener.read(&coinbase_match("BTC-USD", &all[0]));
    listener.pass(20 * SECOND);
    let at = BEGIN + 20 * SECOND;
    listener.read(&beat(0, at));
    assert_eq!((listener.holes(0), listener.session.heard()), (vec![], Some(at)), "zero is no number");
    assert_eq!(listener.covered(0).unwrap().until, BEGIN + 15 * SECOND);
    listener.read(&beat(all[0].id, at));
    assert_eq!(listener.holes(0), []);
    listener.read(&beat(all[2].id, at));
    let hole = listener.holes(0)[0];
    assert_eq!((hole.ids, hole.reason), (Some((all[1].id, all[2].id)), HoleReason::NotSent));
    all[1..].iter().for_each(|trade| listener.read(&coinbase_match("BTC-USD", trade)));
    assert_eq!((listener.rows(0).len(), listener.holes(0).len()), (4, 1), "they came late");
}

#[test]
fn a_message_that_is_not_answered_is_sent_again_and_in_the_end_the_connection_is_broken() {
    let mut listener = Listener::of(&["binance/BTC-USDT/trades"], BEGIN);
    for _ in 0..2 {
        listener.pass(10 * SECOND);
        listener.tick();
        assert_eq!(listener.send().len(), 1);
    }
    assert_eq!(
        listener.received.events,
        [Event::Unanswered { topic: TopicId(0) }, Event::Unanswered { topic: TopicId(0) }]
    );
    listener.pass(10 * SECOND);
    listener.tick();
    let last = listener.received.events.last();
    assert!(matches!(last, Some(Event::Broken { reason: BrokenReason::Unanswered, .. })), "{last:?}");
}

#[test]
fn a_row_grants_its_topic_where_the_answer_was_lost() {
    let mut listener = Listener::of(&["binance/BTC-USDT/trades"], BEGIN);
    listener.read(&binance_aggregate("BTCUSDT", &some("binance", 1)[0]));
    assert_eq!(granted(&listener), [0]);
    listener.pass(60 * SECOND);
    listener.tick();
    assert_eq!((granted(&listener), listener.send()), (vec![0], vec![]));
}

#[test]
fn what_still_comes_of_a_topic_that_was_left_is_left_out() {
    let mut listener = Listener::of(&["binance/BTC-USDT/trades"], BEGIN);
    listener.session.leave(TopicId(0));
    listener.read(&binance_aggregate("BTCUSDT", &some("binance", 1)[0]));
    assert_eq!((listener.rows(0), listener.received.counts.unasked), (vec![], 1));
    assert_eq!(listener.covered(0), None);
}

#[test]
fn contracts_whose_size_is_not_known_are_not_listened_to() {
    let live = live_of("binancecoinm");
    let series: Series = "binancecoinm/BTC-USD_PERP/trades".parse().unwrap();
    let mut session = live.session(live.offer_for(&series).unwrap().line);
    let instrument = Instrument::named("BTCUSD_PERP".to_owned());
    let refused = session.want(Topic { instrument: instrument.into(), ..topic(0, &series, None) });
    assert_eq!(refused, Err(NotOffered::Sizeless { symbol: "BTCUSD_PERP".to_owned() }));
}

#[test]
fn a_trade_that_cannot_be_true_is_named_and_no_row() {
    let good = &some("binance", 1)[0];
    let frame = |exchange: &str, trade: &Written| match exchange {
        "kraken" => kraken_trades("BTC/USD", std::slice::from_ref(trade)),
        "coinbase" => coinbase_match("BTC-USD", trade),
        "bitmex" => bitmex_trade("XBTUSD", trade),
        "krakenfutures" => futures_trade("PF_XBTUSD", trade),
        _ => binance_aggregate("BTCUSDT", trade),
    };
    let priced = |price: &str| Written { price: price.to_owned(), ..good.clone() };
    let at = |secs: i64| Written { ts: Micros::from_secs(secs), ..good.clone() };
    let odd = [
        (priced("0"), OddFault::Value),
        (priced("-1.5"), OddFault::Value),
        (Written { amount: "-1.5".to_owned(), ..good.clone() }, OddFault::Value),
        (at(1_000), OddFault::Time),
        (at(BEGIN.secs() + 3_600), OddFault::Time),
        (at(4_200_000_000), OddFault::Time),
    ];
    for series in [
        "binance/BTC-USDT/trades",
        "kraken/BTC-USD/trades",
        "coinbase/BTC-USD/trades",
        "bitmex/BTC-USD_PERP/trades",
        "krakenfutures/BTC-USD_PERP/trades",
    ] {
        let exchange = series.split('/').next().unwrap();
        for (trade, fault) in &odd {
            let mut listener = Listener::of(&[series], BEGIN);
            listener.read(&frame(exchange, trade));
            let Some(Event::Odd { topic, row }) = listener.faults().first().copied() else {
                panic!("{series}: {trade:?} gave {:?}", listener.received.events)
            };
            assert_eq!((*topic, row.fault), (TopicId(0), *fault), "{series}: {trade:?}");
            assert!(listener.rows(0).is_empty(), "{series}: {trade:?}");
        }
    }
    let mut listener = Listener::of(&["binance/BTC-USDT/trades"], BEGIN);
    for price in ["NaN", "inf", "1e400", "", "x"] {
        listener.read(&binance_aggregate("BTCUSDT", &priced(price)));
    }
    assert_eq!((listener.faults().len(), listener.rows(0).len()), (5, 0));
}

#[test]
fn one_row_of_a_frame_that_cannot_be_true_costs_no_other() {
    let mut all = some("kraken", 5);
    all[2].price = "0".to_owned();
    let mut listener = Listener::of(&["kraken/BTC-USD/trades"], BEGIN + 60 * SECOND);
    listener.read(&kraken_trades("BTC/USD", &all));
    let row = listener.faults();
    let [Event::Odd { row, .. }] = row[..] else { panic!("{row:?}") };
    assert!(
        row.text.contains(&format!("\"trade_id\":{}", all[2].id)) && row.detail.contains("price"),
        "{row:?}"
    );
    assert_eq!(listener.rows(0).len(), 4);
    let hole = listener.holes(0)[0];
    assert_eq!((hole.ids, hole.reason), (Some((all[2].id, all[2].id)), HoleReason::LeftOut));
}

#[test]
fn the_frames_of_others_are_left_out_and_new_ones_are_counted() {
    let mut listener = Listener::of(&["binance/BTC-USDT/trades"], BEGIN);
    for frame in [
        r#"{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.2","a":"25.36","A":"40.6"}"#,
        r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}"#,
        r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[["1","2"]]}"#,
        r#"{"stream":"btcusdt@depth20@100ms","data":{"lastUpdateId":160,"bids":[],"asks":[]}}"#,
        r#"{"stream":"btcusd_perp@markPrice@1s","data":{"e":"markPriceUpdate","s":"BTCUSD_PERP"}}"#,
        r#"{"stream":"btcusdt_perpetual@continuousKline_1m","data":{"e":"continuous_kline","ps":"BTCUSDT","k":{}}}"#,
        r#"{"stream":"ethusdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"ETHUSDT","a":1,"p":"1","q":"1","T":1,"m":true}}"#,
    ] {
        listener.read(frame);
    }
    listener.read(r#"{"e":"somethingNew","E":1,"s":"BTCUSDT"}"#);
    let counts = listener.received.counts;
    assert_eq!((counts.frames, counts.unasked, counts.unknown), (8, 7, 1));
    assert!(listener.received.is_empty(), "{:?}", listener.received.events);
    listener.read("{}");
    assert_eq!(listener.faults().len(), 1, "of no documented kind");
}
