//! Live series that are quiet: asked about over REST within a share of the limit, never taken for dead where they are not,
//! and live again soon where they are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dccd::clock::now;
use dccd::exchange::find;
use dccd::model::{Series, Window};
use dccd::sim::{Endpoint, Knobs, WsFault};

use crate::rig::is_siege;
use crate::streams::{Live, assert_whole, ends, wait_for_all_before};
use crate::test_daemon::TestDaemon;

const BUSY: &str = "binance/BTC-USDT/trades";

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_quiet_pairs_beside_a_busy_one_are_covered_within_a_twentieth_of_the_limit() {
    // The short form has no time for pauses of minutes before everything is covered once.
    let (length, trades_per_hour) = if is_siege() { (10 * MINUTE, 60) } else { (MINUTE, 240) };
    let bases: Vec<String> = ('A'..='T').map(|letter| format!("Q{letter}")).collect();
    let quiet: Vec<String> = bases.iter().map(|base| format!("binance/{base}-USDT/trades")).collect();
    let pairs: Vec<String> = bases.iter().map(|base| format!("{base}/USDT")).collect();
    let symbols = bases.iter().map(|base| format!("{base}USDT")).chain(["BTCUSDT".to_owned()]);
    let knobs = Knobs {
        symbols: symbols.collect(),
        trades_per_hour,
        // Each trade lies somewhere in its own minute, or part of one.
        cluster: 1,
        ws_rate: 50,
        ws_rate_of: vec!["BTCUSDT".to_owned()],
        ..Knobs::default()
    };
    let jobs = format!("{{exchange: binance, pairs: [BTC/USDT, {}], channels: [trades]}}", pairs.join(", "));
    let live = Live::start_hastened(&jobs, knobs, 20).await;
    let all: Vec<&str> = quiet.iter().map(String::as_str).chain([BUSY]).collect();
    wait_for_all_before(&live.setup, &all, now()).await;

    let (checks_before, asked_before) = (checks(&live), asked_of_quiet(&live.setup).len());
    tokio::time::sleep(length).await;
    let checks = checks(&live) - checks_before;
    let asked = asked_of_quiet(&live.setup).split_off(asked_before);

    assert!(ends(&live.metrics(), "binance").is_empty(), "no connection is given up");
    assert_eq!(live.metrics().sum("dccd_websocket_stale_total"), 0.0, "no series is taken for dead");
    let until = now() - Duration::from_secs(5);
    let setup = live.stop().await;
    let sockets = &setup.sim.sockets()["binance"];
    assert_eq!((sockets.connections, sockets.subscribed), (1, 21), "nothing was subscribed anew");
    let share = busiest_minute(&asked);
    println!(
        "{checks} checks in {length:?}, {} requests; at most {:.1} % of the limit in any minute",
        asked.len(),
        100.0 * share
    );
    assert!(checks >= 10.0 * length.as_secs_f64() / 60.0, "only {checks} checks");
    assert!(share <= 0.05, "{:.1} % of the limit in a minute", 100.0 * share);
    let beside = quiet.iter().map(|name| rows_beside(&setup, name, until)).collect::<Vec<_>>();
    assert_eq!(beside, vec![0; quiet.len()], "trades that no window covers");
    assert!(assert_whole(&setup, BUSY) > 40 * usize::try_from(length.as_secs()).unwrap());
}

