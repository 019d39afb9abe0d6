//! `health.json` and `dccd healthcheck`: what they say of a daemon that is well, and of each way it can be unwell.

use std::sync::Arc;
use std::time::Duration;

use dccd::daemon::HealthReporter;
use dccd::daemon::{FRESH_SECS, Liveness, Status};
use dccd::sim::Knobs;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use crate::house::House;
use crate::program::{Ended, command, configure, dccd, end, said, signal, terminate, until_code};

const HEALTHY: &str = "\"broker\":\"connected\",\"database\":\"connected\"";
const UNREACHED: &str = "\"broker\":\"error\",\"database\":\"error\"";

/// A daemon that listens nowhere, known to be well.
async fn daemon() -> (House, Child) {
    let house = House::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&house, &house.text().replacen("settings: {", "settings: {environment: production, ", 1));
    let child = command(&house, &["start"]).spawn().unwrap();
    let well = until_code(&house, &["healthcheck"], 0).await;
    assert_eq!(well.out.lines().count(), 1);
    assert!(well.out.contains("\"worker\":\"") && well.out.contains(HEALTHY), "{well:?}");
    assert!(well.out.contains("\"failed\":0,\"environment\":\"production\",\"reason\":null}"), "{well:?}");
    (house, child)
}

/// Waits until the check says something.
async fn until_said(house: &House, what: &str) -> Ended {
    let waiting = async {
        loop {
            let ended = dccd(house, &["healthcheck"]).await;
            if ended.out.contains(what) {
                return ended;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), waiting).await.expect("it is never said")
}

#[tokio::test]
async fn a_daemon_is_healthy_until_it_is_told_to_stop_and_leaves_no_sign_of_life() {
    let house = House::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&house, &house.text());
    let before = dccd(&house, &["healthcheck"]).await;
    assert_eq!(before.code, Some(1), "{before:?}");
    assert!(before.out.contains("\"worker\":\"gone\"") && before.out.contains(UNREACHED), "{before:?}");
    assert!(before.out.contains("\"queue_depth\":null"), "nobody knows: {before:?}");
    assert!(!house.data_path().exists(), "looking creates nothing");
    drop((before, house));

    let (house, child) = daemon().await;
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));

    assert_eq!(dccd(&house, &["healthcheck"]).await.code, Some(1));
    assert_eq!(Liveness::read(&house.layout().own()).unwrap(), None);
}

#[tokio::test]
async fn a_mistake_in_the_configuration_says_nothing_about_the_daemon_that_runs() {
    let (house, _child) = daemon().await;
    configure(&house, &house.text().replace("span: 60", "span: often"));

    assert_eq!(dccd(&house, &["collect"]).await.code, Some(78));
    assert_eq!(dccd(&house, &["healthcheck"]).await.code, Some(0));
}

#[tokio::test]
async fn a_killed_daemon_is_gone_at_once_whether_or_not_anybody_took_note_of_its_end() {
    let (house, mut child) = daemon().await;

    child.start_kill().unwrap();
    let unnoticed = until_code(&house, &["healthcheck"], 1).await;
    child.wait().await.unwrap();
    let noticed = dccd(&house, &["healthcheck"]).await;

    for said in [unnoticed, noticed] {
        assert_eq!(said.code, Some(1));
        assert!(said.out.contains("\"worker\":\"gone\"") && said.out.contains(UNREACHED), "{said:?}");
    }
}

#[tokio::test]
async fn a_stopped_daemon_falls_silent_and_is_healthy_again_when_it_goes_on() {
    let (house, child) = daemon().await;
    signal(&child, "STOP").await;
    // As if the time had passed: a process that goes on would write anew.
    let own = house.layout().own();
    let last = Liveness::read(&own).unwrap().unwrap();
    Liveness { written_at: last.written_at - FRESH_SECS, ..last }.write(&own).unwrap();
    let silent = dccd(&house, &["healthcheck"]).await;
    signal(&child, "CONT").await;

    assert_eq!(silent.code, Some(1));
    assert!(silent.out.contains("\"worker\":\"silent\"") && silent.out.contains(UNREACHED), "{silent:?}");
    until_code(&house, &["healthcheck"], 0).await;
}

#[tokio::test]
async fn a_store_that_somebody_keeps_locked_is_out_of_reach_until_he_lets_go() {
    let (house, _child) = daemon().await;
    let options = SqliteConnectOptions::new().filename(house.layout().own().join("state.db"));
    let mut somebody = options.connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut somebody).await.unwrap();

    let locked = until_said(&house, UNREACHED).await;
    let ready = said(&house, "GET", "/-/ready", "").await;
    let health = said(&house, "GET", "/health", "").await;
    sqlx::query("ROLLBACK").execute(&mut somebody).await.unwrap();

    // It goes on collecting: degraded, and all three say so.
    assert!(locked.out.starts_with("{\"status\":\"degraded\",\"worker\":\"running\""), "{locked:?}");
    assert!(locked.out.contains("the state store"), "{locked:?}");
    assert_eq!((locked.code, ready.status, health.status), (Some(0), 200, 200), "{ready:?} {health:?}");
    assert!(health.body.contains("\"status\":\"degraded\""), "{health:?}");
    until_said(&house, HEALTHY).await;
}

#[tokio::test]
async fn a_scheduler_that_does_not_go_round_is_stuck_though_the_file_is_fresh() {
    let house = House::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&house, &house.text());
    let (engine, status) = (Arc::new(house.engine().await), Arc::new(Status::new()));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    let stop = CancellationToken::new();
    let looking = async {
        let said = loop {
            let said = dccd(&house, &["healthcheck"]).await;
            // Before its first beat nobody is alive.
            if !said.out.contains("\"worker\":\"gone\"") {
                break said;
            }
        };
        stop.cancel();
        said
    };
    let reporter = HealthReporter::new(Arc::clone(&engine), status, &house.config());

    let beating = async { tokio::join!(reporter.run(stop.clone()), looking) };
    let ((), said) = tokio::time::timeout(Duration::from_secs(20), beating).await.unwrap();

    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("\"worker\":\"stuck\""), "{said:?}");
    engine.close().await;
}
