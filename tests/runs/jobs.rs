//! `dccd jobs`, beside what a daemon or a backfill left in the tracker.

use std::time::Duration;

use dccd::db::Database;
use dccd::sim::Knobs;
use dccd::telemetry::Telemetry;
use dccd::tracker::{Claimer, NewTask, Tracker};

use crate::program::{Ended, configure, dccd};
use crate::test_daemon::TestDaemon;

async fn setup() -> TestDaemon {
    let setup = TestDaemon::at("2024-01-01 03:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    setup
}

/// The tracker of a setup, with three tasks: one that waits, one that is held, one that is exhausted.
async fn planned(setup: &TestDaemon) -> (Database, Tracker) {
    std::fs::create_dir_all(setup.layout().own()).unwrap();
    let database = Database::open(&setup.layout().own()).await.unwrap();
    let tracker = Tracker::new(&database, &Telemetry::new());
    for id in ["held", "spent", "waits"] {
        let retry_delay = Duration::from_secs(3_600);
        tracker.enqueue(&NewTask { retry_delay, ..NewTask::named(id, "binance") }).await.unwrap();
    }
    let claimer = Claimer { worker: "box-1", lease: Duration::from_secs(600) };
    tracker.claim(claimer, "binance", 1).await.unwrap();
    for _ in 0..3 {
        let start = dccd::tracker::Start::new("box-1", Duration::from_secs(600));
        let failed =
            tracker.start("spent", &start, async |_| Err::<(), _>(std::io::Error::other("boom"))).await;
        assert!(failed.is_err());
    }
    (database, tracker)
}

async fn jobs(setup: &TestDaemon, args: &[&str]) -> Ended {
    dccd(setup, &[&["jobs"], args].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_seen_and_decided_upon_from_the_command_line() {
    let setup = setup().await;
    let (database, tracker) = planned(&setup).await;

    let listed = jobs(&setup, &["ls"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.out.contains("in_progress") && listed.out.contains("exhausted"), "{}", listed.out);
    let exhausted = jobs(&setup, &["ls", "--status", "exhausted", "--json"]).await.out;
    assert!(exhausted.contains("\"id\": \"spent\"") && !exhausted.contains("\"held\""), "{exhausted}");

    let shown = jobs(&setup, &["show", "spent"]).await;
    assert_eq!(shown.out.matches("[error] boom").count(), 3, "{}", shown.out);
    let why = jobs(&setup, &["why", "held"]).await.out;
    assert!(why.contains("box-1 works on it"), "{why}");
    let why = jobs(&setup, &["why", "waits"]).await.out;
    assert!(why.contains("No worker is alive"), "{why}");
    let why = jobs(&setup, &["why", "spent"]).await.out;
    assert!(why.contains("3 attempt(s) failed") && why.contains("boom"), "{why}");

    let refused = jobs(&setup, &["retry", "held"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("being worked on by box-1"), "{}", refused.err);
    assert_eq!(jobs(&setup, &["unlock", "held"]).await.code, Some(0));
    assert_eq!(jobs(&setup, &["retry", "spent", "held"]).await.code, Some(0));
    assert_eq!(jobs(&setup, &["ignore", "waits", "--reason", "delisted"]).await.code, Some(0));
    assert_eq!(jobs(&setup, &["cancel", "spent"]).await.code, Some(0));
    assert_eq!(jobs(&setup, &["cancel", "waits"]).await.code, Some(1), "it is over");

    let state = |id: &'static str| {
        let tracker = tracker.clone();
        async move {
            let task = tracker.task(id).await.unwrap().unwrap();
            (task.status.name(), task.reason.unwrap_or_default())
        }
    };
    assert_eq!(state("held").await, ("pending", String::new()));
    assert_eq!(state("spent").await, ("ignored", "cancelled".to_owned()));
    assert_eq!(state("waits").await, ("ignored", "delisted".to_owned()));
    assert_eq!(jobs(&setup, &["prune", "--days", "0"]).await.code, Some(0));
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_store_there_are_no_tasks_and_none_is_made() {
    let setup = setup().await;

    let listed = jobs(&setup, &["ls"]).await;
    let shown = jobs(&setup, &["show", "nope"]).await;

    assert_eq!((listed.code, listed.out.trim()), (Some(0), "No tasks."));
    assert_eq!(shown.code, Some(1));
    assert!(!setup.data_path().exists(), "looking makes nothing");
}
