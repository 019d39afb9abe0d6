//! Daemons whose state store goes away, whose clock is set, that are killed beside others, and that stand still.

use std::path::Path;
use std::time::Duration;

use dccd::db::Database;
use dccd::sim::{Endpoint, Knobs};
use dccd::telemetry::Telemetry;
use dccd::tracker::{Filter, Status, Task, TaskKind, Tracker};
use tokio::process::{Child, Command};

use crate::program::{command, configure, dccd, end, request, terminate, wait_for, wait_for_exit};
use crate::test_daemon::{MINUTELY, TestDaemon, window};
use crate::{postgres, shim};

const EVERY_SECOND: &str =
    "{exchange: binance, pairs: [BTC/USDT], span: 60, start: 2024-01-31, every: 1, retry_delay: 0.01}";

async fn setup(jobs: &str, knobs: Knobs) -> TestDaemon {
    let symbols = ["BTC", "ETH", "LTC"].map(|base| format!("{base}USDT")).to_vec();
    let knobs = Knobs { weight_limit: 1_000_000, symbols, ..knobs };
    TestDaemon::with(jobs, "2024-01-31 12:00:30", knobs).await
}

async fn start(setup: &TestDaemon) -> Child {
    started(setup, command(setup, &["start"])).await
}

async fn started(setup: &TestDaemon, mut command: Command) -> Child {
    let child = command.spawn().unwrap();
    wait_for_exit(setup, &["healthcheck"], 0).await;
    child
}

