//! A running daemon: work handed over to it, jobs paused and run, its socket.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use tokio::process::Child;

use crate::program::{
    Reply, command, configure, dccd, end, request, signal, terminate, wait_for, wait_for_exit,
};
use crate::test_daemon::{TestDaemon, window};

const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";
const TWO_PAIRS: &str =
    "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2024-01-30, retry_delay: 0.01}";

async fn daemon(jobs: &str, knobs: Knobs) -> (TestDaemon, Child) {
    let setup =
        TestDaemon::with(jobs, "2024-01-31 12:00:30", Knobs { weight_limit: 1_000_000, ..knobs }).await;
    configure(&setup, &setup.text());
    let child = start(&setup).await;
    (setup, child)
}

async fn start(setup: &TestDaemon) -> Child {
    let child = command(setup, &["start"]).spawn().unwrap();
    wait_for_exit(setup, &["healthcheck"], 0).await;
    child
}

async fn stop(child: Child) {
    terminate(&child).await;
    let ended = end(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// The value of a sample; none where there is none.
async fn sample(setup: &TestDaemon, name: &str) -> Option<f64> {
    let metrics = request(setup, "GET", "/metrics", "").await.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.map(|value| value.parse().unwrap())
}

fn of(family: &str, pair: &str, span: &str) -> String {
    format!("dccd_{family}{{exchange=\"binance\",kind=\"ohlc\",pair=\"{pair}\",span=\"{span}\"}}")
}

/// Waits until the first runs of all jobs have ended.
async fn first_runs_ended(setup: &TestDaemon) {
    for pair in ["BTC/USDT", "ETH/USDT"] {
        wait_for(|| async { sample(setup, &of("job_runs_total", pair, "1h")).await == Some(1.0) }).await;
    }
}

#[tokio::test]
async fn the_socket_is_the_owners_alone_serves_every_route_and_is_replaced_after_a_kill() {
    let (setup, mut child) = daemon(TWO_PAIRS, Knobs::default()).await;
    let path = setup.data_path().join(".dccd/daemon.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for route in ["/", "/metrics", "/-/healthy", "/-/ready", "/health", "/health/v2/queues"] {
        assert_eq!(request(&setup, "GET", route, "").await.status, 200, "{route}");
    }
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    assert!(path.exists(), "a killed daemon leaves its socket");
    let alone = dccd(&setup, &["collect"]).await;
    assert_eq!(alone.code, Some(0), "{alone:?}");

    let child = start(&setup).await;
    assert_eq!(request(&setup, "GET", "/-/healthy", "").await.status, 200);
    stop(child).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn work_beside_a_daemon_prints_and_ends_as_it_does_alone() {
    let (setup, child) = daemon(TWO_PAIRS, Knobs::default()).await;
    first_runs_ended(&setup).await;

    let ad_hoc = ["backfill", "-e", "binance", "-p", "ETH/USDT", "-s", "14400", "--start", "2024-01-30"];
    let fetched = dccd(&setup, &ad_hoc).await;
    assert_eq!(fetched.out, "[Binance  ETH/USDT 4h] done — 9 candles, 0 windows skipped\n", "{fetched:?}");
    assert_eq!(fetched.code, Some(0));
    let metrics = request(&setup, "GET", "/metrics", "").await.body;
    assert!(!metrics.contains("span=\"4h\""), "it has metrics while it is worked on, and not after");
    assert!(dccd(&setup, &["backfill"]).await.out.lines().all(|line| line.ends_with("already up to date")));

    let collected = dccd(&setup, &["collect"]).await;
    assert_eq!(
        (collected.code, &*collected.out),
        (Some(0), "Done. successes=2 failures=0\n"),
        "{collected:?}"
    );
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)]);
    let failed = dccd(&setup, &["backfill", "--pairs", "BTC/USDT"]).await;
    assert_eq!(
        (failed.code, &*failed.out),
        (Some(1), "[Binance  BTC/USDT 1h] done — 0 candles, 1 windows skipped\n"),
        "{failed:?}"
    );
    assert!(failed.err.contains("after 3 attempts"), "{}", failed.err);
    setup.sim.set(|knobs| knobs.faults.clear());

    let repaired = dccd(&setup, &["repair", "binance/BTC-USDT"]).await;
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    assert!(
        repaired.out.ends_with("Repaired 1 series.\n") && repaired.out.contains(": 0 rows, gaps "),
        "{repaired:?}"
    );
    stop(child).await;
    setup.assert_rows("binance/ETH-USDT/ohlc/4h", window("2024-01-30", "2024-01-31 12:00:00"));
    setup.assert_rows(HOURLY, window("2024-01-30", "2024-01-31 12:00:00"));
    assert_eq!(dccd(&setup, &["verify"]).await.code, Some(0));
}

