//! A live series beside everything else that works on it at the same time: a backfill of its whole past, repairs, folds of
//! its largest file, copies to a remote and files that are dropped here.
//!
//! `DCCD_SIEGE=1` has two years fetched beside 5 000 trades a second and a file of 500 000 rows, and measures how long
//! rows take to be accepted.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dccd::clock::now;
use dccd::config::{Config, Surroundings, check};
use dccd::engine::{Engine, LiveJob, Streams, Work, carry_out};
use dccd::jobs::{Order, Since};
use dccd::model::{Micros, Series, Window};
use dccd::sim::{Endpoint, Knobs};
use dccd::telemetry::exposition;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::rig::{assert_same, is_siege, trades};
use crate::test_daemon::{TestDaemon, order, set_limits};

const SERIES: &str = "binance/BTC-USDT/trades";

/// The bound on the time from receipt to accepted, for 99 rows in a hundred.
const MOST_SECS: f64 = 0.1;

/// Time between two repairs, and between two syncs.
const PAUSE: Duration = Duration::from_secs(1);

/// Files after which no more are dropped: each comes back in the end.
const MOST_DROPPED: usize = 50;

/// How much there is to do.
struct Extent {
    /// How far back history is fetched.
    past: Duration,
    trades_per_hour: u64,
    /// Trades a second in the present, and since when there have been as many.
    live: u64,
    since: Duration,
}

const SHORT: Extent =
    Extent { past: Duration::from_hours(72), trades_per_hour: 60, live: 100, since: Duration::from_secs(20) };
const LONG: Extent = Extent {
    past: Duration::from_hours(2 * 365 * 24),
    trades_per_hour: 12,
    live: 5_000,
    since: Duration::from_secs(100),
};

fn config(setup: &TestDaemon) -> Config {
    let (rest, ws, data) = (setup.sim.url(), setup.sim.ws_url(), setup.data_path());
    let (data, copies) = (data.display(), setup.folder.path().join("copies"));
    let text = format!(
        "settings: {{data_path: {data}}}\nhttp: {{listen: []}}\n\
         storage: {{flush_interval: 1, sync_interval: 0, remotes: [{{provider: rclone, remote: {copies:?}}}]}}\n\
         exchanges:\n  binance: {{rest_url: \"{rest}/binance\", ws_url: \"{ws}/binance\"}}\n\
         stream_jobs:\n  - {{exchange: binance, pairs: [BTC/USDT], channels: [trades]}}\n"
    );
    check(&text, Path::new("config.yml"), &Surroundings::default()).unwrap()
}

// The simulated exchange renders its pages on the same threads, and must not be waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_live_series_is_whole_while_it_is_backfilled_repaired_folded_copied_and_purged() {
    let extent = if is_siege() { LONG } else { SHORT };
    let began = now();
    let knobs = Knobs {
        symbols: vec!["BTCUSDT".to_owned()],
        trades_per_hour: extent.trades_per_hour,
        ws_rate: extent.live,
        ws_rate_from: began - extent.since,
        weight_limit: u32::MAX,
        ..Knobs::default()
    };
    let setup = TestDaemon::keeping_time("", knobs).await;
    let config = config(&setup);
    let engine = Arc::new(Engine::open(&config, "test").await.unwrap());
    engine.connect("binance", &config).unwrap();
    set_limits(&engine, None);
    let streaming = Streaming::begin(&engine, &config);
    wait_until("rows come in live", || count(&engine, "dccd_websocket_rows_total") > 0.0).await;

    let from = began - extent.past;
    let history = Order { since: Since::AtLeast(from), ..order(SERIES) };
    let is_over = CancellationToken::new();
    let others =
        async { tokio::join!(repair_again_and_again(&engine, &is_over), copy_and_drop(&engine, &is_over)) };
    let backfill = async {
        let done = carry_out(&engine, &Work::fetch(history.clone()), Duration::ZERO, &|_| {}, &is_over).await;
        assert!(done.outcome.error.is_none(), "{:?}", done.outcome.error);
        let fetched = done.outcome.rows;
        println!("fetched: {:?}", now().since(began));
        let wanted = Window { from, until: now() };
        wait_until("all is there", || setup.ledger(SERIES).covered.cover(wanted)).await;
        is_over.cancel();
        fetched
    };
    let (fetched, (repairs, dropped)) = tokio::join!(backfill, others);
    println!("all of it side by side: {:?}", now().since(began));
    streaming.end().await;

    copy_and_bring_back(&engine).await;
    println!("copied and brought back: {:?}", now().since(began));
    let (accepting, folds) = (Accepting::of(&engine), count(&engine, "dccd_storage_folds_total"));
    assert!(engine.close().await);
    let requests = setup.asked(Endpoint::Trades).len();
    println!(
        "{fetched} rows of history in {requests} requests, {repairs} repairs, {dropped} files dropped; {accepting:?}"
    );
    assert!(repairs > 0 && dropped > 0 && accepting.rows > 100.0);
    assert!(assert_whole(&setup, from) > 4_000, "whoever was first fetched the past");
    if is_siege() {
        let largest = setup.ledger(SERIES).files.values().map(|file| file.rows).max();
        println!("{folds} folds, {largest:?} rows in the largest file");
        assert!(folds > 0.0 && largest >= Some(500_000));
        assert!(accepting.slowest_of_99_secs <= MOST_SECS, "{accepting:?}");
    }
}

