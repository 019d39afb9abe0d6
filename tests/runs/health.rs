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

use crate::program::{Ended, command, configure, dccd, end, request, signal, terminate, wait_for_exit};
use crate::test_daemon::TestDaemon;

const HEALTHY: &str = "\"broker\":\"connected\",\"database\":\"connected\"";
const UNREACHED: &str = "\"broker\":\"error\",\"database\":\"error\"";

/// A daemon that listens nowhere, known to be well.
async fn daemon() -> (TestDaemon, Child) {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text().replacen("settings: {", "settings: {environment: production, ", 1));
    let child = command(&setup, &["start"]).spawn().unwrap();
    let well = wait_for_exit(&setup, &["healthcheck"], 0).await;
    assert_eq!(well.out.lines().count(), 1);
    assert!(well.out.contains("\"worker\":\"") && well.out.contains(HEALTHY), "{well:?}");
    assert!(well.out.contains("\"failed\":0,\"environment\":\"production\",\"reason\":null}"), "{well:?}");
    (setup, child)
}

/// Waits until the check says something.
async fn until_said(setup: &TestDaemon, what: &str) -> Ended {
    let waiting = async {
        loop {
            let ended = dccd(setup, &["healthcheck"]).await;
            if ended.out.contains(what) {
                return ended;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(40), waiting).await.expect("it is never said")
}

#[tokio::test]
async fn a_daemon_is_healthy_until_it_is_told_to_stop_and_leaves_no_sign_of_life() {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    let before = dccd(&setup, &["healthcheck"]).await;
    assert_eq!(before.code, Some(1), "{before:?}");
    assert!(before.out.contains("\"worker\":\"gone\"") && before.out.contains(UNREACHED), "{before:?}");
    assert!(before.out.contains("\"queue_depth\":null"), "unknown: {before:?}");
    assert!(!setup.data_path().exists(), "looking creates nothing");
    drop((before, setup));

    let (setup, child) = daemon().await;
    terminate(&child).await;
    assert_eq!(end(child).await.code, Some(0));

    assert_eq!(dccd(&setup, &["healthcheck"]).await.code, Some(1));
    assert_eq!(Liveness::read(&setup.layout().own()).unwrap(), None);
}

#[tokio::test]
async fn a_mistake_in_the_configuration_says_nothing_about_the_daemon_that_runs() {
    let (setup, _child) = daemon().await;
    configure(&setup, &setup.text().replace("span: 60", "span: often"));

    assert_eq!(dccd(&setup, &["collect"]).await.code, Some(78));
    assert_eq!(dccd(&setup, &["healthcheck"]).await.code, Some(0));
}

#[tokio::test]
async fn a_killed_daemon_is_gone_at_once_whether_or_not_anybody_took_note_of_its_end() {
    let (setup, mut child) = daemon().await;

    child.start_kill().unwrap();
    let unnoticed = wait_for_exit(&setup, &["healthcheck"], 1).await;
    child.wait().await.unwrap();
    let noticed = dccd(&setup, &["healthcheck"]).await;

    for said in [unnoticed, noticed] {
        assert_eq!(said.code, Some(1));
        assert!(said.out.contains("\"worker\":\"gone\"") && said.out.contains(UNREACHED), "{said:?}");
    }
}

#[tokio::test]
async fn a_stopped_daemon_falls_silent_and_is_healthy_again_when_it_goes_on() {
    let (setup, child) = daemon().await;
    signal(&child, "STOP").await;
    // As if the time had passed: a process that goes on would write anew.
    let own = setup.layout().own();
    let last = Liveness::read(&own).unwrap().unwrap();
    Liveness { written_at: last.written_at - FRESH_SECS, ..last }.write(&own).unwrap();
    let silent = dccd(&setup, &["healthcheck"]).await;
    signal(&child, "CONT").await;

    assert_eq!(silent.code, Some(1));
    assert!(silent.out.contains("\"worker\":\"silent\"") && silent.out.contains(UNREACHED), "{silent:?}");
    wait_for_exit(&setup, &["healthcheck"], 0).await;
}

#[tokio::test]
async fn a_store_that_somebody_keeps_locked_is_out_of_reach_until_he_lets_go() {
    let (setup, _child) = daemon().await;
    let options = SqliteConnectOptions::new().filename(setup.layout().own().join("state.db"));
    let mut writer = options.connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();

    let locked = until_said(&setup, UNREACHED).await;
    let ready = request(&setup, "GET", "/-/ready", "").await;
    let health = request(&setup, "GET", "/health", "").await;
    sqlx::query("ROLLBACK").execute(&mut writer).await.unwrap();

    // It goes on collecting: degraded, and all three say so.
    assert!(locked.out.starts_with("{\"status\":\"degraded\",\"worker\":\"running\""), "{locked:?}");
    assert!(locked.out.contains("the state store"), "{locked:?}");
    assert_eq!((locked.code, ready.status, health.status), (Some(0), 200, 200), "{ready:?} {health:?}");
    assert!(health.body.contains("\"status\":\"degraded\""), "{health:?}");
    until_said(&setup, HEALTHY).await;
}

#[tokio::test]
async fn a_scheduler_that_does_not_go_round_is_stuck_though_the_file_is_fresh() {
    let setup = TestDaemon::at("2024-01-31 12:00:30", Knobs::default()).await;
    configure(&setup, &setup.text());
    let (engine, status) = (Arc::new(setup.engine().await), Arc::new(Status::new()));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    let stop = CancellationToken::new();
    let looking = async {
        let said = loop {
            let said = dccd(&setup, &["healthcheck"]).await;
            // Before its first heartbeat there is no sign of life.
            if !said.out.contains("\"worker\":\"gone\"") {
                break said;
            }
        };
        stop.cancel();
        said
    };
    let reporter = HealthReporter::new(Arc::clone(&engine), status, &setup.config());

    let beating = async { tokio::join!(reporter.run(stop.clone()), looking) };
    let ((), said) = tokio::time::timeout(Duration::from_secs(20), beating).await.unwrap();

    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("\"worker\":\"stuck\""), "{said:?}");
    engine.close().await;
}
