//! Windows that wait in the tracker and the daemons that do them, whichever process planned them; retried jobs.

use std::time::Duration;

use dccd::db::{Database, Pool};
use dccd::sim::{Endpoint, Fault, Knobs, Rule};
use dccd::telemetry::Telemetry;
use dccd::tracker::{Filter, Status, Task, TaskKind, Tracker};
use tokio::process::Child;

use crate::postgres;
use crate::program::{command, configure, dccd, end, request, signal, terminate, wait_for, wait_for_exit};
use crate::test_daemon::{TestDaemon, window};

const HOURLY: &str = "binance/BTC-USDT/ohlc/1h";
const MINUTELY: &str = "binance/ETH-USDT/ohlc/1m";
/// A job that has nothing to do with the windows of these tests.
const JOB: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, retry_delay: 0.01, max_retries: 1}";
const BACKFILL: [&str; 9] =
    ["backfill", "-e", "binance", "-p", "ETH/USDT", "-s", "60", "--start", "2024-01-30"];

async fn setup(knobs: Knobs) -> TestDaemon {
    with(JOB, knobs).await
}

async fn with(jobs: &str, knobs: Knobs) -> TestDaemon {
    let symbols = ["BTC", "ETH", "LTC", "XRP", "SOL"].map(|base| format!("{base}USDT")).to_vec();
    let knobs = Knobs { weight_limit: 1_000_000, symbols, ..knobs };
    let setup = TestDaemon::with(jobs, "2024-01-31 12:00:30", knobs).await;
    configure(&setup, &setup.text());
    setup
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

async fn store(setup: &TestDaemon) -> (Database, Tracker) {
    let database = Database::open(&setup.layout().own()).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    (database, tracker)
}

/// The tasks of a kind, the last changed first.
async fn of_kind(tracker: &Tracker, kind: TaskKind) -> Vec<Task> {
    tracker.tasks(&Filter { kind: Some(kind), ..Filter::default() }, 99).await.unwrap()
}

async fn outcomes(tracker: &Tracker, id: &str) -> Vec<String> {
    let attempts = tracker.attempts(id).await.unwrap();
    attempts.into_iter().map(|attempt| attempt.outcome.unwrap_or_else(|| "running".into())).collect()
}

async fn until_status(tracker: &Tracker, id: &str, status: Status) {
    wait_for(|| async { tracker.task(id).await.unwrap().map(|task| task.status) == Some(status) }).await;
}

fn failing() -> Vec<Rule> {
    vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)]
}

#[tokio::test]
async fn what_a_killed_backfill_left_is_fetched_by_the_daemon_that_starts_next() {
    let knobs = Knobs { latency: Duration::from_millis(100), page_limit: 100, ..Knobs::default() };
    let setup = setup(knobs).await;
    let mut killed = command(&setup, &BACKFILL).spawn().unwrap();
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > 5 }).await;
    killed.start_kill().unwrap();
    killed.wait().await.unwrap();
    let (_database, tracker) = store(&setup).await;
    let task = of_kind(&tracker, TaskKind::Backfill).await.remove(0);
    assert_eq!((task.status, task.series.as_str()), (Status::InProgress, MINUTELY));

    let child = start(&setup).await;
    until_status(&tracker, &task.id, Status::Succeeded).await;

    assert_eq!(outcomes(&tracker, &task.id).await, ["lease_lost", "succeeded"]);
    let metrics = || async { request(&setup, "GET", "/metrics", "").await.body };
    wait_for(|| async { !metrics().await.contains("span=\"1m\"") }).await;
    stop(child).await;
    setup.assert_rows(MINUTELY, window("2024-01-30", "2024-01-31 12:00:00"));
}

#[tokio::test]
async fn what_a_stopped_daemon_gave_back_is_fetched_after_its_restart_and_no_attempt_is_counted() {
    let knobs = Knobs { latency: Duration::from_millis(100), page_limit: 50, ..Knobs::default() };
    let setup = setup(knobs).await;
    let child = start(&setup).await;
    let mut asking = command(&setup, &BACKFILL).spawn().unwrap();
    let asked = setup.asked(Endpoint::Ohlc).len();
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > asked + 8 }).await;

    stop(child).await;

    asking.wait().await.unwrap();
    let (_database, tracker) = store(&setup).await;
    let task = of_kind(&tracker, TaskKind::Backfill).await.remove(0);
    assert_eq!((task.status, task.attempts, task.attempts_total), (Status::Pending, 0, 1));
    assert_eq!(outcomes(&tracker, &task.id).await, ["given_back"]);
    let child = start(&setup).await;
    until_status(&tracker, &task.id, Status::Succeeded).await;
    stop(child).await;
    setup.assert_rows(MINUTELY, window("2024-01-30", "2024-01-31 12:00:00"));
}

