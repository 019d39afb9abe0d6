//! A data path and a simulated exchange that fills it, and the comparison of what is stored with what exists.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dccd::config::{Config, Surroundings, check};
use dccd::engine::{Engine, EngineError, Job};
use dccd::exchange::{Quota, find, names};
use dccd::jobs::{Order, Outcome, Precedence, Retry, Since};
use dccd::model::{Batch, Grid, Kind, Micros, Series, Window, Zone};
use dccd::sim::{Clock, Endpoint, Fault, Knobs, Rule, Seen, Sim};
use dccd::store::{Layout, Ledger, StoreError, period_files, verify_series};
use dccd::telemetry::exposition;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::reported;

pub(crate) const MINUTELY: &str = "binance/BTC-USDT/ohlc/1m";
pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// An exchange, a data path, and one job in its configuration.
pub(crate) struct TestDaemon {
    pub(crate) sim: Sim,
    pub(crate) folder: TempDir,
    pub(crate) jobs: String,
    /// The exchange's time, where the test steers it.
    pub(crate) now: Arc<AtomicI64>,
    /// How many times the documented limits requests may come; none where they wait for no limit.
    pub(crate) faster: Option<u32>,
}

impl TestDaemon {
    /// A setup whose exchange stands at an instant, with the 1-minute candles of one pair as its only job.
    pub(crate) async fn at(now: &str, knobs: Knobs) -> TestDaemon {
        TestDaemon::with("{exchange: binance, pairs: [BTC/USDT], span: 60, retry_delay: 0.01}", now, knobs)
            .await
    }

    pub(crate) async fn with(jobs: &str, now: &str, knobs: Knobs) -> TestDaemon {
        let now = Arc::new(AtomicI64::new(at(now).0));
        let hand = Arc::clone(&now);
        let clock = Clock::of(move || Micros(hand.load(Ordering::Relaxed)));
        TestDaemon { now, ..TestDaemon::keeping_time(jobs, Knobs { clock, ..knobs }).await }
    }

    /// A setup whose requests wait for no limit: those of many exchanges would take minutes.
    pub(crate) async fn unlimited(jobs: &str, now: &str, knobs: Knobs) -> TestDaemon {
        let knobs = Knobs { weight_limit: u32::MAX, ..knobs };
        TestDaemon { faster: None, ..TestDaemon::with(jobs, now, knobs).await }
    }

    /// A setup whose requests may come so many times as fast as documented, and whose exchange stands at an instant.
    pub(crate) async fn faster(jobs: &str, now: Micros, knobs: Knobs, times: u32) -> TestDaemon {
        TestDaemon { faster: Some(times), ..TestDaemon::with(jobs, &now.to_string(), knobs).await }
    }

    /// A setup whose exchange keeps the time of its knobs.
    pub(crate) async fn keeping_time(jobs: &str, knobs: Knobs) -> TestDaemon {
        let sim = Sim::start("127.0.0.1:0".parse().unwrap(), knobs).await.unwrap();
        TestDaemon {
            sim,
            folder: TempDir::new().unwrap(),
            jobs: jobs.to_owned(),
            now: Arc::default(),
            faster: Some(1),
        }
    }

    pub(crate) fn move_to(&self, now: &str) {
        self.now.store(at(now).0, Ordering::Relaxed);
    }

