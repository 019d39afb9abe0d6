//! `dccd jobs`, beside what a daemon or a backfill left in the tracker.

use std::time::Duration;

use dccd::db::Database;
use dccd::sim::Knobs;
use dccd::telemetry::Telemetry;
use dccd::tracker::{Claimer, NewTask, Tracker};

use crate::house::House;
use crate::program::{Ended, configure, dccd};

async fn house() -> House {
    let house = House::at("2024-01-01 03:00:30", Knobs::default()).await;
    configure(&house, &house.text());
    house
}

/// The tracker of a house, with three tasks: one that waits, one that is held, one that is exhausted.
async fn planned(house: &House) -> (Database, Tracker) {
    std::fs::create_dir_all(house.layout().own()).unwrap();
    let database = Database::open(&house.layout().own()).await.unwrap();
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

async fn jobs(house: &House, args: &[&str]) -> Ended {
    dccd(house, &[&["jobs"], args].concat()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_seen_and_decided_upon_from_the_command_line() {
    let house = house().await;
    let (database, tracker) = planned(&house).await;

    let listed = jobs(&house, &["ls"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.out.contains("in_progress") && listed.out.contains("exhausted"), "{}", listed.out);
    let exhausted = jobs(&house, &["ls", "--status", "exhausted", "--json"]).await.out;
    assert!(exhausted.contains("\"id\": \"spent\"") && !exhausted.contains("\"held\""), "{exhausted}");

    let shown = jobs(&house, &["show", "spent"]).await;
    assert_eq!(shown.out.matches("[error] boom").count(), 3, "{}", shown.out);
    let why = jobs(&house, &["why", "held"]).await.out;
    assert!(why.contains("box-1 works on it"), "{why}");
    let why = jobs(&house, &["why", "waits"]).await.out;
    assert!(why.contains("No worker is alive"), "{why}");
    let why = jobs(&house, &["why", "spent"]).await.out;
    assert!(why.contains("3 attempt(s) failed") && why.contains("boom"), "{why}");

    let refused = jobs(&house, &["retry", "held"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("being worked on by box-1"), "{}", refused.err);
    assert_eq!(jobs(&house, &["unlock", "held"]).await.code, Some(0));
    assert_eq!(jobs(&house, &["retry", "spent", "held"]).await.code, Some(0));
    assert_eq!(jobs(&house, &["ignore", "waits", "--reason", "delisted"]).await.code, Some(0));
    assert_eq!(jobs(&house, &["cancel", "spent"]).await.code, Some(0));
    assert_eq!(jobs(&house, &["cancel", "waits"]).await.code, Some(1), "it is over");

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
    assert_eq!(jobs(&house, &["prune", "--days", "0"]).await.code, Some(0));
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_store_there_are_no_tasks_and_none_is_made() {
    let house = house().await;

    let listed = jobs(&house, &["ls"]).await;
    let shown = jobs(&house, &["show", "nope"]).await;

    assert_eq!((listed.code, listed.out.trim()), (Some(0), "No tasks."));
    assert_eq!(shown.code, Some(1));
    assert!(!house.data_path().exists(), "looking makes nothing");
}