#[tokio::test]
async fn jobs_retry_has_a_running_daemon_do_a_window_and_a_job_at_once() {
    let setup = setup(Knobs { faults: failing(), ..Knobs::default() }).await;
    let child = start(&setup).await;
    let (_database, tracker) = store(&setup).await;
    until_status(&tracker, HOURLY, Status::Failed).await;
    let failed = dccd(&setup, &BACKFILL).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let id = of_kind(&tracker, TaskKind::Backfill).await.remove(0).id;
    until_status(&tracker, &id, Status::Exhausted).await;
    setup.sim.set(|knobs| knobs.faults.clear());

    let retried = dccd(&setup, &["jobs", "retry", &id, HOURLY]).await;

    assert_eq!(retried.code, Some(0), "{retried:?}");
    until_status(&tracker, &id, Status::Succeeded).await;
    // After a failed run a job waits for half a minute by itself.
    wait_for(|| async { outcomes(&tracker, HOURLY).await == ["failed", "succeeded"] }).await;
    let job = tracker.attempts(HOURLY).await.unwrap();
    let waited = job[1].started_at.since(job[0].ended_at.unwrap());
    assert!(waited < Duration::from_secs(29), "{waited:?}");
    stop(child).await;
    setup.assert_rows(MINUTELY, window("2024-01-30", "2024-01-31 12:00:00"));
}

#[tokio::test]
async fn a_window_that_was_given_up_comes_again_after_an_hour_and_an_ignored_one_never() {
    let setup = setup(Knobs { faults: failing(), ..Knobs::default() }).await;
    assert_eq!(dccd(&setup, &BACKFILL).await.code, Some(1));
    let other = ["backfill", "-e", "binance", "-p", "LTC/USDT", "-s", "60", "--start", "2024-01-31"];
    assert_eq!(dccd(&setup, &other).await.code, Some(1));
    let (database, tracker) = store(&setup).await;
    let windows = of_kind(&tracker, TaskKind::Backfill).await;
    let id = |pair: &str| windows.iter().find(|task| task.series.contains(pair)).unwrap().id.clone();
    assert!(windows.iter().all(|task| task.status == Status::Exhausted), "{windows:?}");
    assert_eq!(dccd(&setup, &["jobs", "ignore", &id("LTC"), "--reason", "delisted"]).await.code, Some(0));
    let Pool::Sqlite { write, .. } = database.pool() else { panic!("another store") };
    let earlier = "UPDATE task SET finished_at = finished_at - 3600000000 WHERE finished_at IS NOT NULL";
    sqlx::query(earlier).execute(write).await.unwrap();
    setup.sim.set(|knobs| knobs.faults.clear());
    let before = setup.sim.requests().len();

    let child = start(&setup).await;
    until_status(&tracker, &id("ETH"), Status::Succeeded).await;
    until_status(&tracker, HOURLY, Status::Pending).await;

    assert_eq!(tracker.task(&id("LTC")).await.unwrap().unwrap().status, Status::Ignored);
    stop(child).await;
    let asked = setup.sim.requests();
    assert!(
        !asked[before..].iter().any(|seen| seen.path.contains("LTCUSDT")),
        "an ignored window was asked for"
    );
    setup.assert_rows(MINUTELY, window("2024-01-30", "2024-01-31 12:00:00"));
}

#[tokio::test]
async fn a_file_that_is_deleted_though_its_task_succeeded_comes_back_at_the_next_run() {
    let job =
        "{exchange: binance, pairs: [BTC/USDT], span: 3600, start: 2023-12-20, every: 2, retry_delay: 0.01}";
    let setup = with(job, Knobs::default()).await;
    let child = start(&setup).await;
    let whole = window("2023-12-20", "2024-01-31 12:00:00");
    let is_whole = || async { setup.ledger(HOURLY).settled().missing(whole).is_empty() };
    wait_for(is_whole).await;
    let (_database, tracker) = store(&setup).await;
    let runs = || async { outcomes(&tracker, HOURLY).await.iter().filter(|own| *own == "succeeded").count() };
    wait_for(|| async { runs().await > 0 }).await;
    let file = setup.data_path().join("binance/ohlc/BTC-USDT/1h/2023.parquet");
    let held = std::fs::metadata(&file).unwrap().len();
    assert!(held > 0);

    std::fs::remove_file(&file).unwrap();

    wait_for(|| async { std::fs::metadata(&file).is_ok_and(|found| found.len() > 0) }).await;
    wait_for(is_whole).await;
    stop(child).await;
    setup.assert_rows(HOURLY, whole);
    assert_eq!(dccd(&setup, &["verify"]).await.code, Some(0));
}