/// Copies what is left, and brings back what was dropped.
async fn copy_and_bring_back(engine: &Engine) {
    let (copies, never) = (engine.copies(), CancellationToken::new());
    let synced = copies.sync(&copies.remotes()[0], true, &never).await.unwrap();
    assert!(synced.error().is_none(), "{:?}", synced.error());
    let restore = Work::restore(Arc::new(SERIES.parse().unwrap()));
    let restored = carry_out(engine, &restore, Duration::ZERO, &|_| {}, &never).await;
    assert_eq!(restored.missing, Vec::<String>::new());
}

/// Everything from an instant on is stored once, as the exchange has it; returns the number of rows.
fn assert_whole(setup: &TestDaemon, from: Micros) -> usize {
    let covered = setup.ledger(SERIES).covered;
    let window = covered.iter().find(|window| window.holds(from)).expect("the past is covered");
    assert_eq!(covered.last(), Some(window), "no hole: {covered:?}");
    let window = Window { from, ..window };
    let existing = trades(&setup.existing(SERIES, window), window);
    assert_same(SERIES, &trades(&setup.stored(SERIES), window), &existing);
    let series: Series = SERIES.parse().unwrap();
    assert_eq!(dccd::store::verify_series(&setup.layout(), &series).unwrap(), []);
    existing.len()
}

/// Checks all files and fetches what is missing, one time after the other; returns how often.
async fn repair_again_and_again(engine: &Engine, is_over: &CancellationToken) -> usize {
    let mut times = 0;
    while !is_over.is_cancelled() {
        let work = Work::repair(order(SERIES));
        let done = carry_out(engine, &work, Duration::ZERO, &|_| {}, &CancellationToken::new()).await;
        assert!(done.outcome.error.is_none(), "{:?}", done.outcome.error);
        assert_eq!(done.files.unwrap_or_default().set_aside, Vec::<String>::new());
        times += 1;
        pause(is_over).await;
    }
    times
}

/// Waits for a moment, or until all is over.
async fn pause(is_over: &CancellationToken) {
    // Without it, a machine with few processors does little else.
    let _ = tokio::time::timeout(PAUSE, is_over.cancelled()).await;
}

/// Copies everything to the remote and drops what it holds, one time after the other; returns the files dropped.
async fn copy_and_drop(engine: &Engine, is_over: &CancellationToken) -> usize {
    let (copies, never, mut files) = (engine.copies(), CancellationToken::new(), 0);
    while !is_over.is_cancelled() || files == 0 {
        let stop = if files == 0 { &never } else { is_over };
        let Some(synced) = copies.sync(&copies.remotes()[0], true, stop).await else { break };
        assert!(synced.error().is_none(), "{:?}", synced.error());
        if files < MOST_DROPPED {
            files += copies.purge(u64::MAX, false, stop).await.len();
        }
        pause(is_over).await;
    }
    files
}

/// The streams of an engine under way.
struct Streaming {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    _wanted: watch::Sender<Arc<Vec<LiveJob>>>,
}

impl Streaming {
    fn begin(engine: &Arc<Engine>, config: &Config) -> Self {
        let (wanted, jobs) = watch::channel(Arc::new(LiveJob::all(config)));
        for job in wanted.borrow().iter() {
            engine.telemetry().declare_series(&job.series, "stream", Duration::from_secs(60));
        }
        let (streams, stop) = (Streams::new(Arc::clone(engine), config, jobs), CancellationToken::new());
        let (mut tasks, stopped) = (JoinSet::new(), stop.clone());
        tasks.spawn(async move { streams.run(&stopped).await });
        Streaming { tasks, stop, _wanted: wanted }
    }

    async fn end(mut self) {
        self.stop.cancel();
        self.tasks.join_next().await.unwrap().unwrap();
    }
}

/// How long rows took from receipt until they were accepted.
#[derive(Debug)]
struct Accepting {
    rows: f64,
    /// Of 99 in a hundred at most so long.
    slowest_of_99_secs: f64,
}

impl Accepting {
    fn of(engine: &Engine) -> Self {
        let text = exposition::text(engine.telemetry().metrics()).unwrap();
        let buckets = text.lines().filter_map(|line| {
            let rest =
                line.strip_prefix(r#"dccd_websocket_accept_seconds_bucket{exchange="binance",le=""#)?;
            let (bound, count) = rest.split_once("\"} ")?;
            Some((bound.parse::<f64>().ok()?, count.parse::<f64>().ok()?))
        });
        let buckets: Vec<(f64, f64)> = buckets.collect();
        let all = buckets.last().map_or(0.0, |bucket| bucket.1);
        for (bound, count) in &buckets {
            println!("{:.4} of the hand-overs within {bound} s", count / all);
        }
        let slowest =
            buckets.iter().find(|bucket| bucket.1 >= 0.99 * all).map_or(f64::INFINITY, |bucket| bucket.0);
        Accepting { rows: count(engine, "dccd_websocket_rows_total"), slowest_of_99_secs: slowest }
    }
}

/// The sum of a family's samples.
fn count(engine: &Engine, family: &str) -> f64 {
    let text = exposition::text(engine.telemetry().metrics()).unwrap();
    let samples = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..300 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("half a minute later it is not so that {what}");
}
