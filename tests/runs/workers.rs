//! How processes that share a state store report one another, and jobs that no process has any more.

#![allow(clippy::disallowed_types, reason = "a test may read any JSON as a tree")]

use std::time::Duration;

use dccd::db::Database;
use dccd::sim::Knobs;
use dccd::telemetry::Telemetry;
use dccd::tracker::Tracker;
use serde_json::Value;
use tokio::process::Child;

use crate::postgres;
use crate::program::{command, configure, dccd, end, request, terminate, wait_for, wait_for_exit};
use crate::test_daemon::TestDaemon;

const TWO: &str = "{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, retry_delay: 0.01}";
const ONE: &str = "{exchange: binance, pairs: [BTC/USDT], span: 3600, retry_delay: 0.01}";
const OTHERS: &str = "{exchange: okx, pairs: [BTC/USDT], span: 3600, retry_delay: 0.01}";

async fn daemon(jobs: &str, store: &str) -> (TestDaemon, Child) {
    let setup = TestDaemon::with(jobs, "2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &format!("{}store: {store}\n", setup.text()));
    let child = command(&setup, &["start"]).spawn().unwrap();
    wait_for_exit(&setup, &["healthcheck"], 0).await;
    (setup, child)
}

async fn stop(child: Child) {
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));
}

async fn health(setup: &TestDaemon) -> Value {
    serde_json::from_str(&request(setup, "GET", "/health", "").await.body).unwrap()
}

/// The names of the workers that `/health` lists, the daemon's own first.
async fn listed(setup: &TestDaemon) -> Vec<String> {
    let health = health(setup).await;
    let workers = health["workers"].as_array().unwrap();
    workers.iter().map(|worker| worker["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_lists_every_worker_of_the_store_each_by_its_one_identity_and_says_since_when_one_is_lost() {
    let Some(url) = postgres::database().await else { return };
    let (first, one) = daemon(ONE, &url).await;
    let (second, mut other) = daemon(OTHERS, &url).await;
    wait_for(|| async { listed(&first).await.len() == 2 && listed(&second).await.len() == 2 }).await;

    let database = Database::connect(&url).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    let mut known: Vec<String> =
        tracker.workers().await.unwrap().into_iter().map(|worker| worker.id).collect();
    let (mut here, mut there) = (listed(&first).await, listed(&second).await);
    assert_ne!(here[0], there[0], "each begins with itself");
    let lost = there[0].clone();
    for names in [&mut here, &mut there, &mut known] {
        names.sort();
    }
    assert_eq!((&here, &there), (&known, &known));
    let attempts = tracker.attempts("binance/BTC-USDT/ohlc/1h").await.unwrap();
    assert!(attempts.iter().all(|attempt| here.contains(&attempt.worker)), "{attempts:?}");
    let well = health(&first).await;
    assert_eq!(well["status"], "healthy", "{well:#}");

    other.start_kill().unwrap();
    other.wait().await.unwrap();
    // It is told once it has been silent for longer than a sign of life takes, however long a lease is.
    let told = || async {
        let health = health(&first).await;
        let reasons = health["reasons"].as_array().unwrap().clone();
        reasons.into_iter().find(|reason| reason["about"] == format!("worker {lost}"))
    };
    wait_for(|| async { told().await.is_some() }).await;

    let reason = told().await.unwrap();
    assert!(reason["why"].as_str().unwrap().contains("last heard of"), "{reason}");
    assert!(reason["since"].as_str().unwrap().starts_with("20"), "{reason}");
    assert_eq!(health(&first).await["status"], "degraded");
    assert_eq!(dccd(&first, &["healthcheck"]).await.code, Some(0));
    database.close().await;
    stop(one).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_reload_removed_is_due_nowhere_whichever_the_store_is() {
    let server = postgres::database().await;
    for store in server.as_deref().into_iter().chain(["sqlite"]) {
        let (setup, child) = daemon(TWO, store).await;
        // Another data path's jobs stay, though this one knows nothing of them.
        let others = match store {
            "sqlite" => None,
            store => Some(daemon(OTHERS, store).await),
        };
        let due = || async { dccd(&setup, &["jobs", "ls"]).await.out };
        wait_for(|| async { due().await.matches(" job ").count() == 2 + usize::from(others.is_some()) })
            .await;

        configure(&setup, &format!("{}store: {store}\n", setup.text().replace(", ETH/USDT", "")));
        let answer = request(&setup, "POST", "/-/reload", "").await;
        assert!(answer.body.contains("\"removed\":1"), "{answer:?}");
        let began = std::time::Instant::now();
        wait_for(|| async { !due().await.contains("ETH-USDT") }).await;

        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        let left = due().await;
        assert!(
            left.contains("binance/BTC-USDT") && left.contains("okx/BTC-USDT") == others.is_some(),
            "{left}"
        );
        stop(child).await;
        if let Some((_, child)) = others {
            stop(child).await;
        }
    }
}
