//! A daemon with live series against the simulated exchanges, and what it stored against what they have.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dccd::Service;
use dccd::clock::now;
use dccd::config::{Config, Surroundings, check};
use dccd::engine::{Engine, Streams};
use dccd::model::{Batch, Kind, Micros, Series, Side, Window};
use dccd::sim::{Knobs, Seen};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::reported;
use crate::test_daemon::{Metrics, TestDaemon};

/// A configuration with stream jobs; each a line.
pub(crate) fn text(setup: &TestDaemon, jobs: &str) -> String {
    let (rest, ws) = (setup.sim.url(), setup.sim.ws_url());
    let address =
        |name: &str| format!("  {name}: {{rest_url: \"{rest}/{name}\", ws_url: \"{ws}/{name}\"}}\n");
    let exchanges: String = dccd::exchange::ALL
        .iter()
        .filter(|exchange| exchange.live().is_some())
        .map(|exchange| address(exchange.name()))
        .collect();
    format!(
        "settings: {{data_path: {}}}\nhttp: {{listen: []}}\nstorage: {{flush_interval: 1}}\n\
         exchanges:\n{exchanges}stream_jobs:\n  - {}\n",
        setup.data_path().display(),
        jobs.trim().replace('\n', "\n  - "),
    )
}

pub(crate) fn config(setup: &TestDaemon, jobs: &str) -> Config {
    check(&text(setup, jobs), Path::new("config.yml"), &Surroundings::default()).unwrap()
}

/// A daemon under way in this process.
pub(crate) struct Live {
    pub(crate) setup: TestDaemon,
    pub(crate) engine: Arc<Engine>,
    stop: CancellationToken,
    running: JoinHandle<bool>,
}

impl Live {
    /// Streams alone, which doubt quiet series after so many times shorter pauses.
    pub(crate) async fn start_hastened(jobs: &str, knobs: Knobs, times: u32) -> Live {
        let setup = TestDaemon::keeping_time("", knobs).await;
        let config = config(&setup, jobs);
        let engine = Arc::new(Engine::open(&config, "test").await.unwrap());
        let streams = Streams::of(Arc::clone(&engine), &config).await.unwrap().hastened(times);
        let (stop, own) = (CancellationToken::new(), Arc::clone(&engine));
        let until = stop.clone();
        let running = tokio::spawn(async move {
            streams.run(&until).await;
            own.close().await
        });
        Live { setup, engine, stop, running }
    }

    pub(crate) async fn start(jobs: &str, knobs: Knobs) -> Live {
        let setup = TestDaemon::keeping_time("", Knobs { weight_limit: 60_000, ..knobs }).await;
        let service = Service::prepare(config(&setup, jobs)).await.unwrap();
        let (engine, stop) = (service.engine(), CancellationToken::new());
        let until = stop.clone();
        let running = tokio::spawn(async move {
            let ended = service.run(until).await;
            ended.is_durable && ended.broken.is_none()
        });
        Live { setup, engine, stop, running }
    }

    pub(crate) async fn stop(self) -> TestDaemon {
        self.stop.cancel();
        assert!(self.running.await.unwrap(), "it ends in good order");
        self.setup
    }

    /// The requests for rows of a series since the start.
    pub(crate) fn asked(&self, series: &str) -> usize {
        asked(&self.setup, series).len()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        Metrics::of(&self.engine)
    }

    /// How many series are live.
    pub(crate) fn live(&self) -> usize {
        let metrics = self.metrics();
        let states = metrics.lines("dccd_websocket_state");
        states.filter(|line| line.contains("state=\"live\"") && line.ends_with(" 1")).count()
    }

    /// Waits until nothing has been asked for over REST for five seconds, and everything by then is covered.
    pub(crate) async fn settle(&self, all: &[&str]) {
        wait_for_all_before(&self.setup, all, now() + Duration::from_secs(1)).await;
        let counts = || all.iter().map(|series| self.asked(series)).collect::<Vec<_>>();
        for _ in 0..20 {
            let before = counts();
            tokio::time::sleep(Duration::from_secs(5)).await;
            if counts() == before {
                return;
            }
        }
        panic!("rows are asked for again and again");
    }
}

