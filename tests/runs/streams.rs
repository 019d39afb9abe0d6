//! Live series through sockets that misbehave, and over a restart: everything that was listened to is stored once.

use std::path::Path;
use std::time::Duration;

use dccd::Service;
use dccd::config::{Config, Surroundings, check};
use dccd::model::{Batch, Micros, Series, Side, Window};
use dccd::sim::{Knobs, WsFault};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::test_daemon::TestDaemon;

const TRADES: [&str; 4] = [
    "binance/BTC-USDT/trades",
    "binance/ETH-USDT/trades",
    "kraken/BTC-USD/trades",
    "coinbase/BTC-USD/trades",
];

const FAULTS: [WsFault; 8] = [
    WsFault::Cut,
    WsFault::Hole,
    WsFault::Reset,
    WsFault::Double,
    WsFault::Swap,
    WsFault::Hole,
    WsFault::Notice,
    WsFault::Burst,
];

fn config(setup: &TestDaemon) -> Config {
    let (data, rest, ws) = (setup.data_path().display().to_string(), setup.sim.url(), setup.sim.ws_url());
    let address =
        |name: &str| format!("  {name}: {{rest_url: \"{rest}/{name}\", ws_url: \"{ws}/{name}\"}}\n");
    let exchanges: String = ["binance", "kraken", "coinbase"].map(address).concat();
    let text = format!(
        "settings: {{data_path: {data}}}\nhttp: {{listen: []}}\nstorage: {{flush_interval: 1}}\n\
         exchanges:\n{exchanges}stream_jobs:\n  \
         - {{exchange: binance, pairs: [BTC/USDT, ETH/USDT], channels: [trades, ohlc], spans: [60]}}\n  \
         - {{exchange: kraken, pairs: [BTC/USD], channels: [trades, ohlc], spans: [60, 300]}}\n  \
         - {{exchange: coinbase, pairs: [BTC/USD], channels: [trades]}}\n"
    );
    check(&text, Path::new("config.yml"), &Surroundings::default()).unwrap()
}

/// A daemon under way.
struct Daemon {
    stop: CancellationToken,
    running: JoinHandle<dccd::Ended>,
}

impl Daemon {
    async fn start(setup: &TestDaemon) -> Daemon {
        let service = Service::prepare(config(setup)).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(service.run(stop.clone()));
        Daemon { stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        let ended = self.running.await.unwrap();
        assert!(ended.is_durable && ended.broken.is_none());
    }
}

/// Waits until every trade before an instant is stored or known not to exist, in every series.
async fn wait_for_all_before(setup: &TestDaemon, until: Micros) {
    for _ in 0..120 {
        let is_whole = |series: &&str| {
            let ledger = setup.ledger(series);
            let first = ledger.covered.first().map(|window| window.from);
            first.and_then(|from| Window::new(from, until)).is_some_and(|wanted| ledger.covered.cover(wanted))
        };
        if TRADES.iter().all(is_whole) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for series in TRADES {
        let ledger = setup.ledger(series);
        println!("{series}: {:?}, gaps {:?}", ledger.covered, ledger.gaps(until));
    }
    panic!("some trades before {until} are missing after a minute");
}

/// A trade without its receipt.
type Seen = (Micros, Option<String>, f64, f64, Option<Side>);

/// The trades of a batch inside a window.
fn trades(rows: &Batch, window: Window) -> Vec<Seen> {
    let trades = rows.trades();
    let all = trades
        .iter()
        .map(|trade| (trade.ts, trade.id.map(ToString::to_string), trade.price, trade.amount, trade.side));
    all.filter(|trade| window.holds(trade.0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_trades_are_stored_once_each_through_every_fault_of_their_sockets_and_a_restart() {
    let symbols = ["BTCUSDT", "ETHUSDT", "BTCUSD"].map(str::to_owned).to_vec();
    let knobs = Knobs { symbols, ws_rate: 20, weight_limit: 60_000, ..Knobs::default() };
    let setup = TestDaemon::keeping_time("", knobs).await;

    let daemon = Daemon::start(&setup).await;
    for fault in FAULTS {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        setup.sim.strike(fault);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    daemon.stop().await;
    let daemon = Daemon::start(&setup).await;
    let restarted = dccd::clock::now() + Duration::from_secs(2);
    wait_for_all_before(&setup, restarted).await;
    daemon.stop().await;

    for name in TRADES {
        let (stored, covered) = (setup.stored(name), setup.ledger(name).covered);
        assert_eq!(covered.len(), 1, "{name}: {covered:?}");
        let window = covered.first().unwrap();
        let (ours, theirs) = (trades(&stored, window), trades(&setup.existing(name, window), window));
        assert!(theirs.len() > 300, "{name}: only {} trades", theirs.len());
        let first_apart = ours.iter().zip(&theirs).find(|(own, their)| own != their);
        assert_eq!((ours.len(), first_apart), (theirs.len(), None), "{name}");
        let received = stored.trades().iter().filter(|trade| trade.ts_recv.is_some()).count();
        assert!(received > 300, "{name}: {received} of {} came live", ours.len());
        let series: Series = name.parse().unwrap();
        assert_eq!(dccd::store::verify_series(&setup.layout(), &series).unwrap(), []);
    }
    let sockets = setup.sim.sockets();
    assert!(sockets.values().all(|own| own.refused == 0), "no topic is refused");
    let struck: u64 = setup.sim.sockets().values().flat_map(|own| own.faults.values()).sum();
    assert!(struck >= 6, "only {struck} faults struck");
}
