//! One simulated exchange, and a daemon that listens to some of its series.

use std::path::Path;
use std::time::{Duration, Instant};

use dccd::Service;
use dccd::config::{Config, Surroundings, check};
use dccd::model::{Batch, Candle, Micros, Series, Side, Window};
use dccd::sim::Knobs;
use dccd::store::verify_series;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::program::{configure, dccd};
use crate::test_daemon::TestDaemon;

/// How often something is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(250);

/// The exchange with the series that are listened to.
pub(crate) struct Rig {
    pub(crate) setup: TestDaemon,
    pub(crate) exchange: &'static str,
    pub(crate) series: Vec<String>,
    text: String,
}

/// A daemon under way.
pub(crate) struct Daemon {
    stop: CancellationToken,
    running: JoinHandle<dccd::Ended>,
}

impl Daemon {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = self.running.await.unwrap();
        assert!(ended.is_durable && ended.broken.is_none());
    }
}

/// The trades of pairs, and their candles of a minute where the exchange sends them.
fn series_of(exchange: &str, pairs: &[&str]) -> Vec<String> {
    let kinds: &[&str] = if exchange == "coinbase" { &["trades"] } else { &["trades", "ohlc/1m"] };
    let all = pairs.iter().flat_map(|pair| {
        kinds.iter().map(move |kind| (pair.replace('/', "-").replace(":perp", "_PERP"), kind))
    });
    all.map(|(pair, kind)| format!("{exchange}/{pair}/{kind}")).collect()
}

impl Rig {
    /// A rig that listens to the trades and candles of pairs, such as `BTC/USDT` or `BTC/USDT:perp`; the exchange keeps the real time.
    pub(crate) async fn of(exchange: &'static str, pairs: &[&str], knobs: Knobs) -> Rig {
        let symbol = |pair: &&str| pair.trim_end_matches(":perp").replace('/', "");
        let knobs = Knobs { symbols: pairs.iter().map(symbol).collect(), weight_limit: 60_000, ..knobs };
        let setup = TestDaemon::keeping_time("", knobs).await;
        let series = series_of(exchange, pairs);
        let channels = if exchange == "coinbase" { "[trades]" } else { "[trades, ohlc], spans: [60]" };
        Rig::listening(setup, exchange, series, pairs, channels)
    }

    fn listening(
        setup: TestDaemon,
        exchange: &'static str,
        series: Vec<String>,
        pairs: &[&str],
        channels: &str,
    ) -> Rig {
        let (data, rest, ws) = (setup.data_path().display().to_string(), setup.sim.url(), setup.sim.ws_url());
        let pairs = pairs.join(", ");
        let text = format!(
            "settings: {{data_path: {data}}}\nhttp: {{listen: []}}\nstorage: {{flush_interval: 1}}\n\
             exchanges:\n  {exchange}: {{rest_url: \"{rest}/{exchange}\", ws_url: \"{ws}/{exchange}\"}}\n\
             stream_jobs:\n  - {{exchange: {exchange}, pairs: [{pairs}], channels: {channels}}}\n"
        );
        configure(&setup, &text);
        Rig { setup, exchange, series, text }
    }

    pub(crate) fn config(&self) -> Config {
        check(&self.text, Path::new("config.yml"), &Surroundings::default()).unwrap()
    }

    pub(crate) async fn start(&self) -> Daemon {
        let service = Service::prepare(self.config()).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(service.run(stop.clone()));
        Daemon { stop, running }
    }

    /// Waits until the exchange struck so many faults.
    pub(crate) async fn struck(&self, faults: u64, within: Duration) {
        let struck = || self.setup.sim.sockets().values().flat_map(|own| own.faults.values()).sum::<u64>();
        self.wait_for(within, || struck() >= faults, || format!("{} of {faults} faults struck", struck()))
            .await;
    }

