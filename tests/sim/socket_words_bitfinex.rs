//! The sockets of the simulated Bitfinex: its words, the numbers of its frames, and the limits it counts.

use dccd::sim::{Knobs, WsLimit};

use crate::socket::{Dialect, Socket, Stepped};
use crate::socket_words::{NOON, assert_like, secs};

async fn ask(socket: &mut Socket, what: &str) -> String {
    socket.send(&format!(r#"{{"event":"subscribe",{what}}}"#)).await;
    socket.text().await
}

#[tokio::test]
async fn frames_of_bitfinex_are_set_out_as_recorded_and_numbered_one_by_one() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/bitfinex/ws/2").await;
    let greeting = r#"{"event":"info","version":2,"serverId":"083bd8d4","platform":{"status":1}}"#;
    assert_like(&socket.text().await, greeting);
    socket.send(r#"{"event":"conf","flags":229376}"#).await;
    assert_eq!(socket.text().await, r#"{"event":"conf","status":"OK","flags":229376}"#);
    let mut frames = Vec::new();
    for (place, what) in [
        r#""channel":"trades","symbol":"tBTCUST""#,
        r#""channel":"candles","key":"trade:1m:tBTCUST""#,
        r#""channel":"book","symbol":"tBTCUST","prec":"P0","freq":"F0","len":"25""#,
    ]
    .into_iter()
    .enumerate()
    {
        let granted = ask(&mut socket, what).await;
        let (channel, rest) = what.split_once(',').unwrap();
        let number = 200_001 + place;
        assert_eq!(granted, format!(r#"{{"event":"subscribed",{channel},"chanId":{number},{rest}}}"#));
        frames.push(socket.text().await);
        assert!(frames[place].starts_with(&format!("[{number},[[")), "{}", &frames[place][..60]);
    }
    frames.extend(stepped.run(&mut socket, Dialect::Bitfinex, secs(31), secs(1)).await);
    let ends = |frame: &String| {
        let mut parts = frame.trim_end_matches(']').rsplit(',');
        let at: i64 = parts.next().unwrap().parse().unwrap();
        (at, parts.next().unwrap().parse::<i64>().unwrap())
    };
    let numbers: Vec<i64> = frames.iter().map(|frame| ends(frame).1).collect();
    assert_eq!(numbers, (1..=frames.len() as i64).collect::<Vec<_>>());
    assert!(frames.iter().all(|frame| ends(frame).0 > 1_717_590_000_000));
    let of = |head: &str| frames.iter().filter(|frame| frame.starts_with(head)).collect::<Vec<_>>();
    assert_eq!(of("[200001,\"te\",").len(), of("[200001,\"tu\",").len());
    assert!(!of("[200001,\"te\",[").is_empty() && of("[200002,[17").len() > 20);
    assert_eq!(of("[200003,\"cs\",").len(), 310, "behind each update");
}

#[tokio::test]
async fn bitfinex_refuses_what_is_not_listed_and_more_than_it_bears() {
    let symbols: Vec<String> = (10..40).map(|number| format!("A{number}USD")).collect();
    let stepped = Stepped::at(NOON, Knobs { symbols, ..Knobs::default() }).await;
    let mut socket = stepped.open("/bitfinex/ws/2").await;
    socket.text().await;
    let trades = |number: u32| format!(r#""channel":"trades","symbol":"tA{number}USD""#);
    let error = |code: u32, words: &str, number: u32| {
        format!(r#"{{"event":"error","msg":"{words}","code":{code},{},"key":"","len":""}}"#, trades(number))
    };
    assert_eq!(ask(&mut socket, &trades(99)).await, error(10_300, "symbol: invalid", 99));
    for number in 10..35 {
        assert!(ask(&mut socket, &trades(number)).await.contains("\"subscribed\""));
        socket.text().await;
    }
    assert_eq!(ask(&mut socket, &trades(10)).await, error(10_301, "subscribe: dup", 10));
    assert_eq!(ask(&mut socket, &trades(35)).await, error(10_305, "limit: open channels", 35));
    socket.send(r#"{"event":"unsubscribe","chanId":200001}"#).await;
    assert_eq!(socket.text().await, r#"{"event":"unsubscribed","status":"OK","chanId":200001}"#);
    assert!(ask(&mut socket, &trades(35)).await.contains("\"subscribed\""));
    let over = |limit| stepped.sim.sockets()["bitfinex"].over.get(&limit).copied();
    assert_eq!(over(WsLimit::Topics), Some(1));
    for _ in 1..20 {
        stepped.open("/bitfinex/ws/2").await;
    }
    assert!(stepped.try_open("/bitfinex/ws/2").await.is_err());
    assert_eq!(over(WsLimit::Connects), Some(1));
}
