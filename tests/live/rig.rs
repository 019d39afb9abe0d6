//! One simulated exchange, and a daemon that listens to some of its series.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dccd::Service;
use dccd::config::{Config, Surroundings, check};
use dccd::engine::{Engine, LiveJob, Streams};
use dccd::model::{Batch, Candle, Kind, Market, Micros, Series, Side, Window, Windows};
use dccd::sim::Knobs;
use dccd::store::{Ledger, verify_series};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::program::{configure, dccd};
use crate::reported::comparable;
use crate::test_daemon::{TestDaemon, set_limits};

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
    pub(crate) engine: Arc<Engine>,
    stop: CancellationToken,
    running: JoinHandle<bool>,
}

impl Daemon {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        assert!(self.running.await.unwrap(), "it ends in good order");
    }
}

impl Rig {
    /// A rig that listens to the trades of pairs, such as `BTC/USDT` or `BTC/USDT:perp`, and to their candles of a minute
    /// where the exchange sends them; the exchange keeps the real time.
    pub(crate) async fn of(exchange: &'static str, pairs: &[&str], knobs: Knobs) -> Rig {
        let live = dccd::exchange::find(exchange).and_then(|own| own.live()).unwrap();
        let has_candles = live.offers().iter().any(|offer| offer.kind == Kind::Ohlc);
        let kinds: &[&str] = if has_candles { &["trades", "ohlc/1m"] } else { &["trades"] };
        Rig::listening(exchange, pairs, kinds, knobs).await
    }

    /// A rig that listens to the trades of pairs alone.
    pub(crate) async fn of_trades(exchange: &'static str, pairs: &[&str], knobs: Knobs) -> Rig {
        Rig::listening(exchange, pairs, &["trades"], knobs).await
    }

    /// A rig that listens to the candles of an hour alone.
    pub(crate) async fn of_hours(exchange: &'static str, pairs: &[&str], knobs: Knobs) -> Rig {
        Rig::listening(exchange, pairs, &["ohlc/1h"], knobs).await
    }

    /// A rig that follows books, with other keys of the job such as `depth: 10`.
    pub(crate) async fn of_books(exchange: &'static str, pairs: &[&str], keys: &str, knobs: Knobs) -> Rig {
        Rig::with(exchange, pairs, &["orderbook"], &format!("[book], {keys}"), knobs).await
    }

    async fn listening(exchange: &'static str, pairs: &[&str], kinds: &[&str], knobs: Knobs) -> Rig {
        let channels = match kinds {
            ["trades"] => "[trades]",
            ["ohlc/1h"] => "[ohlc], spans: [3600]",
            _ => "[trades, ohlc], spans: [60]",
        };
        let knobs = Knobs { weight_limit: 60_000, ..knobs };
        Rig::with(exchange, pairs, kinds, channels, knobs).await
    }

    async fn with(
        exchange: &'static str,
        pairs: &[&str],
        kinds: &[&str],
        channels: &str,
        knobs: Knobs,
    ) -> Rig {
        let symbol = |pair: &&str| pair.trim_end_matches(":perp").replace('/', "");
        let knobs = Knobs { symbols: pairs.iter().map(symbol).collect(), ..knobs };
        let setup = TestDaemon::keeping_time("", knobs).await;
        let (data, rest, ws) = (setup.data_path().display().to_string(), setup.sim.url(), setup.sim.ws_url());
        let text = format!(
            "settings: {{data_path: {data}}}\nhttp: {{listen: []}}\nstorage: {{flush_interval: 1}}\n\
             exchanges:\n  {exchange}: {{rest_url: \"{rest}/{exchange}\", ws_url: \"{ws}/{exchange}\"}}\n\
             stream_jobs:\n  - {{exchange: {exchange}, pairs: [{}], channels: {channels}}}\n",
            pairs.join(", ")
        );
        configure(&setup, &text);
        let names = pairs.iter().map(|pair| pair.replace('/', "-").replace(":perp", "_PERP"));
        let of = |name: String| kinds.iter().map(move |kind| format!("{exchange}/{name}/{kind}"));
        let series = names.flat_map(|name| of(name).collect::<Vec<_>>()).collect();
        Rig { setup, exchange, series, text }
    }

