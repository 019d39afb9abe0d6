//! The sockets of the simulated Bybit: an address for each category, their words, and the limits they count.

use dccd::sim::{Knobs, WsLimit};
use tokio_tungstenite::tungstenite::Error;

use crate::socket::{Dialect, Stepped};
use crate::socket_words::{NOON, assert_like, secs};

fn ask(op: &str, args: &[&str]) -> String {
    format!(r#"{{"op":"{op}","req_id":"5","args":{}}}"#, serde_json::to_string(args).unwrap())
}

const DONE: &str = r#"{"success":true,"ret_msg":"","conn_id":"a38867ec-70b5-4044-a765-54b36bdd6fd9","req_id":"","op":"subscribe"}"#;

#[tokio::test]
async fn frames_of_bybit_are_set_out_as_recorded() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/bybit/v5/public/linear").await;
    socket
        .send(&ask("subscribe", &["publicTrade.BTCUSDT", "kline.1.BTCUSDT", "orderbook.200.BTCUSDT"]))
        .await;
    let done = socket.text().await;
    assert_like(&done, DONE);
    assert!(done.contains(r#""req_id":"5""#), "{done}");
    let whole = socket.text().await;
    assert!(whole.contains(r#""type":"snapshot""#) && whole.matches("[\"").count() == 400, "{whole}");
    let frames = stepped.run(&mut socket, Dialect::Bybit, secs(31), secs(5)).await;
    let of = |topic: &str| frames.iter().filter(|frame| frame.contains(topic)).collect::<Vec<_>>();
    let trade = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786310819681,"data":[{"T":1786310819680,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"65114.20","L":"MinusTick","i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":false,"RPI":false,"seq":753843954913}]}"#;
    let single = of("publicTrade").into_iter().find(|frame| frame.matches("\"T\"").count() == 1).unwrap();
    assert_eq!(single.replace(char::is_numeric, "").len() > 100, trade.len() > 100);
    let candle = r#"{"topic":"kline.1.BTCUSDT","data":[{"start":1786310760000,"end":1786310819999,"interval":"1","open":"65119.9","close":"65114.3","high":"65119.9","low":"65114.2","volume":"1.576","turnover":"102627.995","confirm":false,"timestamp":1786310818440}],"ts":1786310818440,"type":"snapshot"}"#;
    assert_like(single, &trade.replace("a9188a0a-82bc-50de-be60-03eedbe3cdd7", "7"));
    assert_like(of("kline")[0], candle);
    assert_eq!(of("\"confirm\":true").len(), 1, "one minute ends");
    let updates = of("orderbook");
    assert!(updates.iter().all(|frame| frame.contains(r#""type":"delta""#)) && updates.len() == 310);
}

#[tokio::test]
async fn bybit_refuses_a_message_with_a_topic_it_has_not_and_one_with_too_many_on_spot_markets() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    for (path, good, bad) in [
        ("/bybit/v5/public/spot", "publicTrade.BTCUSDT", "publicTrade.NOUSDT"),
        ("/bybit/v5/public/spot", "kline.1.BTCUSDT", "kline.7.BTCUSDT"),
        ("/bybit/v5/public/linear", "orderbook.50.BTCUSDT", "orderbook.40.BTCUSDT"),
        ("/bybit/v5/public/inverse", "publicTrade.BTCUSD", "publicTrade.BTCUSDT"),
    ] {
        let symbols = ["BTCUSDT", "BTCUSD"].map(str::to_owned).to_vec();
        stepped.sim.set(|knobs| knobs.symbols = symbols);
        let mut socket = stepped.open(path).await;
        socket.send(&ask("subscribe", &[good, bad])).await;
        let refusal = r#"{"success":false,"ret_msg":"Invalid topic: invalid.topic.BTCUSDT","conn_id":"cejreaspqfm9se7usbrg-2xh","req_id":"","op":"subscribe"}"#;
        let text = socket.text().await;
        assert_like(&text, refusal);
        assert!(text.contains(bad), "{text}");
        socket.send(&ask("subscribe", &[good])).await;
        assert_like(&socket.text().await, DONE);
    }
    let eleven: Vec<String> = (0..11).map(|minutes| format!("kline.{minutes}.BTCUSDT")).collect();
    let mut socket = stepped.open("/bybit/v5/public/spot").await;
    socket.send(&ask("subscribe", &eleven.iter().map(String::as_str).collect::<Vec<_>>())).await;
    assert!(socket.text().await.contains("args size >10"));
    assert_eq!(stepped.sim.sockets()["bybit"].over[&WsLimit::Requests], 1);
    assert!(matches!(stepped.try_open("/bybit/v5/public/option").await, Err(Error::Http(_))));
}

#[tokio::test]
async fn bybit_names_a_topic_that_it_sends_already() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/bybit/v5/public/spot").await;
    socket.send(&ask("subscribe", &["publicTrade.BTCUSDT"])).await;
    assert_like(&socket.text().await, DONE);
    socket.send(&ask("subscribe", &["publicTrade.BTCUSDT"])).await;
    let text = socket.text().await;
    assert!(text.contains("error:already subscribed,topic:publicTrade.BTCUSDT"), "{text}");
    socket.send(&ask("unsubscribe", &["publicTrade.BTCUSDT"])).await;
    assert!(socket.text().await.contains(r#""op":"unsubscribe""#));
    assert!(stepped.run(&mut socket, Dialect::Bybit, secs(10), secs(5)).await.is_empty());
}