/// How many checks were made.
fn checks(live: &Live) -> f64 {
    let metrics = live.metrics();
    let asked = metrics.lines("dccd_websocket_checks_total").filter(|line| line.contains("\"asked\""));
    asked.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// When trades of quiet pairs were asked for.
fn asked_of_quiet(setup: &TestDaemon) -> Vec<Duration> {
    let asked = setup.asked(Endpoint::Trades);
    asked.iter().filter(|seen| seen.path.contains("symbol=Q")).map(|seen| seen.at).collect()
}

/// The largest share of its limit that Binance was asked for trades within a minute.
fn busiest_minute(asked: &[Duration]) -> f64 {
    let (exchange, series) = (find("binance").unwrap(), BUSY.parse::<Series>().unwrap());
    let offer = exchange.offer_for(&series).unwrap();
    let within = |from: &Duration| asked.iter().filter(|at| (*from..*from + MINUTE).contains(*at)).count();
    let most = asked.iter().map(within).max().unwrap_or(0);
    let quota = exchange.quota(offer.budget);
    most as f64 * f64::from(offer.weight) / f64::from(quota.weight) * quota.per.as_secs_f64() / 60.0
}

/// How many trades since a series was first wanted and until an instant are in no window that is covered. Those inside
/// are stored, each once.
fn rows_beside(setup: &TestDaemon, name: &str, until: dccd::model::Micros) -> usize {
    let ledger = setup.ledger(name);
    let covered = ledger.covered.last().map(|window| window.until);
    if covered.is_some() {
        assert_whole(setup, name);
    }
    // Of the newest instant nothing proves that all its trades came.
    let from = covered.map(|until| until + Duration::from_micros(1)).or(ledger.wanted_since).unwrap();
    Window::new(from, until).map_or(0, |rest| setup.existing(name, rest).len())
}

/// Three series of one connection.
async fn three() -> (Live, [&'static str; 3]) {
    let all = [BUSY, "binance/ETH-USDT/trades", "binance/LTC-USDT/trades"];
    let symbols = ["BTCUSDT", "ETHUSDT", "LTCUSDT"].map(str::to_owned).to_vec();
    let jobs = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT, LTC/USDT], channels: [trades]}";
    (Live::start(jobs, Knobs { symbols, ws_rate: 5, ..Knobs::default() }).await, all)
}

/// Waits until all three are live, for at most a minute.
async fn are_live_within_a_minute(live: &Live, since: Instant, what: &str) {
    while live.live() < 3 {
        assert!(since.elapsed() < MINUTE, "{what}: only {} of 3 are live after a minute", live.live());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{what}: live after {:?}", since.elapsed());
}

/// Waits until the exchange struck a fault.
async fn struck(live: &Live) -> Instant {
    let has_struck = || live.setup.sim.sockets().get("binance").is_some_and(|own| !own.faults.is_empty());
    let struck = async {
        while !has_struck() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(MINUTE, struck).await.expect("the fault strikes");
    Instant::now()
}

/// Waits until the silence since an instant is noticed, a minute at most.
async fn noticed(since: Instant, is_noticed: impl Fn() -> bool) {
    while !is_noticed() {
        assert!(since.elapsed() < MINUTE, "the silence is not noticed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether all three topics were found to be stale, or their checks were spared: whichever is found first tells of the others,
/// which are asked for anew with it if they are overdue by then.
fn all_are_noticed(live: &Live) -> bool {
    let metrics = live.metrics();
    let spared: f64 = metrics
        .lines("dccd_websocket_checks_total")
        .filter(|line| line.contains("outcome=\"spared\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    let stale = metrics.sum("dccd_websocket_stale_total");
    stale >= 1.0 && stale + spared >= 3.0
}

async fn is_whole_after(live: Live, all: [&str; 3]) {
    wait_for_all_before(&live.setup, &all, now()).await;
    let setup = live.stop().await;
    all.iter().for_each(|name| assert!(assert_whole(&setup, name) > 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_are_acknowledged_and_never_sent_are_live_within_a_minute() {
    let (live, all) = three().await;
    live.setup.sim.strike(WsFault::Stall);
    let stalled = struck(&live).await;

    // One that was sent something before the fault struck is live until its silence is noticed.
    noticed(stalled, || all_are_noticed(&live)).await;
    are_live_within_a_minute(&live, stalled, "never sent").await;

    assert!(ends(&live.metrics(), "binance").is_empty(), "the connection is kept");
    is_whole_after(live, all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_stall_are_live_again_within_a_minute() {
    let (live, all) = three().await;
    wait_for_all_before(&live.setup, &all, now()).await;
    live.setup.sim.strike(WsFault::Stall);
    let stalled = struck(&live).await;
    noticed(stalled, || all_are_noticed(&live)).await;

    are_live_within_a_minute(&live, stalled, "stalled").await;

    assert!(ends(&live.metrics(), "binance").is_empty(), "the connection is kept");
    is_whole_after(live, all).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_neither_sends_nor_closes_is_replaced_within_a_minute() {
    let (live, all) = three().await;
    wait_for_all_before(&live.setup, &all, now()).await;
    live.setup.sim.strike(WsFault::HalfOpen);
    let struck = struck(&live).await;
    noticed(struck, || live.live() < 3).await;

    are_live_within_a_minute(&live, struck, "half-open").await;

    assert_eq!(ends(&live.metrics(), "binance"), BTreeMap::from([("silent".to_owned(), 1)]));
    is_whole_after(live, all).await;
}