    /// A rig of any exchanges, with the whole text of a configuration.
    pub(crate) fn of_text(setup: TestDaemon, text: String) -> Rig {
        configure(&setup, &text);
        let mut rig = Rig { setup, exchange: "all", series: Vec::new(), text };
        rig.series = LiveJob::all(&rig.config()).iter().map(|job| job.series.to_string()).collect();
        rig
    }

    pub(crate) fn config(&self) -> Config {
        check(&self.text, Path::new("config.yml"), &Surroundings::default()).unwrap()
    }

    /// The configuration of one that collects the history of the trades in place of listening.
    pub(crate) fn config_of_job(&self) -> Config {
        let (head, streams) = self.text.split_once("stream_jobs:").unwrap();
        let (job, _) = streams.split_once(", channels").unwrap();
        let text = format!("{head}histo_jobs:{job}, data_type: trades}}\n");
        check(&text, Path::new("config.yml"), &Surroundings::default()).unwrap()
    }

    pub(crate) async fn start(&self) -> Daemon {
        let service = Service::prepare(self.config()).await.unwrap();
        let (engine, stop) = (service.engine(), CancellationToken::new());
        // It takes a handful of requests a minute; what is missing would be asked for as slowly.
        if self.exchange == "bitfinex" {
            set_limits(&engine, Some(20));
        }
        let until = stop.clone();
        let running = tokio::spawn(async move {
            let ended = service.run(until).await;
            ended.is_durable && ended.broken.is_none()
        });
        Daemon { engine, stop, running }
    }

    /// Streams alone, which doubt quiet series and compare books so many times as often.
    pub(crate) async fn start_hastened(&self, times: u32) -> Daemon {
        let config = self.config();
        let engine = Arc::new(Engine::open(&config, "test").await.unwrap());
        let streams = Streams::of(Arc::clone(&engine), &config).await.unwrap().hastened(times);
        let (stop, own) = (CancellationToken::new(), Arc::clone(&engine));
        let until = stop.clone();
        let running = tokio::spawn(async move {
            streams.run(&until).await;
            own.close().await
        });
        Daemon { engine, stop, running }
    }

    /// The ledger of a series and its rows, both of one moment.
    pub(crate) async fn at_rest(&self, name: &str) -> (Ledger, Batch) {
        loop {
            let (ledger, rows) = (self.setup.ledger(name), self.setup.stored(name));
            if self.setup.ledger(name) == ledger {
                return (ledger, rows);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until trades of every series are proven up to an instant, whatever is missing before.
    pub(crate) async fn heard_until(&self, until: Micros, within: Duration) {
        let last = |name: &String| self.setup.ledger(name).covered.last().map(|window| window.until);
        let behind = || {
            let trades = self.series.iter().filter(|name| name.ends_with("/trades"));
            trades.filter(|name| last(name) < Some(until)).collect::<Vec<_>>()
        };
        self.wait_for(within, || behind().is_empty(), || format!("{:?} are behind", behind())).await;
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
                let (covered, gaps) = (&ledger.covered, ledger.gaps(until));
                format!(
                    "{series}: covered {covered:?}, gaps {gaps:?}, empty {:?}, unfillable {:?}",
                    ledger.empty, ledger.unfillable
                )
            });
            told.collect::<Vec<_>>().join("\n")
        };
        self.wait_for(within, || missing().next().is_none(), told).await;
    }