#[tokio::test]
async fn a_collect_that_is_handed_over_leaves_the_outcome_of_the_daemons_runs_behind() {
    let (setup, child) = daemon(TWO_PAIRS, Knobs::default()).await;
    first_runs_ended(&setup).await;
    let file = setup.data_path().join("left.prom");
    let left = |name: &str| -> f64 {
        let text = std::fs::read_to_string(&file).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    };
    let collect = ["collect", "--textfile", file.to_str().unwrap()];
    let last_success = of("collect_last_success_timestamp_seconds", "ETH/USDT", "1h");

    let collected = dccd(&setup, &collect).await;
    assert_eq!((collected.code, left("dccd_collect_exit_code")), (Some(0), 0.0), "{collected:?}");
    let known = sample(&setup, &of("job_last_success_timestamp_seconds", "ETH/USDT", "1h")).await;
    assert_eq!(Some(left(&last_success)), known);

    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)]);
    let failed = dccd(&setup, &collect).await;
    assert_eq!((failed.code, left("dccd_collect_exit_code")), (Some(1), 1.0), "{failed:?}");
    assert_eq!(Some(left(&last_success)), known);
    assert!(left(&of("collect_last_run_timestamp_seconds", "ETH/USDT", "1h")) >= left(&last_success));
    stop(child).await;
}

#[tokio::test]
async fn a_command_that_is_stopped_takes_its_work_back_and_one_that_is_lost_leaves_it_running() {
    let knobs = Knobs { latency: Duration::from_millis(150), page_limit: 100, ..Knobs::default() };
    let (setup, child) = daemon(TWO_PAIRS, knobs).await;
    first_runs_ended(&setup).await;
    let args = |pair| ["backfill", "-e", "binance", "-p", pair, "-s", "60", "--start", "2024-01-24"];
    let pages = || setup.asked(Endpoint::Ohlc).len();
    let before = pages();

    let stopped = command(&setup, &args("BTC/USDT")).spawn().unwrap();
    wait_for(|| async { pages() > before + 8 }).await;
    signal(&stopped, "INT").await;
    let ended = end(stopped).await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.out.starts_with("[Binance  BTC/USDT 1m] stopped — ") && !ended.out.contains(" 0 candles"));
    assert_eq!(request(&setup, "GET", "/-/healthy", "").await.status, 200);
    let asked = pages();

    let mut lost = command(&setup, &args("ETH/USDT")).spawn().unwrap();
    wait_for(|| async { pages() > asked + 4 }).await;
    lost.start_kill().unwrap();
    lost.wait().await.unwrap();
    let whole = window("2024-01-24", "2024-01-31 12:00:00");
    let is_whole = || async { setup.ledger("binance/ETH-USDT/ohlc/1m").settled().missing(whole).is_empty() };
    wait_for(is_whole).await;

    stop(child).await;
    setup.assert_rows("binance/ETH-USDT/ohlc/1m", whole);
    let partly = setup.stored("binance/BTC-USDT/ohlc/1m").len();
    assert!(partly > 0 && partly < 10_000, "{partly}");
}

