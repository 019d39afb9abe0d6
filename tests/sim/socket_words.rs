//! How the simulated exchanges greet, acknowledge, refuse and end over their sockets; frames as they were recorded.

use std::time::Duration;

use dccd::sim::{Knobs, WsLimit};
use tokio_tungstenite::tungstenite::Error;

use crate::socket::{Dialect, Stepped};

pub(crate) const NOON: &str = "2024-06-05 12:30:30";

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The names of a frame's members in order, lists of one kind as one.
fn keys(frame: &str) -> Vec<&str> {
    let parts: Vec<&str> = frame.split('"').collect();
    let is_key = |place: &usize| parts.get(place + 1).is_some_and(|next| next.starts_with(':'));
    (1..parts.len()).step_by(2).filter(is_key).map(|place| parts[place]).collect()
}

/// Whether values are numbers or texts, and how they are set out.
fn shape(frame: &str) -> String {
    let mut shape = String::new();
    let mut is_text = false;
    for letter in frame.chars() {
        is_text ^= letter == '"';
        let kept = if letter.is_ascii_digit() || letter == '.' || letter == '-' { '0' } else { letter };
        let is_inside = is_text && letter != '"';
        if !(is_inside || kept == '0' && shape.ends_with('0')) {
            shape.push(kept);
        }
    }
    shape
}

pub(crate) fn assert_like(frame: &str, recorded: &str) {
    assert_eq!(keys(frame), keys(recorded), "{frame}");
    let plain = |text: &str| shape(text).replace("true", "?").replace("false", "?");
    assert_eq!(plain(frame), plain(recorded), "{frame}");
}

#[tokio::test]
async fn frames_of_binance_are_set_out_as_recorded() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/stream").await;
    socket.send(r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@kline_1m"],"id":312}"#).await;
    assert_eq!(socket.text().await, r#"{"result":null,"id":312}"#);
    let frames = stepped.run(&mut socket, Dialect::Binance, secs(31), secs(5)).await;
    let of = |stream: &str| frames.iter().find(|frame| frame.contains(stream)).unwrap();
    let trade = r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1616176861895,"s":"BTCUSDT","a":640283266,"p":"58942.01000000","q":"0.00035600","f":716849523,"l":716849523,"T":1616176861893,"m":false,"M":true}}"#;
    let kline = r#"{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1653818762502,"s":"BTCUSDT","k":{"t":1653818760000,"T":1653818819999,"s":"BTCUSDT","i":"1m","f":1384844002,"L":1384844032,"o":"29038.46000000","c":"29038.47000000","h":"29038.47000000","l":"29038.46000000","v":"0.20926000","n":31,"x":false,"q":"6076.58918320","V":"0.10436000","Q":"3030.45472920","B":"0"}}}"#;
    assert_like(of("@aggTrade"), trade);
    assert_like(of("@kline"), kline);
    let notice = format!(r#"{{"stream":"!serverShutdown","data":{{"e":"serverShutdown","E":{}}}}}"#, 0);
    stepped.sim.set(|knobs| knobs.ws_lifetime = Some(secs(60)));
    let frames = stepped.run(&mut socket, Dialect::Binance, secs(20), secs(20)).await;
    assert_like(frames.iter().find(|frame| frame.contains("serverShutdown")).unwrap(), &notice);
}

