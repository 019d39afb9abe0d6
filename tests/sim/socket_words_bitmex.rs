//! The sockets of the simulated BitMEX: its words, its images, and the limit it counts.

use dccd::sim::{Knobs, WsLimit};

use crate::socket::{Dialect, Stepped};
use crate::socket_words::{NOON, assert_like, secs};

#[tokio::test]
async fn frames_of_bitmex_are_set_out_as_recorded() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/bitmex/realtime").await;
    let greeting = r#"{"info":"Welcome to the BitMEX Realtime API.","version":"2.0.0","timestamp":"2026-01-26T08:17:40.000Z","docs":"https://www.bitmex.com/app/wsAPI","heartbeatEnabled":false,"limit":{}}"#;
    assert_like(&socket.text().await, greeting);
    let asked = r#"{"op":"subscribe","args":["trade:XBTUSDT","tradeBin1m:XBT_USDT","orderBookL2:XBTUSDT"]}"#;
    socket.send(asked).await;
    for (topic, head) in [
        ("trade:XBTUSDT", r#"{"table":"trade","action":"partial","data":[{"timestamp":"#),
        (
            "tradeBin1m:XBT_USDT",
            r#"{"table":"tradeBin1m","action":"partial","data":[{"timestamp":"2024-06-05T12:30:00.000Z","#,
        ),
        (
            "orderBookL2:XBTUSDT",
            r#"{"table":"orderBookL2","action":"partial","data":[{"symbol":"XBTUSDT","id":"#,
        ),
    ] {
        let granted = format!(r#"{{"success":true,"subscribe":"{topic}","request":{asked}}}"#);
        assert_eq!(socket.text().await, granted);
        let image = socket.text().await;
        assert!(image.starts_with(head), "{topic}: {}", &image[..100.min(image.len())]);
    }
    let frames = stepped.run(&mut socket, Dialect::Okx, secs(31), secs(1)).await;
    let actions = |word: &str| frames.iter().filter(|frame| frame.contains(word)).count();
    assert_eq!(actions("tradeBin1m"), 1, "one minute ends");
    let [gone, changed, new] = ["delete", "update", "insert"]
        .map(|action| actions(&format!(r#"{{"table":"orderBookL2","action":"{action}""#)));
    assert!(gone > 0 && changed > 250 && new > 0, "{gone} {changed} {new}");
}

#[tokio::test]
async fn bitmex_refuses_what_is_not_listed_or_sent_already_and_counts_connections() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/bitmex/realtime").await;
    socket.text().await;
    let error = |words: &str, asked: &str| {
        format!(r#"{{"status":400,"error":"{words}","meta":{{}},"request":{asked}}}"#)
    };
    for (topic, words) in [
        ("trades:XBTUSD", "Unknown table: trades"),
        ("trade:NOUSD", "Unknown or expired symbol."),
        ("tradeBin2m:XBTUSDT", "Unknown table: tradeBin2m"),
    ] {
        let asked = format!(r#"{{"op":"subscribe","args":["trade:XBTUSDT","{topic}"]}}"#);
        socket.send(&asked).await;
        assert_eq!(socket.text().await, error(words, &asked), "all of it is refused");
    }
    let asked = r#"{"op":"subscribe","args":["trade:XBTUSDT"]}"#;
    socket.send(asked).await;
    assert!(socket.text().await.contains("success") && socket.text().await.contains("partial"));
    socket.send(asked).await;
    assert_eq!(socket.text().await, error("You are already subscribed to this topic: trade:XBTUSDT", asked));
    socket.send("ping").await;
    assert_eq!(socket.text().await, "pong");
    for _ in 1..300 {
        stepped.open("/bitmex/realtime").await;
    }
    assert!(stepped.try_open("/bitmex/realtime").await.is_err());
    assert_eq!(stepped.sim.sockets()["bitmex"].over[&WsLimit::Connects], 1);
}
