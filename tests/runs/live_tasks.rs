//! Live series in the tracker: their tasks, pauses, failures, and what the command line says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dccd::Service;
use dccd::config::{Surroundings, check};
use dccd::db::Database;
use dccd::sim::Knobs;
use dccd::telemetry::Telemetry;
use dccd::tracker::{Attempt, Status, Task, TaskKind, Tracker};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::program::{configure, dccd, request, wait_for};
use crate::test_daemon::TestDaemon;

const TRADES: &str = "binance/BTC-USDT/trades";
const TASK: &str = "stream:binance/BTC-USDT/trades";

/// A setup whose configuration listens to one series of Binance, and to whatever else is given.
async fn setup(more: &str, exchanges: &str) -> TestDaemon {
    let knobs = Knobs { ws_rate: 5, weight_limit: 60_000, ..Knobs::default() };
    let setup = TestDaemon::keeping_time("", knobs).await;
    let text = format!(
        "settings: {{data_path: '{}'}}\nhttp: {{listen: []}}\nworker: {{lease: 10}}\nstorage: {{flush_interval: 1}}\n\
         exchanges:\n  binance: {{rest_url: '{}', ws_url: '{}'}}\n{exchanges}\
         stream_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT], channels: [trades]}}\n{more}",
        setup.data_path().display(),
        setup.sim.url(),
        setup.sim.ws_url(),
    );
    configure(&setup, &text);
    setup
}

struct Daemon {
    stop: CancellationToken,
    running: JoinHandle<dccd::Ended>,
}

impl Daemon {
    async fn start(setup: &TestDaemon) -> Daemon {
        let text = std::fs::read_to_string(setup.folder.path().join("config.yml")).unwrap();
        let config = check(&text, Path::new("config.yml"), &Surroundings::default()).unwrap();
        let service = Service::prepare(config).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(service.run(stop.clone()));
        Daemon { stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        assert!(self.running.await.unwrap().is_durable);
    }
}

async fn tracker(setup: &TestDaemon) -> Tracker {
    let database = Database::open(&setup.layout().own()).await.unwrap();
    Tracker::new(&database, &Telemetry::new())
}

async fn known(tracker: &Tracker, id: &str) -> (Task, Vec<Attempt>) {
    (tracker.task(id).await.unwrap().unwrap(), tracker.attempts(id).await.unwrap())
}

async fn wait_for_status(tracker: &Tracker, id: &str, status: Status) {
    wait_for(async || tracker.task(id).await.unwrap().is_some_and(|task| task.status == status)).await;
}

/// The part of `/health` about streams.
async fn streams(setup: &TestDaemon) -> Streams {
    let health = request(setup, "GET", "/health", "").await;
    serde_json::from_str::<Health>(&health.body).unwrap().streams
}

#[derive(serde::Deserialize)]
struct Health {
    streams: Streams,
}

#[derive(serde::Deserialize)]
struct Streams {
    states: BTreeMap<String, u64>,
    not_live: Vec<NotLive>,
}

#[derive(serde::Deserialize)]
struct NotLive {
    series: String,
    state: String,
    why: Option<String>,
}

impl Streams {
    fn live(&self) -> u64 {
        self.states["live"]
    }