    pub(crate) fn data_path(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.data_path())
    }

    /// The text of the configuration.
    pub(crate) fn text(&self) -> String {
        format!(
            "settings: {{data_path: {}}}\nhttp: {{listen: []}}\nexchanges:\n{}histo_jobs:\n  - {}\n",
            self.data_path().display(),
            names().iter().map(|name| self.address(name)).collect::<String>(),
            self.jobs.replace('\n', "\n  - "),
        )
    }

    fn address(&self, exchange: &str) -> String {
        format!("  {exchange}: {{rest_url: \"{}/{exchange}\"}}\n", self.sim.url())
    }

    pub(crate) fn config(&self) -> Config {
        check(&self.text(), Path::new("config.yml"), &Surroundings::default()).unwrap()
    }

    /// A process that starts on the data path.
    pub(crate) async fn engine(&self) -> Engine {
        // Another test that begins a program at this moment shares the lock of an engine that ended, until the program runs.
        let mut opened = Engine::open(&self.config(), "test").await;
        for _ in 0..50 {
            if !matches!(opened, Err(EngineError::Store(StoreError::InUse { .. }))) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            opened = Engine::open(&self.config(), "test").await;
        }
        let engine = opened.unwrap();
        set_limits(&engine, self.faster);
        engine
    }

    /// A process that starts, runs one order and ends.
    pub(crate) async fn run(&self, order: &Order) -> Outcome {
        let engine = self.engine().await;
        let outcome = run(&engine, order).await;
        engine.close().await;
        outcome
    }

    /// The same until nothing is missing; gives how often it took.
    pub(crate) async fn run_until_complete(&self, order: &Order, at_most: usize) -> usize {
        for times in 1..=at_most {
            if self.run(order).await.error.is_none() {
                return times;
            }
        }
        panic!("{at_most} runs were not enough")
    }

    /// Runs every configured job once, as `collect` does.
    pub(crate) async fn collect(&self) -> Vec<Outcome> {
        let engine = self.engine().await;
        let mut outcomes = Vec::new();
        for job in Job::all(&self.config()) {
            outcomes.push(run(&engine, &job.order).await);
        }
        engine.close().await;
        outcomes
    }

    pub(crate) fn ledger(&self, series: &str) -> Ledger {
        let series: Series = series.parse().unwrap();
        Ledger::read(&self.layout().ledger(&series), &series).unwrap().unwrap_or_default()
    }

    /// Every stored row of a series, file by file in the order of their names.
    pub(crate) fn stored(&self, series: &str) -> Batch {
        let series: Series = series.parse().unwrap();
        let ledger = Ledger::read(&self.layout().ledger(&series), &series).unwrap().unwrap_or_default();
        let mut rows = Batch::of(series.kind());
        for period in ledger.periods() {
            for file in period_files(&self.layout(), &series, period).unwrap() {
                rows.take_all(&file.rows().unwrap());
            }
        }
        rows
    }

    /// The exchange's rows of a series in a window.
    pub(crate) fn existing(&self, series: &str, window: Window) -> Batch {
        let series: Series = series.parse().unwrap();
        let assets = format!("{}{}", series.pair().base(), series.pair().quote());
        let market = self.sim.market(&assets).unwrap();
        let rows = match series.kind() {
            Kind::Ohlc => market.candles(grid(&series), window),
            Kind::Funding => market.fundings(window),
            Kind::OpenInterest => market.open_interests(grid(&series), window),
            _ => market.trades(window),
        };
        reported::by(&series, rows)
    }

    /// Every row the exchange has in the window is stored once, to the bit and in order, nothing else is,
    /// and the ledger, the files and health say so too.
    pub(crate) async fn assert_true(&self, series: &str, window: Window) {
        let (stored, existing) = (self.stored(series), self.existing(series, window));
        let parsed: Series = series.parse().unwrap();
        assert_same(&reported::comparable(&parsed, &stored), &reported::comparable(&parsed, &existing));

        assert_eq!(verify_series(&self.layout(), &parsed).unwrap(), []);
        let ledger = self.ledger(series);
        assert_eq!(ledger.rows(), stored.len() as u64);
        assert_eq!(ledger.ends(), existing.ends());
        assert_eq!(ledger.settled().missing(window).iter().collect::<Vec<_>>(), [], "left open");
        let uncovered = stored.ts().iter().filter(|at| !ledger.covered.holds(Micros(**at))).count();
        assert_eq!(uncovered, 0, "rows outside of what is covered");

        let engine = self.engine().await;
        let health = engine.telemetry().health().of(&parsed).unwrap();
        let pair = &engine.telemetry().health().get_metrics()[&parsed.pair_key()];
        assert_eq!((health.rows, pair.rows_collected), (ledger.rows(), ledger.rows()), "health");
        let metrics = Metrics::of(&engine);
        let newest = existing.ends().map_or(0.0, |ends| ends.1.as_secs_f64());
        assert_eq!(metrics.of_series("dccd_series_newest_row_timestamp_seconds", &parsed), newest);
        let covered = metrics.of_series("dccd_series_coverage_seconds{state=\"covered\"", &parsed);
        assert_eq!(covered, ledger.covered.secs());
        engine.close().await;
    }

    /// The rows alone.
    pub(crate) fn assert_rows(&self, series: &str, window: Window) {
        assert_same(&self.stored(series), &self.existing(series, window));
    }

    /// The requests of an endpoint, in the order they came.
    pub(crate) fn asked(&self, endpoint: Endpoint) -> Vec<Seen> {
        self.sim.requests().into_iter().filter(|seen| seen.endpoint == endpoint).collect()
    }
}

/// The documented limits so many times over, or none worth waiting for.
pub(crate) fn set_limits(engine: &Engine, times: Option<u32>) {
    for exchange in dccd::exchange::ALL {
        let Some(client) = engine.client(exchange.name()) else { continue };
        for (budget, quota) in exchange.quotas() {
            let unlimited = Quota { weight: 1_000_000, per: Duration::from_secs(1) };
            let faster = times.map(|times| Quota { weight: quota.weight * times, ..*quota });
            client.set_quota(*budget, faster.unwrap_or(unlimited));
        }
    }
}

/// Runs one order to its end.
pub(crate) async fn run(engine: &Engine, order: &Order) -> Outcome {
    engine.run(order, Duration::ZERO, &|_| {}, &CancellationToken::new()).await
}