    /// Waits until everything of every series up to an instant is stored or known not to exist: of candles, those that
    /// were closed by then.
    pub(crate) async fn complete_until(&self, until: Micros, within: Duration) {
        let missing = || self.series.iter().filter(|series| !self.is_complete(series, until));
        let told = || {
            let told = missing().map(|series| {
                let ledger = self.setup.ledger(series);
                format!("{series}: covered {:?}, gaps {:?}", ledger.covered, ledger.gaps(until))
            });
            told.collect::<Vec<_>>().join("\n")
        };
        self.wait_for(within, || missing().next().is_none(), told).await;
    }

    fn is_complete(&self, series: &str, until: Micros) -> bool {
        let (ledger, series) = (self.setup.ledger(series), series.parse::<Series>().unwrap());
        let until = series.span().map_or(until, |span| span.grid().floor(until));
        let first = ledger.covered.first().map(|window| window.from);
        first.is_some_and(|from| Window::new(from, until).is_none_or(|wanted| ledger.covered.cover(wanted)))
    }

    /// Waits until `dccd gaps` names no gap.
    pub(crate) async fn without_gaps(&self, within: Duration) {
        let began = Instant::now();
        loop {
            let gaps = dccd(&self.setup, &["gaps", "--open", "--json"]).await;
            assert_eq!(gaps.code, Some(0), "{gaps:?}");
            if gaps.out.trim() == "[]" {
                return;
            }
            assert!(
                began.elapsed() < within,
                "{}: after {within:?} there are gaps: {}",
                self.exchange,
                gaps.out
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) async fn wait_for(
        &self,
        within: Duration,
        is_so: impl Fn() -> bool,
        told: impl Fn() -> String,
    ) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < within, "{}: not so after {within:?}: {}", self.exchange, told());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Holds a series to the exchange: one window is covered, and its rows are the exchange's, each once, nothing else.
    /// Returns the window and the rows.
    pub(crate) fn exact(&self, name: &str) -> (Window, Batch) {
        let (stored, ledger) = (self.setup.stored(name), self.setup.ledger(name));
        assert_eq!(ledger.covered.len(), 1, "{name}: {:?}", ledger.covered);
        let window = ledger.covered.first().unwrap();
        let existing = self.setup.existing(name, window);
        // Of the instants heard first and last nothing proves that all their trades came.
        let beside =
            |ts: &&i64| **ts != window.from.0 - 1 && **ts < window.until.0 && !window.holds(Micros(**ts));
        assert_eq!(stored.ts().iter().filter(beside).count(), 0, "{name}: rows outside of {window:?}");
        let series: Series = name.parse().unwrap();
        if series.span().is_none() {
            assert_same(name, &trades(&stored, window), &trades(&existing, window));
        } else {
            // Those that the exchange gives no more are computed from trades, which the simulator's do not add up to.
            let own = |rows: &Batch| -> Vec<Candle> {
                rows.candles().iter().filter(|candle| !ledger.derived.holds(candle.ts)).collect()
            };
            assert_same(name, &own(&stored), &own(&existing));
        }
        assert_eq!(verify_series(&self.setup.layout(), &series).unwrap(), []);
        (window, stored)
    }
}

/// Fails at the first row that differs.
pub(crate) fn assert_same<T: PartialEq + std::fmt::Debug>(name: &str, ours: &[T], theirs: &[T]) {
    let apart = ours.iter().zip(theirs).position(|(own, their)| own != their);
    let beside = apart.map(|at| (&ours[at], &theirs[at]));
    assert!(
        apart.is_none() && ours.len() == theirs.len(),
        "{name}: {} rows stored, {} exist; the first that differ: {beside:?}",
        ours.len(),
        theirs.len()
    );
}

/// A trade without its receipt.
pub(crate) type Seen = (Micros, Option<String>, f64, f64, Option<Side>);

/// The trades of a batch inside a window.
pub(crate) fn trades(rows: &Batch, window: Window) -> Vec<Seen> {
    let trades = rows.trades();
    let all = trades
        .iter()
        .map(|trade| (trade.ts, trade.id.map(ToString::to_string), trade.price, trade.amount, trade.side));
    all.filter(|trade| window.holds(trade.0)).collect()
}

/// Whether the long forms run.
pub(crate) fn is_siege() -> bool {
    crate::dice::times(0, 1) == 1
}