    fn is_paused(&self) -> bool {
        self.not_live.iter().any(|own| own.why.as_deref() == Some("paused"))
    }
}

async fn jobs(setup: &TestDaemon, args: &[&str]) -> String {
    let ended = dccd(setup, &[&["jobs"], args].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_series_is_a_task_in_progress_that_can_be_paused_over_a_restart_and_resumed() {
    let setup = setup("", "").await;
    let daemon = Daemon::start(&setup).await;
    let tracker = tracker(&setup).await;
    wait_for_status(&tracker, TASK, Status::InProgress).await;
    wait_for(async || known(&tracker, TASK).await.0.data.contains("live")).await;

    let (task, attempts) = known(&tracker, TASK).await;
    assert_eq!((task.kind, task.queue.as_str(), task.series.as_str()), (TaskKind::Stream, "binance", TRADES));
    assert_eq!((task.attempts, attempts.len(), attempts[0].outcome.as_deref()), (1, 1, None));
    assert_eq!(streams(&setup).await.live(), 1);
    let listed = jobs(&setup, &["ls", "--kind", "stream"]).await;
    assert!(listed.contains("in_progress") && listed.contains(TASK), "{listed}");
    for id in [TASK, TRADES, "binance"] {
        let why = jobs(&setup, &["why", id]).await;
        assert!(why.contains("works on it since") && why.contains("It is live since"), "{why}");
    }
    let shown = jobs(&setup, &["show", TRADES]).await;
    assert!(shown.contains("running") && shown.contains("It is live since"), "{shown}");
    let wide = dccd(&setup, &["status", "--wide"]).await.out;
    assert!(wide.lines().any(|line| line.contains(TRADES) && line.contains("live")), "{wide}");

    assert_eq!(jobs(&setup, &["pause", TASK]).await, format!("{TRADES} paused\n"));
    wait_for_status(&tracker, TASK, Status::Pending).await;
    let held = setup.ledger(TRADES).rows();
    assert!(held > 0, "what was received is published");
    wait_for(async || streams(&setup).await.is_paused()).await;
    daemon.stop().await;
    let daemon = Daemon::start(&setup).await;
    wait_for(async || streams(&setup).await.is_paused()).await;
    let why = jobs(&setup, &["why", TRADES]).await;
    assert!(why.contains("It is paused") && !why.contains("due"), "{why}");
    let listed = jobs(&setup, &["ls"]).await;
    assert!(listed.contains("paused"), "{listed}");
    let health = request(&setup, "GET", "/health/v2/queues", "").await.body;
    assert!(health.contains("\"depth\":0"), "a paused stream does not wait: {health}");

    jobs(&setup, &["resume", "binance/BTC/USDT"]).await;
    wait_for_status(&tracker, TASK, Status::InProgress).await;
    wait_for(async || streams(&setup).await.live() == 1).await;
    daemon.stop().await;

    let (task, attempts) = known(&tracker, TASK).await;
    assert_eq!((task.status, task.attempts), (Status::Pending, 0));
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome.as_deref().unwrap()).collect();
    assert_eq!(outcomes, ["given_back", "given_back"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_fail_are_attempts_with_their_error_and_a_refusal_says_what_the_exchange_says() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let more = "  - {exchange: binance, pairs: [NOPE/USDT], channels: [trades]}\n  \
                - {exchange: coinbase, pairs: [BTC/USD], channels: [trades]}\n";
    let setup = setup(more, "").await;
    let text = std::fs::read_to_string(setup.folder.path().join("config.yml")).unwrap();
    let coinbase = format!(
        "  coinbase: {{rest_url: '{}/coinbase', ws_url: 'ws://{dead}'}}\nstream_jobs:",
        setup.sim.url()
    );
    configure(&setup, &text.replacen("stream_jobs:", &coinbase, 1));
    setup.sim.set(|knobs| knobs.symbols.push("BTCUSD".to_owned()));
    let daemon = Daemon::start(&setup).await;
    let tracker = tracker(&setup).await;

    let (nope, coinbase) = ("stream:binance/NOPE-USDT/trades", "stream:coinbase/BTC-USD/trades");
    wait_for_status(&tracker, nope, Status::Failed).await;
    let why = jobs(&setup, &["why", nope]).await;
    assert!(why.contains("it is tried again") && why.contains("Invalid symbol"), "{why}");
    wait_for(async || {
        let task = tracker.task(coinbase).await.unwrap();
        task.is_some_and(|task| task.attempts >= 3 && task.data.contains("connecting"))
    })
    .await;
    let (task, attempts) = known(&tracker, coinbase).await;
    assert_eq!(task.status, Status::InProgress);
    let failed = &attempts[0];
    assert_eq!((failed.outcome.as_deref(), failed.error_class.as_deref()), (Some("failed"), Some("connect")));
    assert!(failed.error.as_deref().is_some_and(|error| !error.is_empty()), "{failed:?}");
    let why = jobs(&setup, &["why", coinbase]).await;
    assert!(why.contains("It is connecting since"), "{why}");

    wait_for(async || streams(&setup).await.live() == 1).await;
    let streams = streams(&setup).await;
    let state = |series: &str| {
        let own = streams.not_live.iter().find(|own| own.series == series).unwrap();
        (own.state.clone(), own.why.clone().unwrap_or_default())
    };
    let (refused, words) = state("binance/NOPE-USDT/trades");
    assert!(refused == "refused" && words.contains("Invalid symbol"), "{words}");
    assert_eq!(state("coinbase/BTC-USD/trades").0, "connecting");
    let metrics = request(&setup, "GET", "/metrics", "").await.body;
    for (pair, state) in [("BTC/USDT", "live"), ("NOPE/USDT", "refused")] {
        let sample = format!(
            "dccd_websocket_state{{exchange=\"binance\",kind=\"trades\",pair=\"{pair}\",span=\"\",state=\"{state}\"}} 1"
        );
        assert!(metrics.contains(&sample), "{sample}");
    }
    let health = request(&setup, "GET", "/health", "").await.body;
    assert!(health.contains("streams of binance"), "{health}");
    let page = request(&setup, "GET", "/streams", "").await.body;
    assert!(page.contains("chip bad\">refused") && page.contains("Invalid symbol"), "{page}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_no_longer_configured_leaves_no_task_no_state_and_no_metric() {
    let setup = setup("  - {exchange: binance, pairs: [ETH/USDT], channels: [trades]}\n", "").await;
    let text = std::fs::read_to_string(setup.folder.path().join("config.yml")).unwrap();
    let reads = setup.folder.path().join("config.yml");
    let config = dccd::config::load(Some(&reads)).unwrap();
    let service = Service::prepare(config).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(service.run(stop.clone()));
    let tracker = tracker(&setup).await;
    let gone = "stream:binance/ETH-USDT/trades";
    wait_for_status(&tracker, gone, Status::InProgress).await;
    wait_for(async || streams(&setup).await.live() == 2).await;

    configure(&setup, &text.replace("  - {exchange: binance, pairs: [ETH/USDT], channels: [trades]}\n", ""));
    assert_eq!(request(&setup, "POST", "/-/reload", "").await.status, 200);

    wait_for(async || tracker.task(gone).await.unwrap().is_none()).await;
    let streams = streams(&setup).await;
    assert_eq!((streams.live(), streams.not_live.len()), (1, 0));
    let metrics = request(&setup, "GET", "/metrics", "").await.body;
    assert!(!metrics.contains("pair=\"ETH/USDT\"") && metrics.contains("pair=\"BTC/USDT\""));
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
}