/// History from a date on, as `backfill` with a `start` in the job asks for it.
pub(crate) fn backfill(series: &str, from: &str) -> Order {
    Order { since: Since::AtLeast(at(from)), ..order(series) }
}

/// An increment, as `collect` asks for it.
pub(crate) fn order(series: &str) -> Order {
    Order {
        series: Arc::new(series.parse().unwrap()),
        since: Since::Known,
        until: None,
        retry: Retry { attempts: 3, delay: Duration::from_millis(5) },
        depth: 50,
        precedence: Precedence::Ordinary,
    }
}

pub(crate) fn at(text: &str) -> Micros {
    Micros::parse(text, &Zone::UTC).unwrap()
}

pub(crate) fn window(from: &str, until: &str) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

pub(crate) fn grid(series: &Series) -> Grid {
    find(series.exchange()).unwrap().offer_for(series).unwrap().grid(series.span().unwrap())
}

/// The number a query asks for under a name.
pub(crate) fn asked_number(seen: &Seen, name: &str) -> i64 {
    let query = seen.path.split_once('?').unwrap().1;
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap().parse().unwrap()
}

/// Every way an answer can be broken that leaves the connection alone.
pub(crate) fn broken_answers(share: f64) -> Vec<Rule> {
    let faults = [
        Fault::Status500,
        Fault::Short,
        Fault::Empty,
        Fault::Shuffled,
        Fault::Doubled,
        Fault::WrongType,
        Fault::ErrorBody,
        Fault::Stuck,
    ];
    faults.iter().map(|fault| Rule::share(*fault, share)).collect()
}

/// How many requests of an endpoint were answered wrongly on purpose.
pub(crate) fn faults_struck(setup: &TestDaemon, endpoint: Endpoint) -> usize {
    setup.asked(endpoint).iter().filter(|seen| seen.fault.is_some()).count()
}

/// An error with its causes.
pub(crate) fn error_of(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut cause = outcome.error.as_ref().map(|error| error as &dyn std::error::Error);
    while let Some(error) = cause {
        text = format!("{text}{}{error}", if text.is_empty() { "" } else { ": " });
        cause = error.source();
    }
    text
}

/// Fails with what is missing, doubled, wrong or invented.
pub(crate) fn assert_same(stored: &Batch, existing: &Batch) {
    if stored == existing {
        return;
    }
    let count = |rows: &Batch| {
        let mut count: BTreeMap<i64, usize> = BTreeMap::new();
        rows.ts().iter().for_each(|at| *count.entry(*at).or_default() += 1);
        count
    };
    let (ours, theirs) = (count(stored), count(existing));
    let apart: Vec<String> = ours
        .keys()
        .chain(theirs.keys())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .filter(|at| ours.get(at) != theirs.get(at))
        .map(|at| {
            let number = |rows: &BTreeMap<i64, usize>| rows.get(at).copied().unwrap_or(0);
            format!("{}: {} stored, {} exist", Micros(*at), number(&ours), number(&theirs))
        })
        .collect();
    panic!(
        "{} rows stored, {} exist; {} instants differ in number, the first {:?}; the others in content or order",
        stored.len(),
        existing.len(),
        apart.len(),
        &apart[..apart.len().min(5)]
    );
}

/// The samples of a process's metrics.
pub(crate) struct Metrics(Vec<String>);

impl Metrics {
    pub(crate) fn of(engine: &Engine) -> Metrics {
        Metrics(exposition::text(engine.telemetry().metrics()).unwrap().lines().map(str::to_owned).collect())
    }

    /// The sample of a family for the exchange and the kind of a series.
    pub(crate) fn of_kind(&self, family: &str, series: &Series) -> f64 {
        let labels = [format!("exchange=\"{}\"", series.exchange()), format!("kind=\"{}\"", series.kind())];
        let fits = |line: &&String| {
            line.split('{').next() == Some(family) && labels.iter().all(|label| line.contains(label.as_str()))
        };
        let line = self.0.iter().find(fits).unwrap_or_else(|| panic!("no {family} of {series}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// The lines of a family.
    pub(crate) fn lines(&self, family: &str) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(move |line| line.split('{').next() == Some(family))
    }

    /// All samples of a family.
    pub(crate) fn sum(&self, family: &str) -> f64 {
        let own = self.lines(family);
        own.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// The sample of a family, or of one of its label sets, for a series.
    pub(crate) fn of_series(&self, family: &str, series: &Series) -> f64 {
        let (name, label) = family.split_once('{').unwrap_or((family, ""));
        let labels = [
            format!("kind=\"{}\"", series.kind()),
            format!("pair=\"{}\"", series.pair()),
            format!("span=\"{}\"", series.span_label()),
            label.to_owned(),
        ];
        let fits = |line: &&String| {
            line.split('{').next() == Some(name) && labels.iter().all(|label| line.contains(label.as_str()))
        };
        let line = self.0.iter().find(fits).unwrap_or_else(|| panic!("no {family} of {series}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}