async fn stop(child: Child) {
    terminate(&child).await;
    let ended = end(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A start of the daemon with the library that makes its process misbehave as the settings say.
fn misbehaving(setup: &TestDaemon, library: &Path, setting: &str, file: &Path) -> Command {
    let mut command = command(setup, &["start"]);
    command.env("LD_PRELOAD", library).env(setting, file);
    command
}

async fn outcomes(tracker: &Tracker, id: &str) -> Vec<String> {
    let attempts = tracker.attempts(id).await.unwrap();
    attempts.into_iter().map(|attempt| attempt.outcome.unwrap_or_else(|| "running".into())).collect()
}

async fn windows(tracker: &Tracker) -> Vec<Task> {
    let filter = Filter { kind: Some(TaskKind::Backfill), ..Filter::default() };
    tracker.tasks(&filter, 99).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_for_a_while_collection_goes_on_health_says_so_and_results_settle_later() {
    let Some(mut server) = postgres::Server::start("-c fsync=off") else { return };
    let url = server.database().await;
    let setup = setup(EVERY_SECOND, Knobs::default()).await;
    configure(&setup, &format!("{}store: {url}\n", setup.text()));
    let child = start(&setup).await;
    let whole = window("2024-01-31", "2024-01-31 12:00:00");
    wait_for(|| async { setup.ledger(MINUTELY).settled().missing(whole).is_empty() }).await;

    server.order("stop");
    wait_for(|| async { dccd(&setup, &["healthcheck"]).await.out.contains("\"broker\":\"error\"") }).await;
    let unwell = dccd(&setup, &["healthcheck"]).await;
    assert!(unwell.out.starts_with("{\"status\":\"degraded\",\"worker\":\"running\""), "{unwell:?}");
    assert!(unwell.out.contains("\"broker\":\"error\",\"database\":\"error\""), "{unwell:?}");
    assert_eq!(unwell.code, Some(0), "it goes on collecting: {unwell:?}");
    for (path, status, word) in [
        ("/-/healthy", 200, "healthy"),
        ("/-/ready", 200, "\"ready\":true"),
        ("/health", 200, "\"status\":\"degraded\""),
        ("/health", 200, "\"reasons\":[{\"about\":\"state store\",\"why\":\""),
        ("/health/v2/queues", 503, "\"broker\":\"error\""),
    ] {
        let told = request(&setup, "GET", path, "").await;
        assert!(told.status == status && told.body.contains(word), "{path}: {told:?}");
        assert!(!told.body.contains("postgres://"), "{told:?}");
    }
    let asked = setup.asked(Endpoint::Ohlc).len();
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > asked + 3 }).await;
    // The series it owned before: without the store the owner of any other is unknown.
    let backfill = ["backfill", "-e", "binance", "-p", "BTC/USDT", "-s", "60", "--start", "2024-01-30"];
    let fetched = dccd(&setup, &backfill).await;
    assert_eq!(fetched.code, Some(0), "{fetched:?}");

    server.order("start");
    wait_for(|| async { dccd(&setup, &["healthcheck"]).await.out.contains("\"broker\":\"connected\"") })
        .await;
    let database = Database::connect(&url).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    let succeeded = || async {
        let outcomes = outcomes(&tracker, MINUTELY).await;
        outcomes.iter().filter(|outcome| *outcome == "succeeded").count()
    };
    let before = succeeded().await;
    wait_for(|| async { succeeded().await > before + 2 }).await;
    stop(child).await;

    let outcomes = outcomes(&tracker, MINUTELY).await;
    assert!(outcomes.iter().all(|outcome| outcome == "succeeded"), "{outcomes:?}");
    let known = database.series_health().await.unwrap();
    assert_eq!(known[0].rows, setup.ledger(MINUTELY).rows(), "what came of the runs is in the store");
    setup.assert_rows(MINUTELY, window("2024-01-30", "2024-01-31 12:00:00"));
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_daemon_worked_on_is_done_by_another_one_after_its_lease() {
    let Some(url) = postgres::database().await else { return };
    const OTHERS: &str = "binance/LTC-USDT/ohlc/1m";
    let knobs = Knobs { latency: Duration::from_millis(200), page_limit: 50, ..Knobs::default() };
    let first = setup("{exchange: binance, pairs: [BTC/USDT], span: 3600}", knobs).await;
    let second = setup("{exchange: binance, pairs: [ETH/USDT], span: 3600}", Knobs::default()).await;
    for setup in [&first, &second] {
        configure(setup, &format!("{}store: {url}\nworker: {{lease: 10}}\n", setup.text()));
    }
    let (mut killed, heir) = (start(&first).await, start(&second).await);
    let backfill = ["backfill", "-e", "binance", "-p", "LTC/USDT", "-s", "60", "--start", "2024-01-31"];
    let mut asking = command(&first, &backfill).spawn().unwrap();
    let pages = || first.asked(Endpoint::Ohlc).iter().filter(|seen| seen.path.contains("LTC")).count();
    wait_for(|| async { pages() > 3 }).await;

    killed.start_kill().unwrap();
    killed.wait().await.unwrap();
    asking.wait().await.unwrap();
    let database = Database::connect(&url).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    let task = windows(&tracker).await.remove(0);
    assert_eq!((task.status, task.series.as_str()), (Status::InProgress, OTHERS));
    wait_for(|| async { windows(&tracker).await[0].status == Status::Succeeded }).await;

    assert_eq!(outcomes(&tracker, &task.id).await, ["lease_lost", "succeeded"]);
    let attempts = tracker.attempts(&task.id).await.unwrap();
    assert_ne!(attempts[0].worker, attempts[1].worker);
    assert!(attempts[1].started_at >= task.lease.unwrap().until, "it was taken over before its lease ended");
    stop(heir).await;
    second.assert_rows(OTHERS, window("2024-01-31", "2024-01-31 12:00:00"));
    database.close().await;
}

#[tokio::test]
async fn a_clock_that_is_set_an_hour_on_or_back_ends_no_run_and_holds_up_no_job() {
    let Some(library) = shim::library() else { return };
    let knobs = Knobs { latency: Duration::from_millis(150), page_limit: 50, ..Knobs::default() };
    let setup = setup(EVERY_SECOND, knobs).await;
    configure(&setup, &format!("{}worker: {{lease: 10}}\n", setup.text()));
    let hands = setup.folder.path().join("hands");
    std::fs::write(&hands, "0").unwrap();
    let child = started(&setup, misbehaving(&setup, library, "DCCD_CLOCK_FILE", &hands)).await;
    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > 2 }).await;
    let database = Database::open(&setup.layout().own()).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    assert_eq!(outcomes(&tracker, MINUTELY).await, ["running"]);

    std::fs::write(&hands, "3600").unwrap();
    let succeeded = || async {
        let outcomes = outcomes(&tracker, MINUTELY).await;
        assert!(!outcomes.contains(&"lease_lost".to_owned()), "a lease of ours was taken from us");
        outcomes.iter().filter(|outcome| *outcome == "succeeded").count()
    };
    wait_for(|| async { succeeded().await >= 2 }).await;
    let asked = setup.asked(Endpoint::Ohlc).len();
    std::fs::write(&hands, "0").unwrap();

    wait_for(|| async { setup.asked(Endpoint::Ohlc).len() > asked + 3 }).await;
    stop(child).await;
    setup.assert_rows(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00"));
}

#[tokio::test]
async fn a_daemon_whose_loop_stands_still_is_unhealthy_and_ends_with_70_after_a_minute() {
    let Some(library) = shim::library() else { return };
    let setup = setup(EVERY_SECOND, Knobs::default()).await;
    configure(&setup, &setup.text());
    let stuck = setup.folder.path().join("stuck");
    let child = started(&setup, misbehaving(&setup, library, "DCCD_STUCK_FILE", &stuck)).await;
    wait_for(|| async { setup.data_path().join("binance").exists() }).await;

    std::fs::write(&stuck, "").unwrap();
    let unwell = wait_for_exit(&setup, &["healthcheck"], 1).await;
    let ended = tokio::time::timeout(Duration::from_secs(120), child.wait_with_output()).await;
    let ended = ended.expect("it is not ended").unwrap();

    assert!(unwell.out.contains("\"worker\":\"silent\""), "{unwell:?}");
    assert_eq!(ended.status.code(), Some(70), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("the main loop has stood still for 60 s"), "{said}");
    // Accepted rows are there at the next start.
    let alone = dccd(&setup, &["collect"]).await;
    assert_eq!(alone.code, Some(0), "{alone:?}");
    setup.assert_rows(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00"));
}