#[tokio::test]
async fn a_stream_of_binance_that_does_not_exist_is_acknowledged_and_silent() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    for (path, stream) in [
        ("/ws", "nopeusdt@aggTrade"),
        ("/ws", "BTCUSDT@aggTrade"),
        ("/ws", "btcusdt@kline_7m"),
        ("/public/ws", "btcusdt@aggTrade"),
        ("/market/ws", "btcusdt_240101@aggTrade"),
        ("/binancecoinm/ws", "btcusdt@aggTrade"),
    ] {
        let mut socket = stepped.open(path).await;
        socket.send(&format!(r#"{{"method":"SUBSCRIBE","params":["{stream}"],"id":1}}"#)).await;
        assert_eq!(socket.text().await, r#"{"result":null,"id":1}"#);
        let frames = stepped.run(&mut socket, Dialect::Binance, secs(40), secs(10)).await;
        assert_eq!(frames, Vec::<String>::new(), "{path} {stream}");
    }
}

#[tokio::test]
async fn binance_answers_what_it_cannot_read_and_forgets_what_is_given_up() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/ws/btcusdt@aggTrade").await;
    socket.send(r#"{"params":["btcusdt@trade"],"id":1}"#).await;
    assert!(
        socket
            .text()
            .await
            .starts_with(r#"{"code": 2, "msg": "Invalid request: missing field `method` at line 1"#)
    );
    socket.send("hello").await;
    assert_eq!(socket.text().await, r#"{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}"#);
    socket.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":"x"}"#).await;
    assert_eq!(socket.text().await, r#"{"result":["btcusdt@aggTrade"],"id":"x"}"#);
    socket.send(r#"{"method":"UNSUBSCRIBE","params":["btcusdt@aggTrade"],"id":3}"#).await;
    assert_eq!(socket.text().await, r#"{"result":null,"id":3}"#);
    assert!(stepped.run(&mut socket, Dialect::Binance, secs(10), secs(10)).await.is_empty());
    let counts = &stepped.sim.sockets()["binance"];
    assert_eq!((counts.subscribed, counts.unsubscribed, counts.topics), (1, 1, 0));
}

#[tokio::test]
async fn kraken_greets_acknowledges_each_symbol_and_refuses_in_its_words() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/kraken/v2").await;
    let status = r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":7204881492680171915}]}"#;
    assert_like(&socket.text().await, status);
    socket
        .send(r#"{"method":"subscribe","params":{"channel":"ohlc","symbol":["BTC/USDT","XBT/USDT"],"interval":1}}"#)
        .await;
    let ack = r#"{"method":"subscribe","result":{"channel":"ohlc","interval":1,"snapshot":true,"symbol":"BTC/USDT","warnings":["timestamp is deprecated, use interval_begin"]},"success":true,"time_in":"2026-09-10T17:44:43.105193Z","time_out":"2026-09-10T17:44:43.105248Z"}"#;
    assert_like(&socket.text().await, ack);
    let row = r#"{"symbol":"BTC/USDT","open":77400.0,"high":77445.8,"low":77400.0,"close":77416.3,"trades":15,"volume":0.25302078,"vwap":77416.2,"interval_begin":"2026-09-10T17:32:00.000000000Z","interval":1,"timestamp":"2026-09-10T17:33:00.000000Z"}"#;
    let ohlc = format!(
        r#"{{"channel":"ohlc","type":"snapshot","timestamp":"2026-09-10T17:44:43.105760475Z","data":[{}]}}"#,
        [row; 10].join(",")
    );
    let snapshot = socket.text().await;
    assert_like(&snapshot, &ohlc);
    assert!(snapshot.contains(r#""timestamp":"2024-06-05T12:30:30.000000000Z""#), "{snapshot}");
    let refusal = socket.text().await;
    let recorded = r#"{"error":"Currency pair not supported XBT/USDT","method":"subscribe","success":false,"symbol":"XBT/USDT","time_in":"2026-09-10T17:44:44.609516Z","time_out":"2026-09-10T17:44:44.609555Z"}"#;
    assert_like(&refusal, recorded);
    assert!(refusal.starts_with(&recorded[..60]), "{refusal}");

    for (params, words) in [
        (
            r#""channel":"ohlc","symbol":["BTC/USDT"],"interval":5"#,
            "Already subscribed to one ohlc interval on this symbol",
        ),
        (
            r#""channel":"ohlc","symbol":["ETH/USDT"],"interval":7"#,
            "Subscription ohlc interval not supported",
        ),
        (r#""channel":"nope","symbol":["ETH/USDT"]"#, "Subscription name invalid"),
    ] {
        socket.send(&format!(r#"{{"method":"subscribe","params":{{{params}}},"req_id":9}}"#)).await;
        let refusal = socket.text().await;
        let head = format!(r#"{{"error":"{words}","method":"subscribe","req_id":9,"success":false,"#);
        assert!(refusal.starts_with(&head), "{refusal}");
    }
    assert_eq!(stepped.sim.sockets()["kraken"].refused, 4);
}

#[tokio::test]
async fn kraken_sends_a_heartbeat_when_nothing_else_flows_and_answers_pings() {
    let stepped = Stepped::at(NOON, Knobs { cluster: 1, ..Knobs::default() }).await;
    let mut socket = stepped.open("/kraken/v2").await;
    socket.text().await;
    for _ in 0..3 {
        stepped.step(secs(1));
        assert_eq!(socket.text().await, r#"{"channel":"heartbeat"}"#);
    }
    socket.send(r#"{"method":"ping","req_id":42}"#).await;
    let pong = r#"{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z","time_out":"2023-09-25T09:05:00.123500Z"}"#;
    assert_like(&socket.text().await, pong);
    socket.send(r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USDT"]}}"#).await;
    let acknowledged = socket.text().await;
    assert!(acknowledged.contains(r#""snapshot":false"#), "{acknowledged}");
    let frames = stepped.run(&mut socket, Dialect::Kraken, secs(10), secs(10)).await;
    let trade = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":81011.5,"qty":0.00123440,"ord_type":"limit","trade_id":100320028,"timestamp":"2026-05-14T15:06:09.020392Z"}]}"#;
    assert_like(&frames[0], trade);
    assert!(frames.iter().all(|frame| frame.starts_with(r#"{"channel":"trade""#)));
}

#[tokio::test]
async fn coinbase_wants_a_subscription_in_time_and_refuses_what_it_does_not_list() {
    let knobs = Knobs { symbols: vec!["BTCUSD".to_owned()], ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut idle = stepped.open("/coinbase/").await;
    let mut socket = stepped.open("/coinbase/").await;
    for (request, reason) in [
        (
            r#"{"type":"subscribe","product_ids":["BTC-USD","NOPE-USD"],"channels":["matches"]}"#,
            "NOPE-USD is not a valid product",
        ),
        (
            r#"{"type":"subscribe","channels":[{"name":"level2","product_ids":["BTC-USD"]}]}"#,
            "level2, level3, and full channels now require authentication.",
        ),
    ] {
        socket.send(request).await;
        let error = format!(r#"{{"type":"error","message":"Failed to subscribe","reason":"{reason}"}}"#);
        assert_eq!(socket.text().await, error);
    }
    socket.send(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}"#).await;
    socket.text().await;
    let recorded = r#"{"type":"last_match","trade_id":82007,"maker_order_id":"9d2861bd-1703-47f2-a7f4-7723565a7f5c","taker_order_id":"dd068ce5-f175-4396-bae1-a1db56d209f5","side":"buy","size":"1008.2","price":"0.5752","product_id":"SKL-GBP","sequence":27883326,"time":"2021-04-17T16:43:29.571587Z"}"#;
    assert_like(&socket.text().await, recorded);
    stepped.step(secs(5));
    assert_eq!(idle.next().await.unwrap(), None);
    socket.sync(Dialect::Coinbase).await.unwrap();
    assert_eq!(stepped.sim.sockets()["coinbase"].over[&WsLimit::Idle], 1);
}

#[tokio::test]
async fn more_messages_or_connections_than_an_exchange_allows_are_refused_and_counted() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/ws").await;
    for _ in 0..5 {
        socket.sync(Dialect::Binance).await.unwrap();
    }
    stepped.step(secs(1));
    for _ in 0..5 {
        socket.sync(Dialect::Binance).await.unwrap();
    }
    assert!(matches!(socket.sync(Dialect::Binance).await, Err(Error::ConnectionClosed)));

    let streams: Vec<String> = (0..1_025).map(|number| format!("\"s{number}@aggTrade\"")).collect();
    let mut socket = stepped.open("/ws").await;
    socket.send(&format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":1}}"#, streams.join(","))).await;
    assert_eq!(socket.text().await, r#"{"code": 2, "msg": "Invalid request: too many parameters"}"#);

    for _ in 2..300 {
        stepped.open("/ws").await;
    }
    assert!(matches!(stepped.try_open("/ws").await, Err(Error::Http(answer)) if answer.status() == 429));
    assert!(matches!(stepped.try_open("/nowhere").await, Err(Error::Http(answer)) if answer.status() == 404));
    let counts = &stepped.sim.sockets()["binance"];
    assert_eq!(counts.connections, 300);
    for (limit, times) in [(WsLimit::Messages, 1), (WsLimit::Topics, 1), (WsLimit::Connects, 1)] {
        assert_eq!(counts.over[&limit], times);
    }
}

#[tokio::test]
async fn a_connection_ends_after_its_lifetime_with_the_notice_before_it() {
    let knobs = Knobs { ws_lifetime: Some(secs(60)), ws_notice: secs(3), ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut binance = stepped.open("/ws").await;
    let mut kraken = stepped.open("/kraken/v2").await;
    kraken.text().await;
    assert!(stepped.run(&mut binance, Dialect::Binance, secs(56), secs(8)).await.is_empty());
    let notices = stepped.run(&mut binance, Dialect::Binance, secs(3), secs(1)).await;
    assert_eq!(notices.len(), 1);
    assert!(notices[0].starts_with(r#"{"e":"serverShutdown","E":"#));
    stepped.step(secs(1));
    assert_eq!(binance.next().await.unwrap(), None);
    while kraken.next().await.unwrap().is_some() {}
    let seen = stepped.sim.socket_connections();
    assert_eq!(
        seen.iter().map(|one| (one.number, one.exchange)).collect::<Vec<_>>(),
        [(1, "binance"), (2, "kraken")]
    );
}

#[tokio::test]
async fn a_client_that_leaves_pings_without_an_answer_is_cut() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let silent = stepped.open("/ws/btcusdt@aggTrade").await;
    for _ in 0..5 {
        stepped.step(secs(20));
        // The exchange looks at its clock within some milliseconds.
        let seen = || stepped.sim.socket_connections().iter().any(|one| one.closed.is_some());
        for _ in 0..20 {
            if !seen() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    assert_eq!(stepped.sim.sockets()["binance"].over[&WsLimit::Pongs], 1);
    drop(silent);
}
