//! The sockets of the simulated OKX: its two lines, their words, and the limits they count.

use dccd::sim::{Knobs, WsLimit};
use tokio_tungstenite::tungstenite::Error;

use crate::socket::{Dialect, Stepped};
use crate::socket_words::{NOON, assert_like, secs};

fn ask(op: &str, args: &[(&str, &str)]) -> String {
    let arg = |(channel, symbol): &(&str, &str)| format!(r#"{{"channel":"{channel}","instId":"{symbol}"}}"#);
    format!(r#"{{"op":"{op}","args":[{}]}}"#, args.iter().map(arg).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn frames_of_okx_are_set_out_as_recorded() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/okx/ws/v5/business").await;
    socket.send(&ask("subscribe", &[("trades-all", "BTC-USDT"), ("candle1m", "BTC-USDT")])).await;
    let ack = r#"{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"32f4414f"}"#;
    assert_like(&socket.text().await, ack);
    assert_like(&socket.text().await, ack);
    let frames = stepped.run(&mut socket, Dialect::Okx, secs(31), secs(5)).await;
    let trade = r#"{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"314161276","px":"43474.1","sz":"0.00373695","side":"buy","ts":"1646311839593","source":"0"}]}"#;
    let candle = r#"{"arg":{"channel":"candle1m","instId":"ETH-USD"},"data":[["1685221680000","1880","1880","1880","1880","0","0","0","0"]]}"#;
    assert_like(frames.iter().find(|frame| frame.contains("trades-all")).unwrap(), trade);
    let candles: Vec<&String> = frames.iter().filter(|frame| frame.contains("candle1m")).collect();
    assert_like(candles[0], candle);
    assert_eq!(candles.iter().filter(|frame| frame.ends_with(r#","1"]]}"#)).count(), 1, "one minute ends");

    let mut books = stepped.open("/okx/ws/v5/public").await;
    books.send(&ask("subscribe", &[("books", "BTC-USDT-SWAP")])).await;
    assert_like(&books.text().await, ack);
    let whole = books.text().await;
    assert!(whole.contains(r#""action":"snapshot""#) && whole.contains(r#""prevSeqId":-1}"#), "{whole}");
    assert_eq!(whole.matches(r#""0","3"]"#).count(), 800);
    let frames = stepped.run(&mut books, Dialect::Okx, secs(2), secs(1)).await;
    assert_eq!(frames.len(), 20);
    assert!(frames.iter().all(|frame| frame.contains(r#""action":"update""#)));
}

#[tokio::test]
async fn okx_refuses_what_is_of_the_other_line_or_not_listed_and_keeps_the_rest_of_the_message() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    for (path, good, bad) in [
        (
            "/okx/ws/v5/business",
            ("trades-all", "BTC-USDT"),
            [("books", "BTC-USDT"), ("trades-all", "NO-USDT")],
        ),
        ("/okx/ws/v5/public", ("books", "BTC-USDT"), [("trades-all", "BTC-USDT"), ("books", "BTCUSDT")]),
    ] {
        let mut socket = stepped.open(path).await;
        socket.send(&ask("subscribe", &[bad[0], good, bad[1]])).await;
        let mut words = Vec::new();
        while words.len() < 3 {
            let text = socket.text().await;
            if text.contains("\"event\"") {
                words.push(text);
            }
        }
        for (text, (channel, symbol)) in [(&words[0], bad[0]), (&words[2], bad[1])] {
            let named = format!("channel:{channel},instId:{symbol} doesn't exist");
            assert!(text.contains(r#""code":"60018""#) && text.contains(&named), "{text}");
        }
        assert!(words[1].contains(r#""event":"subscribe""#), "{words:?}");
    }
    let mut socket = stepped.open("/okx/ws/v5/public").await;
    socket.send("hello").await;
    let error = r#"{"event":"error","code":"60012","msg":"Invalid request: hello","connId":"a4d3ae55"}"#;
    assert_like(&socket.text().await, error);
    assert!(matches!(stepped.try_open("/okx/ws/v5/private").await, Err(Error::Http(_))));
}

#[tokio::test]
async fn okx_counts_requests_of_an_hour_and_connections_of_a_second_and_closes_a_quiet_one() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/okx/ws/v5/business").await;
    for _ in 0..480 {
        socket.send(&ask("subscribe", &[])).await;
    }
    for _ in 0..200 {
        socket.send("ping").await;
        assert_eq!(socket.text().await, "pong");
    }
    let over = |limit| stepped.sim.sockets()["okx"].over.get(&limit).copied();
    assert_eq!(over(WsLimit::Requests), None, "pings are none");
    socket.send(&ask("unsubscribe", &[])).await;
    assert!(socket.text().await.contains(r#""code":"60014""#));
    assert_eq!(over(WsLimit::Requests), Some(1));

    for _ in 0..2 {
        stepped.open("/okx/ws/v5/public").await;
    }
    assert!(stepped.try_open("/okx/ws/v5/public").await.is_err());
    assert_eq!(over(WsLimit::Connects), Some(1));

    stepped.step(secs(29));
    socket.sync(Dialect::Okx).await.unwrap();
    stepped.step(secs(30));
    assert_eq!(socket.next().await.unwrap(), None);
    assert!(over(WsLimit::Idle).is_some());
}

#[tokio::test]
async fn okx_tells_that_a_connection_will_be_closed_before_it_is() {
    let knobs = Knobs { ws_lifetime: Some(secs(60)), ws_notice: secs(10), ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut socket = stepped.open("/okx/ws/v5/business").await;
    let frames = stepped.run(&mut socket, Dialect::Okx, secs(51), secs(3)).await;
    assert!(frames.len() == 1 && frames[0].contains(r#""event":"notice","code":"64008""#), "{frames:?}");
    stepped.step(secs(10));
    assert_eq!(socket.next().await.unwrap(), None);
}