#[tokio::test]
async fn a_repair_is_a_task_with_a_daemon_and_without_one() {
    let setup = setup(Knobs::default()).await;
    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(0));
    let (_database, tracker) = store(&setup).await;

    assert_eq!(dccd(&setup, &["repair"]).await.code, Some(0));
    let child = start(&setup).await;
    wait_for(|| async { outcomes(&tracker, HOURLY).await.len() == 2 }).await;
    let repaired = dccd(&setup, &["repair"]).await;
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    setup.sim.set(|knobs| knobs.faults = failing());
    let failed = dccd(&setup, &["repair"]).await;
    stop(child).await;

    assert_eq!(failed.code, Some(1), "{failed:?}");
    let mut repairs = of_kind(&tracker, TaskKind::Repair).await;
    repairs.sort_by_key(|task| task.created_at);
    let seen: Vec<(Status, &str)> = repairs.iter().map(|task| (task.status, task.series.as_str())).collect();
    let (done, spent) = ((Status::Succeeded, HOURLY), (Status::Exhausted, HOURLY));
    assert_eq!(seen, [done, done, spent]);
    let attempt = tracker.attempts(&repairs[2].id).await.unwrap().remove(0);
    assert_eq!(attempt.error_class.as_deref(), Some("refused"), "{attempt:?}");
}

#[tokio::test]
async fn work_that_somebody_takes_back_is_not_taken_up_again() {
    let knobs = Knobs { latency: Duration::from_millis(100), page_limit: 50, ..Knobs::default() };
    let setup = setup(knobs).await;
    let child = start(&setup).await;
    let (_database, tracker) = store(&setup).await;
    let asking = command(&setup, &BACKFILL).spawn().unwrap();
    let is_running = || async {
        of_kind(&tracker, TaskKind::Backfill).await.iter().any(|task| task.status == Status::InProgress)
    };
    wait_for(is_running).await;

    signal(&asking, "INT").await;

    assert_eq!(end(asking).await.code, Some(130));
    assert_eq!(of_kind(&tracker, TaskKind::Backfill).await, []);
    stop(child).await;
}

#[tokio::test]
async fn a_job_whose_rhythm_changes_at_a_reload_is_due_by_the_new_one_and_its_task_says_so() {
    let job = |every: u32| format!("{{exchange: binance, pairs: [BTC/USDT], span: 3600, every: {every}}}");
    let setup = with(&job(36_000), Knobs::default()).await;
    let child = start(&setup).await;
    let (_database, tracker) = store(&setup).await;
    let due_in = || async {
        let task = tracker.task(HOURLY).await.unwrap()?;
        (task.status == Status::Pending).then(|| task.run_at.since(task.updated_at).as_secs())
    };
    wait_for(|| async { due_in().await.is_some() }).await;
    let attempts = || async { tracker.attempts(HOURLY).await.unwrap().len() };
    assert_eq!(attempts().await, 1);

    configure(&setup, &setup.text().replace(&job(36_000), &job(30)));
    assert_eq!(request(&setup, "POST", "/-/reload", "").await.status, 200);

    wait_for(|| async { attempts().await > 1 && due_in().await.is_some_and(|secs| secs <= 31) }).await;
    stop(child).await;
}

#[tokio::test]
async fn five_runs_that_a_stop_meets_are_given_back_at_once_and_nothing_waits_for_a_lease() {
    stop_amid_five_runs(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_runs_that_a_stop_meets_are_given_back_at_once_in_postgres_too() {
    let Some(url) = postgres::database().await else { return };
    stop_amid_five_runs(Some(url)).await;
}

async fn stop_amid_five_runs(postgres: Option<String>) {
    let pairs = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT, LTC/USDT, XRP/USDT, SOL/USDT], span: 60, \
                 start: 2024-01-01, retry_delay: 0.01}";
    let knobs = Knobs { latency: Duration::from_millis(300), page_limit: 100, ..Knobs::default() };
    let setup = with(pairs, knobs).await;
    if let Some(url) = &postgres {
        configure(&setup, &format!("{}store: {url}\n", setup.text()));
    }
    let child = start(&setup).await;
    let (database, tracker) = match &postgres {
        None => store(&setup).await,
        Some(url) => {
            let database = Database::connect(url).await.unwrap();
            (database.clone(), Tracker::new(&database, &Telemetry::new()))
        }
    };
    let jobs = || of_kind(&tracker, TaskKind::Job);
    let running = || async { jobs().await.iter().filter(|task| task.status == Status::InProgress).count() };
    wait_for(|| async { running().await == 5 }).await;
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > 30 }).await;

    stop(child).await;

    for task in jobs().await {
        assert_eq!((task.status, task.attempts, task.lease), (Status::Pending, 0, None), "{}", task.id);
        assert!(task.run_at <= task.updated_at, "{} waits for nothing", task.id);
        assert_eq!(outcomes(&tracker, &task.id).await, ["given_back"]);
        let held = setup.stored(&task.id).len();
        assert!(held > 0, "what {} accepted is stored", task.id);
    }
    assert_eq!(tracker.workers().await.unwrap(), [], "the worker has left");
    database.close().await;
}
