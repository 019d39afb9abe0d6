//! The daemon's schedule over real runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dccd::config::{Config, Surroundings, check};
use dccd::daemon::Status;
use dccd::daemon::{STOP_WITHIN, Scheduler};
use dccd::engine::{Engine, Job};
use dccd::sim::{Clock, Endpoint, Fault, Knobs, Rule, Seen};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::test_daemon::{MINUTELY, TestDaemon, at, window};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the daemon of a setup for so long.
async fn run_for(setup: &TestDaemon, slots: usize, length: Duration) -> Arc<Status> {
    run_config(&setup.config(), slots, length).await
}

async fn run_config(config: &Config, slots: usize, length: Duration) -> Arc<Status> {
    let engine = Arc::new(Engine::open(config, "test").await.unwrap());
    let (status, stop) = (Arc::new(Status::new()), CancellationToken::new());
    let jobs = Job::all(config);
    let scheduler = Scheduler::new(Arc::clone(&engine), Arc::clone(&status), jobs, slots);
    let timer = async {
        tokio::time::sleep(length).await;
        stop.cancel();
    };
    let (unfinished, ()) = tokio::join!(scheduler.run(&stop), timer);
    assert_eq!(unfinished, 0);
    engine.close().await;
    status
}

/// The most requests of different symbols that were on their way at once, each taking `latency`.
fn most_at_once(requests: &[Seen], latency: Duration) -> usize {
    let symbol =
        |seen: &Seen| seen.path.split("symbol=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let at_once = |first: &Seen| {
        let near = requests.iter().filter(|seen| seen.at >= first.at && seen.at < first.at + latency);
        near.map(symbol).collect::<std::collections::HashSet<_>>().len()
    };
    requests.iter().map(at_once).max().unwrap_or(0)
}

#[tokio::test]
async fn every_job_runs_at_once_within_the_slots_and_again_when_its_candle_has_closed() {
    // The exchange's clock is far from this machine's, five seconds before the close of a candle.
    let latency = Duration::from_millis(100);
    let symbols = ["BTCUSDT", "ETHUSDT", "XRPUSDT", "ADAUSDT", "SOLUSDT"].map(str::to_owned).to_vec();
    let knobs =
        Knobs { clock: Clock::running_from(at("2024-01-31 12:00:55")), latency, symbols, ..Knobs::default() };
    let pairs = "BTC/USDT, ETH/USDT, XRP/USDT, ADA/USDT, SOL/USDT";
    let job = format!("{{exchange: binance, pairs: [{pairs}], span: 60, retry_delay: 0.01}}");
    let setup = TestDaemon::keeping_time(&job, knobs).await;

    let status = run_for(&setup, 2, Duration::from_secs(9)).await;

    let asked: Vec<Seen> = setup.asked(Endpoint::Ohlc);
    assert_eq!(asked.len(), 10, "each series a page at the start and one after the close");
    assert!(asked[4].at < Duration::from_secs(3), "all at once: {:?}", asked[4].at);
    let closed = Duration::from_secs(5 + 2);
    assert!(
        asked[5].at >= closed - Duration::from_millis(100),
        "before the close and its grace: {:?}",
        asked[5].at
    );
    assert!(asked[9].at <= closed + Duration::from_secs(2), "{:?}", asked[9].at);
    assert_eq!(most_at_once(&asked, latency - Duration::from_millis(10)), 2, "as many as there are slots");
    setup.assert_true(MINUTELY, window("2024-01-30 19:20:00", "2024-01-31 12:01:00")).await;
    assert_eq!(status.jobs().len(), 5);
}

#[tokio::test]
async fn a_long_run_makes_way_for_a_job_that_waits_and_goes_on_where_it_was() {
    let symbols = ["BTCUSDT", "ETHUSDT"].map(str::to_owned).to_vec();
    let (latency, page_limit) = (Duration::from_millis(20), 100);
    let knobs = Knobs { latency, page_limit, symbols, weight_limit: 1_000_000, ..Knobs::default() };
    let long = "{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2023-12-01, every: 86400}";
    let short = "{exchange: binance, pairs: [ETH/USDT], span: 60, start: 2024-01-31, every: 86400}";
    let setup = TestDaemon::with(&format!("{long}\n{short}"), "2024-01-31 12:00:30", knobs).await;
    let engine = Arc::new(Engine::open(&setup.config(), "test").await.unwrap());
    let (status, stop) = (Arc::new(Status::new()), CancellationToken::new());
    let jobs = Job::all(&setup.config());
    let scheduler = Scheduler::new(Arc::clone(&engine), status, jobs, 1)
        .with_turns(Duration::from_millis(200), Duration::from_millis(100));
    let whole = window("2023-12-01", "2024-01-31 12:00:00");
    let complete = async {
        while !setup.ledger(MINUTELY).settled().missing(whole).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
    };

    let (unfinished, ended) = tokio::join!(scheduler.run(&stop), tokio::time::timeout(PATIENCE, complete));

    ended.expect("the long job goes on");
    assert_eq!(unfinished, 0);
    let asked = setup.asked(Endpoint::Ohlc);
    let last_of =
        |symbol: &str| asked.iter().filter(|seen| seen.path.contains(symbol)).map(|seen| seen.at).max();
    assert!(
        last_of("ETHUSDT").unwrap() < last_of("BTCUSDT").unwrap(),
        "the short one waited for all of the long one"
    );
    setup.assert_rows(MINUTELY, whole);
    engine.close().await;
}

