//! Every fault of sockets happens, as often as its rate says, and the same in every run.

use std::time::Duration;

use dccd::sim::{Knobs, WsFault, WsRule};
use tokio::io::AsyncReadExt;

use crate::socket::{Dialect, Stepped};

const NOON: &str = "2024-06-05 12:30:30";
const ADDRESS: &str = "/ws/btcusdt@aggTrade";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn rules(text: &str) -> Vec<WsRule> {
    text.split(',').map(|rule| rule.parse().unwrap()).collect()
}

fn knobs(faults: &str) -> Knobs {
    Knobs { ws_faults: rules(faults), ..Knobs::default() }
}

/// The ids of Binance's trades in the order they came.
fn ids(frames: &[String]) -> Vec<u64> {
    let id = |frame: &String| {
        let (_, rest) = frame.split_once(r#""a":"#)?;
        rest.split(',').next()?.parse().ok()
    };
    frames.iter().filter_map(id).collect()
}

/// The trades of a connection over some time.
async fn streamed(faults: &str, seed: u64, over: Duration) -> (Stepped, Vec<u64>) {
    let stepped = Stepped::at(NOON, Knobs { seed, ..knobs(faults) }).await;
    let mut socket = stepped.open(ADDRESS).await;
    let frames = stepped.run(&mut socket, Dialect::Binance, over, secs(7)).await;
    (stepped, ids(&frames))
}

#[tokio::test]
async fn a_hole_leaves_out_the_trades_that_are_remembered() {
    let (stepped, got) = streamed("hole=5%", 1, secs(300)).await;
    let counts = &stepped.sim.sockets()["binance"];
    let left_out: Vec<u64> = counts.left_out.iter().map(|(_, id)| *id).collect();
    assert!(counts.faults[&WsFault::Hole] > 5 && left_out.len() as u64 == counts.faults[&WsFault::Hole]);
    let mut all: Vec<u64> = got.iter().chain(&left_out).copied().collect();
    all.sort_unstable();
    assert_eq!(all, (all[0]..all[0] + all.len() as u64).collect::<Vec<_>>());
    assert!(counts.left_out.iter().all(|(symbol, _)| symbol == "BTCUSDT"));
}

#[tokio::test]
async fn frames_change_places_and_come_twice() {
    let (stepped, got) = streamed("swap=1/10,double=1/7", 1, secs(300)).await;
    let counts = &stepped.sim.sockets()["binance"];
    let doubled = got.iter().filter(|id| got.iter().filter(|other| other == id).count() == 2).count() / 2;
    assert_eq!(doubled as u64, counts.faults[&WsFault::Double]);
    let behind = got.windows(2).filter(|pair| pair[1] < pair[0]).count();
    // The last one may still wait for the frame it changes places with.
    let swapped = counts.faults[&WsFault::Swap];
    assert!((swapped - 1..=swapped).contains(&(behind as u64)), "{behind} of {swapped}");
    let mut all = got;
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (all[0]..all[0] + all.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_frames_and_another_seed_others() {
    let run = |seed| async move { streamed("hole=5%,swap=5%,double=5%", seed, secs(120)).await.1 };
    let (first, again, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn a_cut_is_a_close_in_good_order_and_a_reset_is_none() {
    for (fault, is_clean) in [("cut=#20", true), ("reset=#20", false)] {
        let stepped = Stepped::at(NOON, knobs(fault)).await;
        let mut socket = stepped.open(ADDRESS).await;
        stepped.step(secs(30));
        let mut frames = 0;
        let ended = loop {
            match socket.next().await {
                Ok(Some(_)) => frames += 1,
                other => break other,
            }
        };
        assert_eq!(ended.is_ok(), is_clean, "{fault}: {ended:?}");
        assert!(frames <= 19 && (frames == 19 || !is_clean), "{fault}: {frames}");
    }
}

#[tokio::test]
async fn a_stalled_connection_answers_and_is_silent_until_the_topic_is_subscribed_anew() {
    let stepped = Stepped::at(NOON, knobs("stall=#5")).await;
    let mut socket = stepped.open(ADDRESS).await;
    assert_eq!(stepped.run(&mut socket, Dialect::Binance, secs(25), secs(5)).await.len(), 4);
    socket.send(r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}"#).await;
    assert_eq!(socket.text().await, r#"{"result":null,"id":1}"#);
    let frames = stepped.run(&mut socket, Dialect::Binance, secs(10), secs(5)).await;
    assert!((8..=12).contains(&frames.len()), "{} frames", frames.len());
}

#[tokio::test]
async fn a_half_open_connection_neither_answers_nor_ends() {
    let stepped = Stepped::at(NOON, knobs("half-open=#5")).await;
    let mut socket = stepped.open(ADDRESS).await;
    stepped.step(secs(10));
    for _ in 0..4 {
        socket.text().await;
    }
    socket.send(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    let mut byte = [0];
    let stream = socket.0.get_mut();
    let read = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
    assert!(read.is_err(), "{read:?}");
    assert_eq!(stepped.sim.sockets()["binance"].open, 1);
}

#[tokio::test]
async fn a_refused_subscription_is_refused_in_each_exchange_s_words() {
    let symbols = vec!["BTCUSDT".to_owned(), "BTCUSD".to_owned()];
    let stepped = Stepped::at(NOON, Knobs { symbols, ..knobs("refuse=1/2") }).await;
    for (path, request, words) in [
        (
            "/ws",
            r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}"#,
            r#"{"code": 2, "msg": "Invalid request: too many parameters"}"#,
        ),
        (
            "/kraken/v2",
            r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USDT"]}}"#,
            r#"{"error":"Currency pair not supported BTC/USDT","method":"subscribe","success":false,"symbol":"BTC/USDT""#,
        ),
        (
            "/coinbase",
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}"#,
            r#"{"type":"error","message":"Failed to subscribe","reason":"BTC-USD is not a valid product"}"#,
        ),
    ] {
        let mut socket = stepped.open(path).await;
        if path.contains("kraken") {
            socket.text().await;
        }
        socket.send(request).await;
        let first = socket.text().await;
        assert!(first.contains(r#""result""#) || first.contains("subscriptions"), "{first}");
        let mut socket = stepped.open(path).await;
        if path.contains("kraken") {
            socket.text().await;
        }
        socket.send(request).await;
        let second = socket.text().await;
        assert!(second.starts_with(words), "{second}");
    }
}

#[tokio::test]
async fn a_notice_comes_as_long_before_the_end_as_it_says() {
    let stepped = Stepped::at(NOON, Knobs { ws_notice: secs(10), ..knobs("notice=#3") }).await;
    let mut socket = stepped.open(ADDRESS).await;
    let mut told = None;
    while told.is_none() {
        let frames = stepped.run(&mut socket, Dialect::Binance, secs(1), secs(1)).await;
        told = frames.iter().any(|frame| frame.contains("serverShutdown")).then(|| stepped.now());
    }
    assert!(!stepped.run(&mut socket, Dialect::Binance, secs(9), secs(3)).await.is_empty());
    stepped.step(secs(1));
    while socket.next().await.unwrap().is_some() {}
    assert_eq!(stepped.sim.sockets()["binance"].faults[&WsFault::Notice], 1);
}

#[tokio::test]
async fn a_burst_is_held_back_and_comes_at_once_and_complete() {
    let knobs = Knobs { ws_burst: secs(5), trades_per_hour: 36_000, ..Knobs::default() };
    let stepped = Stepped::at(NOON, knobs).await;
    let mut socket = stepped.open(ADDRESS).await;
    let mut got = stepped.run(&mut socket, Dialect::Binance, secs(2), secs(1)).await;
    stepped.sim.strike(WsFault::Burst);
    stepped.step(secs(1));
    let early = tokio::time::timeout(Duration::from_millis(100), socket.text()).await;
    assert!(early.is_err(), "{early:?}");
    stepped.step(secs(5));
    let frames = socket.sync(Dialect::Binance).await.unwrap();
    assert!(frames.len() > 50, "{} frames", frames.len());
    got.extend(frames);
    let ids = ids(&got);
    assert_eq!(ids, (ids[0]..ids[0] + ids.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_fault_that_is_ordered_strikes_once_where_it_fits() {
    let stepped = Stepped::at(NOON, Knobs::default()).await;
    let mut socket = stepped.open("/kraken/v2").await;
    stepped.sim.strike(WsFault::Notice);
    stepped.sim.strike(WsFault::Hole);
    socket.send(r#"{"method":"subscribe","params":{"channel":"ohlc","symbol":["BTC/USDT"]}}"#).await;
    socket.sync(Dialect::Kraken).await.unwrap();
    let quiet = stepped.run(&mut socket, Dialect::Kraken, secs(10), secs(5)).await;
    assert!(quiet.len() > 9);
    assert!(stepped.sim.sockets()["kraken"].faults.is_empty());
    socket.send(r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USDT"]}}"#).await;
    stepped.run(&mut socket, Dialect::Kraken, secs(10), secs(5)).await;
    let counts = &stepped.sim.sockets()["kraken"];
    assert_eq!(counts.faults.iter().collect::<Vec<_>>(), [(&WsFault::Hole, &1)]);
    assert!(!counts.left_out.is_empty());
}
