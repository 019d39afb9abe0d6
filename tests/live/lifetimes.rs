//! Connections that the exchange ends after a while: another carries the topics before that, where it says so in time.

use std::time::Duration;

use dccd::sim::Knobs;

use crate::rig::is_siege;
use crate::streams::{Live, assert_whole, ends, wait_for_all_before};

const TRADES: [&str; 5] = [
    "binance/BTC-USDT/trades",
    "binance/ETH-USDT/trades",
    "binance/LTC-USDT/trades",
    "binance/BTC-USDT_PERP/trades",
    "binancecoinm/BTC-USD_PERP/trades",
];
const CANDLES: [&str; 2] = ["binance/BTC-USDT/ohlc/1m", "binance/BTC-USDT_PERP/ohlc/1m"];

/// Exchanges that give no notice.
const OTHERS: [&str; 2] = ["kraken/BTC-USDT/trades", "coinbase/BTC-USD/trades"];

const JOBS: &str = "
{exchange: binance, pairs: [BTC/USDT, \"BTC/USDT:perp\"], channels: [trades, ohlc], spans: [60]}
{exchange: binance, pairs: [ETH/USDT, LTC/USDT], channels: [trades]}
{exchange: binancecoinm, pairs: [\"BTC/USD:perp\"], channels: [trades]}
{exchange: kraken, pairs: [BTC/USDT], channels: [trades]}
{exchange: coinbase, pairs: [BTC/USD], channels: [trades]}
";

/// How long after the last end of a connection its hole is behind: the next one is made and has sent trades.
const BEHIND_THE_LAST: Duration = Duration::from_secs(5);

/// Listens over connections that live for a while and end so long after a notice. Gives the daemon's requests for rows
/// while they came and went, and why connections of Binance ended.
async fn outlive(lead: u64) {
    let secs = Duration::from_secs;
    let (lifetime, length) = if is_siege() { (60, secs(1_800)) } else { (10 + lead, secs(45)) };
    let symbols = ["BTCUSDT", "ETHUSDT", "LTCUSDT", "BTCUSD"].map(str::to_owned).to_vec();
    let knobs = Knobs {
        symbols,
        ws_rate: 10,
        ws_lifetime: Some(secs(lifetime)),
        ws_notice: secs(lead),
        ..Knobs::default()
    };
    let live = Live::start(JOBS, knobs).await;
    let all = [&TRADES[..], &CANDLES, &OTHERS].concat();
    live.settle(&TRADES).await;
    let (began, before) = (dccd::clock::now(), TRADES.map(|series| live.asked(series)));
    let ended = ends(&live.metrics(), "binance").values().sum::<u64>();
    tokio::time::sleep(length).await;
    let asked: Vec<usize> =
        TRADES.iter().zip(before).map(|(series, before)| live.asked(series) - before).collect();
    let ends = ends(&live.metrics(), "binance");
    println!("notice of {lead} s: asked {asked:?}, ended {ends:?}");

    // Both lines of Binance, over and over.
    let least = 2 * (length.as_secs() / lifetime - 1);
    assert!(ends.values().sum::<u64>() - ended >= least, "{ends:?}, of which {ended} before");
    if lead > 0 {
        assert!(ends.keys().all(|reason| reason == "notice"), "{ends:?}");
        assert_eq!(asked, [0; TRADES.len()], "trades were asked for over REST");
    } else {
        assert!(asked.iter().all(|asked| *asked > 0), "{asked:?}");
    }
    // Ends that were announced still come, and one without notice may have come just now: what it left out is a hole until
    // history has it, whole seconds after the next connection began. Nothing is missing behind the last of them.
    live.setup.sim.set(|knobs| knobs.ws_lifetime = None);
    wait_for_all_before(&live.setup, &all, dccd::clock::now() + secs(lead) + BEHIND_THE_LAST).await;
    let setup = live.stop().await;
    for name in all {
        let rows = assert_whole(&setup, name);
        assert!(setup.ledger(name).covered.first().unwrap().until > began + length - secs(60), "{name}");
        println!("notice of {lead} s: {name} {rows} rows");
    }
    let sockets = setup.sim.sockets();
    assert!(sockets.values().all(|own| own.over.is_empty() && own.refused == 0), "{sockets:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_end_after_a_notice_lose_no_trade_and_with_a_second_left_ask_for_none() {
    tokio::join!(outlive(10), outlive(1), outlive(0));
}
