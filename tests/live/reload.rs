//! A new configuration for live series: what is new is listened to, what is gone is left, and the others notice nothing.

use std::time::Duration;

use dccd::sim::{Knobs, SocketSeen};

use crate::program::{command, configure, end, request, signal, terminate, wait_for, wait_for_exit};
use crate::streams::{asked, assert_whole, text};
use crate::test_daemon::TestDaemon;

/// The pairs by number.
fn pair(number: usize) -> (String, String) {
    let letters = [number / 26, number % 26].map(|place| char::from(b'A' + u8::try_from(place).unwrap()));
    (format!("Q{}{}", letters[0], letters[1]), "USD".to_owned())
}

fn jobs(exchange: &str, numbers: std::ops::Range<usize>) -> String {
    let pairs: Vec<String> = numbers.map(pair).map(|(base, quote)| format!("{base}/{quote}T")).collect();
    let pairs = pairs.join(", ");
    let pairs = if exchange == "coinbase" { pairs.replace("USDT", "USD") } else { pairs };
    format!("{{exchange: {exchange}, pairs: [{pairs}], channels: [trades]}}")
}

fn series(exchange: &str, number: usize) -> String {
    let (base, quote) = pair(number);
    format!("{exchange}/{base}-{quote}{}/trades", if exchange == "coinbase" { "" } else { "T" })
}

/// The number of series that are live, and of holes that were found.
async fn seen(setup: &TestDaemon) -> (usize, f64) {
    let text = request(setup, "GET", "/metrics", "").await.body;
    let of = |family: &str| text.lines().filter(move |line| line.starts_with(family)).collect::<Vec<_>>();
    let is_live = |line: &&&str| line.contains("state=\"live\"") && line.ends_with(" 1");
    let holes = of("dccd_websocket_holes_total{")
        .into_iter()
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>());
    (of("dccd_websocket_state{").iter().filter(is_live).count(), holes.map(Result::unwrap).sum())
}

/// How many live series were compared with the exchange over REST, as they were quiet for longer than their rhythm explains:
/// on a busy machine that may be any of them.
async fn checks(setup: &TestDaemon) -> usize {
    let text = request(setup, "GET", "/metrics", "").await.body;
    let is_asked =
        |line: &&str| line.starts_with("dccd_websocket_checks_total{") && line.contains("outcome=\"asked\"");
    let of_checks = text.lines().filter(is_asked);
    of_checks.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

/// The part of the connections that a reload must not change.
fn connections(setup: &TestDaemon) -> Vec<(u64, bool)> {
    let kept = |own: SocketSeen| (own.number, own.closed.is_none());
    setup.sim.socket_connections().into_iter().map(kept).collect()
}

/// Reloads a daemon that listens to an exchange, of which so many topics carry one series.
async fn reload(exchange: &'static str, suffix: &str, topics: u64) {
    let symbols = (0..110).map(|number| format!("{}USD{suffix}", pair(number).0)).collect();
    let knobs = Knobs { symbols, ws_rate: 1, weight_limit: 60_000, ..Knobs::default() };
    let setup = TestDaemon::keeping_time("", knobs).await;
    configure(&setup, &text(&setup, &jobs(exchange, 0..100)));
    let child = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    wait_for(|| async { seen(&setup).await.0 == 100 }).await;
    let kept: Vec<String> = (10..100).map(|number| series(exchange, number)).collect();
    let counts = || kept.iter().map(|name| asked(&setup, name).len()).collect::<Vec<_>>();
    let mut before = counts();
    loop {
        tokio::time::sleep(Duration::from_secs(7)).await;
        let now = counts();
        if std::mem::replace(&mut before, now.clone()) == now {
            break;
        }
    }
    let (open, holes, checked) = (connections(&setup), seen(&setup).await.1, checks(&setup).await);
    let reloaded = dccd::clock::now();

    configure(&setup, &text(&setup, &jobs(exchange, 10..110)));
    signal(&child, "HUP").await;
    let sockets = || setup.sim.sockets()[exchange].clone();
    wait_for(|| async { (sockets().subscribed, sockets().unsubscribed) == (110 * topics, 10 * topics) })
        .await;
    wait_for(|| async { seen(&setup).await.0 == 100 }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    assert_eq!((connections(&setup), open.len()), (open.clone(), 1), "{exchange}: connections are kept");
    let asked_more = || counts().iter().sum::<usize>() - before.iter().sum::<usize>();
    // Nothing of the others is asked for over REST, but for such checks.
    wait_for(|| async { asked_more() <= checks(&setup).await - checked }).await;
    assert_eq!(seen(&setup).await.1, holes, "{exchange}: no hole is found");
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));
    for name in &kept {
        assert_whole(&setup, name);
        assert!(setup.ledger(name).covered.first().unwrap().until > reloaded, "{name}");
    }
    let new = setup.ledger(&series(exchange, 109)).covered.last().unwrap();
    assert!(new.until > reloaded, "a new one is listened to");
    let left = setup.ledger(&series(exchange, 5)).covered.first().unwrap();
    assert!(left.until < reloaded + Duration::from_secs(10), "one that was left is listened to no more");
}

#[tokio::test]
async fn a_reload_with_ten_pairs_more_and_ten_fewer_leaves_ninety_of_binance_alone() {
    reload("binance", "T", 1).await;
}

#[tokio::test]
async fn a_reload_with_ten_pairs_more_and_ten_fewer_leaves_ninety_of_coinbase_alone() {
    reload("coinbase", "", 2).await;
}