/// The requests for rows of a series.
pub(crate) fn asked(setup: &TestDaemon, series: &str) -> Vec<Seen> {
    let series: Series = series.parse().unwrap();
    let (base, quote) = (series.pair().base().to_string(), series.pair().quote().to_string());
    let endpoint = match series.kind() {
        Kind::Trades => dccd::sim::Endpoint::Trades,
        _ => dccd::sim::Endpoint::Ohlc,
    };
    let is_of = |seen: &Seen| {
        let own = format!("/{}/", series.exchange());
        let symbols = [format!("{base}{quote}"), format!("{base}-{quote}")];
        seen.path.contains(&own) && symbols.iter().any(|symbol| seen.path.contains(symbol))
    };
    setup.asked(endpoint).into_iter().filter(is_of).collect()
}

/// Waits until every row before an instant is stored or known not to exist, in every series.
pub(crate) async fn wait_for_all_before(setup: &TestDaemon, all: &[&str], until: Micros) {
    let is_whole = |series: &&str| {
        let (ledger, parsed): (_, Series) = (setup.ledger(series), series.parse().unwrap());
        let until = parsed.span().map_or(until, |span| span.grid().floor(until));
        let first = ledger.covered.first().map(|window| window.from);
        first.and_then(|from| Window::new(from, until)).is_some_and(|wanted| ledger.covered.cover(wanted))
    };
    for _ in 0..240 {
        if all.iter().all(is_whole) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for series in all.iter().filter(|series| !is_whole(series)) {
        println!("{series}: {:?}, gaps {:?}", setup.ledger(series).covered, setup.ledger(series).gaps(until));
    }
    panic!("some rows before {until} are missing after two minutes");
}

/// A trade without its receipt.
type Bare = (Micros, Option<String>, f64, f64, Option<Side>);

/// The trades of a batch inside a window.
fn trades(rows: &Batch, window: Window) -> Vec<Bare> {
    let bare = |trade: dccd::model::Trade<'_>| {
        (trade.ts, trade.id.map(ToString::to_string), trade.price, trade.amount, trade.side)
    };
    rows.trades().iter().map(bare).filter(|trade| window.holds(trade.0)).collect()
}

/// Every row that the exchange has in what is covered, without a hole, is stored once, and nothing else. Gives how many
/// rows that are.
pub(crate) fn assert_whole(setup: &TestDaemon, name: &str) -> usize {
    let (stored, covered) = (setup.stored(name), setup.ledger(name).covered);
    assert_eq!(covered.len(), 1, "{name}: {covered:?}");
    let (window, series): (_, Series) = (covered.first().unwrap(), name.parse().unwrap());
    let existing = setup.existing(name, window);
    if series.kind() == Kind::Trades {
        let (ours, theirs) = (trades(&stored, window), trades(&existing, window));
        let first_apart = ours.iter().zip(&theirs).find(|(own, their)| own != their);
        assert_eq!((ours.len(), first_apart), (theirs.len(), None), "{name}");
    } else {
        let count = stored.len();
        let within: Vec<usize> = (0..count).filter(|row| window.holds(Micros(stored.ts()[*row]))).collect();
        crate::test_daemon::assert_same(
            &reported::comparable(&series, &stored.gather(&within)),
            &reported::comparable(&series, &existing),
        );
    }
    assert_eq!(dccd::store::verify_series(&setup.layout(), &series).unwrap(), []);
    existing.len()
}

/// How often connections of an exchange ended, by reason.
pub(crate) fn ends(metrics: &Metrics, exchange: &str) -> BTreeMap<String, u64> {
    let own = format!("exchange=\"{exchange}\"");
    let mut ends = BTreeMap::new();
    for line in metrics.lines("dccd_websocket_disconnects_total").filter(|line| line.contains(&own)) {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        let (_, reason) = labels.split_once("reason=\"").unwrap();
        let count = value.parse::<f64>().unwrap() as u64;
        *ends.entry(reason.trim_end_matches("\"}").to_owned()).or_default() += count;
    }
    ends.retain(|_, count| *count > 0);
    ends
}
