//! A sync that has nothing to send looks at the remote all the same: "last synced" needs an answer from there.

#![allow(clippy::disallowed_types, reason = "a test may read any JSON as a tree")]

use std::fs;

use crate::home::{Home, closes};
use crate::rclone::{Daemon, Nas, in_series, stand_in};

/// The state of the remote: when it was last synced, how often it has failed since, and why.
fn known(home: &Home) -> (Option<i64>, u64, String) {
    let text = fs::read_to_string(home.layout.own().join("remotes.json")).unwrap();
    let known: serde_json::Value = serde_json::from_str(&text).unwrap();
    let one = known.as_object().unwrap().values().next().unwrap().clone();
    let error = one["last_error"].as_str().unwrap_or_default().to_owned();
    (one["last_success"].as_i64(), one["consecutive_errors"].as_u64().unwrap(), error)
}

#[tokio::test]
async fn a_remote_that_does_not_answer_is_not_synced_though_nothing_waits_for_it() {
    let Some(mut nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    let (synced, ..) = known(&home);

    let scripts = [("exit 5", "connect"), ("echo no such remote >&2; exit 1", "refused")];
    for ((script, reason), failed) in scripts.into_iter().zip(1..) {
        nas.bin = stand_in(script);
        let ended = nas.dccd(&home, &["sync", "--json"]).await;
        assert_eq!(ended.code, Some(1), "{script}: {ended:?}");
        assert!(ended.out.contains(&format!("\"reason\": \"{reason}\"")), "{script}: {ended:?}");
        assert!(ended.out.contains("\"pending_files\": 0"), "{script}: {ended:?}");
        let (last, errors, _) = known(&home);
        assert_eq!((last, errors), (synced, failed), "{script}");
    }

    nas.bin = None;
    let again = nas.dccd(&home, &["sync"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let (last, errors, _) = known(&home);
    assert!(last > synced && errors == 0, "{last:?} {errors}");
}

#[tokio::test]
async fn a_remote_that_never_answered_was_never_synced_though_there_is_nothing_to_send() {
    let nas = Nas::with("echo no such remote >&2; exit 1");
    let home = Home::empty();

    let ended = nas.dccd(&home, &["sync"]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("no such remote"), "{ended:?}");
    assert_eq!((known(&home).0, known(&home).1), (None, 1));
}

#[tokio::test]
async fn a_sync_with_nothing_to_send_makes_the_folder_of_a_remote_or_fails() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::empty();
    let folder = nas.folder.path().join("copies");

    let made = nas.dccd(&home, &["sync"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(folder.is_dir());

    let home = Home::empty();
    fs::remove_dir(&folder).unwrap();
    fs::write(&folder, "no folder").unwrap();
    let refused = nas.dccd(&home, &["sync"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!((known(&home).0, known(&home).1), (None, 1), "it never was synced");
}

#[tokio::test]
async fn what_was_verified_and_is_gone_is_told_by_the_daemon_and_sent_again_by_who_asks() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    let (synced, ..) = known(&home);
    fs::remove_dir_all(nas.folder.path().join("copies")).unwrap();
    fs::create_dir(nas.folder.path().join("copies")).unwrap();

    let daemon = Daemon::start(&nas, &home).await;
    let label = format!("remote=\"{}\"", nas.address().trim_end_matches('/'));
    daemon.wait_for(&format!("dccd_sync_failures_total{{reason=\"mismatch\",{label}}} 1")).await;
    assert_eq!(daemon.stop().await, Some(0));
    let status = nas.dccd(&home, &["status"]).await.out;
    assert!(status.contains("1 failed in a row") && status.contains("is not there any more"), "{status}");
    assert_eq!((nas.files(), known(&home).0), (Vec::new(), synced));

    let ended = nas.dccd(&home, &["sync"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(nas.files(), ["2023.parquet", "2024.parquet", "_series.json"].map(in_series));
    assert_eq!(home.stored(), closes(-2, 5, 1.0));
}