#[tokio::test]
async fn a_paused_job_does_not_run_by_itself_over_restarts_until_it_is_resumed() {
    let every = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, every: 1, retry_delay: 0.01}";
    let (setup, child) = daemon(every, Knobs::default()).await;
    let asked = |symbol: &'static str| {
        setup.asked(Endpoint::Ohlc).iter().filter(|seen| seen.path.contains(symbol)).count()
    };
    let paused = dccd(&setup, &["jobs", "pause", "binance/BTC-USDT"]).await;
    assert_eq!((paused.code, &*paused.out), (Some(0), "binance/BTC-USDT/ohlc/1h paused\n"), "{paused:?}");
    wait_for(|| async { sample(&setup, "dccd_jobs{status=\"paused\"}").await == Some(1.0) }).await;
    assert_eq!(sample(&setup, &of("job_paused", "BTC/USDT", "1h")).await, Some(1.0));
    let wide = dccd(&setup, &["status", "--wide"]).await;
    let line = |series: &str| wide.out.lines().find(|line| line.starts_with(series)).unwrap().to_owned();
    assert!(line(HOURLY).ends_with("  paused") && line("binance/ETH-USDT").ends_with("  ok"), "{wide:?}");
    assert!(dccd(&setup, &["status", "--wide", "--json"]).await.out.contains("\"paused\": true"));
    stop(child).await;

    let (btc, eth) = (asked("BTCUSDT"), asked("ETHUSDT"));
    let child = start(&setup).await;
    wait_for(|| async { asked("ETHUSDT") > eth + 2 }).await;
    assert_eq!(asked("BTCUSDT"), btc, "it is paused after a restart");
    let run = dccd(&setup, &["jobs", "run", HOURLY]).await;
    assert_eq!((run.code, &*run.out), (Some(0), "Done. successes=1 failures=0\n"), "{run:?}");
    let eth = asked("ETHUSDT");
    wait_for(|| async { asked("ETHUSDT") > eth + 2 }).await;
    assert_eq!(asked("BTCUSDT"), btc + 1, "it ran when it was told to, and stays paused");

    let resumed = dccd(&setup, &["jobs", "resume", "binance/BTC-USDT"]).await;
    assert_eq!((resumed.code, &*resumed.out), (Some(0), "binance/BTC-USDT/ohlc/1h resumed\n"));
    wait_for(|| async { asked("BTCUSDT") > btc + 3 }).await;
    assert_eq!(sample(&setup, &of("job_paused", "BTC/USDT", "1h")).await, Some(0.0));
    stop(child).await;

    let alone = dccd(&setup, &["jobs", "pause", "binance"]).await;
    assert_eq!(alone.out.lines().count(), 2, "{alone:?}");
    let nothing = dccd(&setup, &["jobs", "pause", "binance/BTC"]).await;
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("no job matches `binance/BTC`"), "{nothing:?}");
    let run = dccd(&setup, &["jobs", "run", "binance/BTC-USDT"]).await;
    assert_eq!((run.code, &*run.out), (Some(0), "Done. successes=1 failures=0\n"), "{run:?}");
}

#[tokio::test]
async fn a_job_that_runs_already_is_followed_and_not_run_again() {
    let knobs = Knobs { latency: Duration::from_millis(1_500), ..Knobs::default() };
    let (setup, child) = daemon(TWO_PAIRS, knobs).await;

    let run = ["jobs", "run", HOURLY];
    let (one, other) = tokio::join!(dccd(&setup, &run), dccd(&setup, &run));

    for said in [one, other] {
        assert_eq!((said.code, &*said.out), (Some(0), "Done. successes=1 failures=0\n"), "{said:?}");
    }
    let asked = setup.asked(Endpoint::Ohlc);
    assert_eq!(asked.iter().filter(|seen| seen.path.contains("BTCUSDT")).count(), 1, "one run for all three");
    assert_eq!(sample(&setup, &of("job_runs_total", "BTC/USDT", "1h")).await, Some(1.0));
    stop(child).await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_and_nothing_is_done() {
    let (setup, child) = daemon(TWO_PAIRS, Knobs::default()).await;
    first_runs_ended(&setup).await;
    let before = setup.sim.requests().len();

    let unknown = request(&setup, "POST", "/api/v1/jobs/run", r#"{"series":["kraken"]}"#).await;
    let mistyped = request(&setup, "POST", "/api/v1/jobs/run", r#"{"serie":["binance"]}"#).await;
    let no_series = request(&setup, "POST", "/api/v1/work", &work("nothing")).await;
    let no_work = request(&setup, "POST", "/api/v1/work/cancel", r#"{"id":77}"#).await;

    let told = |said: &Reply| (said.status, said.body.clone());
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    assert!(unknown.body.contains("no job matches `kraken`"), "{}", unknown.body);
    assert_eq!(
        (mistyped.status, no_series.status),
        (400, 400),
        "{:?} {:?}",
        told(&mistyped),
        told(&no_series)
    );
    assert_eq!(no_work.status, 404);
    assert_eq!(setup.sim.requests().len(), before);
    stop(child).await;
}

fn work(series: &str) -> String {
    format!(
        r#"{{"works":[{{"series":"{series}","since":"known","until":null,"attempts":3,"retry_delay_secs":1,"depth":50,"check_files":false}}],"at_once":1}}"#
    )
}
