//! The sockets of Kraken's simulated derivatives: their words, their numbers, and the limit they count.

use dccd::sim::{Knobs, WsLimit};

use crate::socket::{Dialect, Stepped};
use crate::socket_words::{NOON, assert_like, secs};

fn ask(event: &str, feed: &str, product: &str) -> String {
    format!(r#"{{"event":"{event}","feed":"{feed}","product_ids":["{product}"]}}"#)
}

/// The number that a frame has.
fn number(frame: &str) -> i64 {
    let (_, rest) = frame.split_once("\"seq\":").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn frames_of_krakens_derivatives_are_set_out_as_recorded_and_numbered_one_by_one() {
    let knobs = Knobs { symbols: vec!["BTCUSD".to_owned()], ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut socket = stepped.open("/krakenfutures/ws/v1").await;
    assert_eq!(socket.text().await, r#"{"event":"info","version":1}"#);
    for feed in ["trade", "book"] {
        socket.send(&ask("subscribe", feed, "PF_XBTUSD")).await;
        assert_eq!(socket.text().await, ask("subscribed", feed, "PF_XBTUSD"));
        let image = socket.text().await;
        let head = format!(r#"{{"feed":"{feed}_snapshot","product_id":"PF_XBTUSD","#);
        assert!(image.starts_with(&head), "{}", &image[..100]);
    }
    socket.send(r#"{"event":"subscribe","feed":"heartbeat"}"#).await;
    assert_eq!(socket.text().await, r#"{"event":"subscribed","feed":"heartbeat"}"#);
    let frames = stepped.run(&mut socket, Dialect::KrakenFutures, secs(30), secs(1)).await;
    let of = |feed: &str| {
        let head = format!(r#"{{"feed":"{feed}","#);
        frames.iter().filter(move |frame| frame.starts_with(&head)).collect::<Vec<_>>()
    };
    let trade = r#"{"feed":"trade","product_id":"PI_LTCUSD","uid":"1be159ba","side":"buy","type":"fill","seq":5955,"time":1626994889337,"qty":320.0,"price":119.35}"#;
    let level = r#"{"feed":"book","product_id":"PI_LTCUSD","side":"sell","seq":3423036,"price":119.46,"qty":21884.0,"timestamp":1626994927748}"#;
    assert_like(of("trade")[0], trade);
    assert_like(of("book")[0], level);
    assert_like(of("heartbeat")[0], r#"{"feed":"heartbeat","time":1534262350627}"#);
    assert_eq!(of("heartbeat").len(), 30);
    for feed in ["trade", "book"] {
        let numbers: Vec<i64> = of(feed).into_iter().map(|frame| number(frame)).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{feed}: {numbers:?}");
    }
}

#[tokio::test]
async fn krakens_derivatives_refuse_what_is_not_listed_and_count_messages() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/krakenfutures/ws/v1").await;
    socket.text().await;
    for product in ["PF_NOUSD", "PI_XBTUSDT", "XBTUSDT"] {
        socket.send(&ask("subscribe", "trade", product)).await;
        assert_eq!(socket.text().await, r#"{"event":"error","message":"Invalid product id"}"#);
    }
    socket.send(&ask("subscribe", "candles", "PF_XBTUSDT")).await;
    assert_eq!(socket.text().await, r#"{"event":"error","message":"Invalid feed"}"#);
    for _ in 0..96 {
        socket.send(&ask("unsubscribe", "trade", "PF_XBTUSDT")).await;
        socket.text().await;
    }
    socket.send(&ask("unsubscribe", "trade", "PF_XBTUSDT")).await;
    assert_eq!(socket.next().await.unwrap(), None);
    assert_eq!(stepped.sim.sockets()["krakenfutures"].over[&WsLimit::Messages], 1);
}