#[tokio::test]
async fn runs_of_a_job_never_overlap_even_when_they_last_longer_than_its_interval() {
    let job = "{exchange: binance, pairs: [BTC/USDT], span: 60, every: 1, retry_delay: 0.01}";
    let setup = TestDaemon::with(
        job,
        "2024-01-31 12:00:30",
        Knobs { latency: Duration::from_millis(1_300), ..Knobs::default() },
    )
    .await;

    run_for(&setup, 4, Duration::from_secs(8)).await;

    let asked = setup.asked(Endpoint::Ohlc);
    assert!(asked.len() >= 3, "{}", asked.len());
    for pair in asked.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(1_290), "a run began before the last ended");
    }
}

#[tokio::test]
async fn a_job_whose_run_failed_waits_half_a_minute_and_the_others_do_not() {
    let job = "{exchange: binance, pairs: [MOON/USDT, BTC/USDT], span: 60, every: 1, retry_delay: 0.01}";
    let setup = TestDaemon::with(job, "2024-01-31 12:00:30", Knobs::default()).await;
    let hourly = "{exchange: binance, pairs: [MOON/USDT], span: 3600, retry_delay: 0.01}";
    let setup = TestDaemon { jobs: format!("{hourly}\n{}", job.replace("MOON/USDT, ", "")), ..setup };

    // The table of jobs is made anew every five seconds.
    let status = run_for(&setup, 4, Duration::from_secs(6)).await;

    assert_eq!(
        setup.asked(Endpoint::Instruments).iter().filter(|seen| seen.path.contains("MOON")).count(),
        1
    );
    assert!(setup.asked(Endpoint::Ohlc).len() >= 3);
    let jobs = status.jobs();
    let moon = jobs.iter().find(|row| row.series.pair().to_string() == "MOON/USDT").unwrap();
    assert_eq!(moon.consecutive_errors, 1);
    assert!(moon.last_error.as_ref().unwrap().contains("-1121"));
    let wait = moon.next_run_at.unwrap().since(moon.last_run_at.unwrap());
    assert!(wait > Duration::from_secs(28) && wait <= Duration::from_secs(31), "{wait:?}");
}

#[tokio::test]
async fn jobs_of_the_third_series_run_on_demand_once_or_at_their_interval_as_they_say() {
    let symbols = ["BTCUSDT", "ETHUSDT", "XRPUSDT"].map(str::to_owned).to_vec();
    let job = |pair: &str, when: &str| format!("{{exchange: Binance, pairs: [{pair}], span: 60, {when}}}");
    let jobs = [
        job("BTC/USDT", "trigger_kind: manual"),
        job("ETH/USDT", "trigger_kind: once"),
        job("XRP/USDT", "every: 1"),
    ];
    let knobs = Knobs { symbols, ..Knobs::default() };
    let setup = TestDaemon::with(&jobs.join("\n"), "2024-01-31 12:00:30", knobs).await;
    let text = setup.text().replace("histo_jobs:", "jobs:");
    let config = check(&text, Path::new("config.yml"), &Surroundings::default()).unwrap();

    let status = run_config(&config, 4, Duration::from_millis(3_500)).await;

    let asked = setup.asked(Endpoint::Ohlc);
    let of = |symbol: &str| asked.iter().filter(|seen| seen.path.contains(symbol)).count();
    assert_eq!((of("BTCUSDT"), of("ETHUSDT")), (0, 1));
    assert!(of("XRPUSDT") >= 3, "{}", of("XRPUSDT"));
    let rows = status.jobs();
    let manual = rows.iter().find(|row| row.series.pair().to_string() == "BTC/USDT").unwrap();
    assert_eq!((manual.last_run_at, manual.next_run_at), (None, None), "it is shown all the same");
}

#[tokio::test]
async fn stopping_waits_for_no_answer_that_does_not_come() {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Silent).at(Endpoint::Ohlc)]);

    let started = Instant::now();
    run_for(&setup, 4, Duration::from_millis(500)).await;

    assert!(started.elapsed() < Duration::from_millis(500) + STOP_WITHIN, "{:?}", started.elapsed());
    assert_eq!(setup.asked(Endpoint::Ohlc).len(), 1);
}