    fn is_complete(&self, series: &str, until: Micros) -> bool {
        let (held, series) = (held(&self.setup.ledger(series)), series.parse::<Series>().unwrap());
        let until = series.span().map_or(until, |span| span.grid().floor(until));
        let first = held.first().map(|window| window.from);
        first.is_some_and(|from| Window::new(from, until).is_none_or(|wanted| held.cover(wanted)))
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
        mut is_so: impl FnMut() -> bool,
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
        let held = held(&ledger);
        assert_eq!(held.len(), 1, "{name}: {held:?}");
        let window = held.first().unwrap();
        let existing = self.setup.existing(name, window);
        // Of the instants heard first and last nothing proves that all their trades came.
        let beside =
            |ts: &&i64| **ts != window.from.0 - 1 && **ts < window.until.0 && !window.holds(Micros(**ts));
        let beside: Vec<i64> = stored.ts().iter().filter(beside).copied().collect();
        // These begin with the last trades there were, or with those that come; a connection may end before anything is proven.
        let begins_unproven = matches!(self.exchange, "bitfinex" | "bitmex" | "bybit");
        assert!(
            beside.iter().all(|ts| begins_unproven && *ts < window.from.0),
            "{name}: {beside:?} beside {window:?}"
        );
        for ts in beside {
            let own = Window { from: Micros(ts), until: Micros(ts + 1) };
            let (ours, theirs) = (trades(&stored, own), trades(&self.setup.existing(name, own), own));
            assert!(ours.iter().all(|row| theirs.contains(row)), "{name}: {ours:?} are not of {theirs:?}");
        }
        let series: Series = name.parse().unwrap();
        if series.span().is_none() {
            let of = |rows: &Batch| trades(&comparable(&series, rows), window);
            assert_same(name, &of(&stored), &of(&existing));
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

/// The windows that are covered or confirmed empty: a pair that trades every few seconds may have nothing to fill a hole with.
fn held(ledger: &Ledger) -> Windows {
    ledger.covered.iter().chain(ledger.empty.iter().map(|note| note.window)).collect()
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

/// The assets whose pairs are listened to.
const ASSETS: [&str; 5] = ["BTC", "ETH", "XRP", "ADA", "SOL"];

/// Each exchange that sends trades live, with five pairs of each of its lines. `DCCD_EXCHANGE` names the only
/// exchange that takes part.
pub(crate) fn lines_of_trades() -> Vec<(&'static str, Vec<String>)> {
    let only = std::env::var("DCCD_EXCHANGE").ok();
    let mut lines: Vec<(&'static str, &'static str, Vec<String>)> = Vec::new();
    for exchange in dccd::exchange::ALL {
        let offers = exchange.live().map(|live| live.offers()).unwrap_or_default();
        for offer in offers.iter().filter(|offer| offer.kind == Kind::Trades) {
            let (name, line) = (exchange.name(), offer.line.name);
            let is_known = lines.iter().any(|own| (own.0, own.1) == (name, line));
            // Inverse contracts of Bybit are simulated as ones of the base asset.
            let is_known = is_known || line == "inverse";
            if !is_known && only.as_ref().is_none_or(|only| only == name) {
                lines.push((name, line, pairs_of(name, line, offer.markets[0])));
            }
        }
    }
    lines.into_iter().map(|(name, _, pairs)| (name, pairs)).collect()
}

/// Pairs of a line as configurations write them.
fn pairs_of(exchange: &str, line: &str, market: Market) -> Vec<String> {
    if exchange == "bitmex" {
        let mixed = ["BTC/USD:perp", "ETH/USD:perp", "BTC/USDT", "ETH/USDT:perp", "SOL/USDT:perp"];
        return mixed.map(str::to_owned).to_vec();
    }
    let quote = match (exchange, line) {
        ("binancecoinm" | "bitfinex" | "coinbase" | "kraken" | "krakenfutures", _) => "USD",
        _ => "USDT",
    };
    let suffix = if market == Market::Spot { "" } else { ":perp" };
    ASSETS.iter().map(|asset| format!("{asset}/{quote}{suffix}")).collect()
}

/// Whether the long forms run.
pub(crate) fn is_siege() -> bool {
    crate::dice::times(0, 1) == 1
}
