//! A process that starts on a full disk says so, leaves nothing half made, and starts once there is room.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::daemon::{Daemon, run};
use crate::storage::{Filled, setup_on_tmpfs};
use crate::test_daemon::{MINUTELY, window};

/// The exit code of a process that ran out of space.
fn assert_told(ended: &Output, what: &str) {
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(74), "{what}: {said}");
    assert!(said.contains("No space left") || said.contains("its disk is full"), "{what}: {said}");
}

fn is_set_aside(data: &Path) -> bool {
    fs::read_dir(data.join(".dccd/quarantine")).is_ok_and(|mut found| found.next().is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_on_a_full_disk_says_that_it_is_full_and_leaves_nothing_that_looks_damaged() {
    let Some((_mounted, setup)) = setup_on_tmpfs("size=32m").await else { return };
    let data = setup.data_path();
    let full = Filled::with_bytes(&data);
    for args in [["start"].as_slice(), &["collect"]] {
        assert_told(&run(&setup, args), "on an empty data path");
    }
    drop(full);
    // Room for a lock and its words, and not for a store.
    fs::create_dir_all(data.join(".dccd")).unwrap();
    fs::write(data.join(".dccd/lock"), "dccd").unwrap();
    let full = Filled::with_bytes(&data);
    for args in [["start"].as_slice(), &["collect"]] {
        assert_told(&run(&setup, args), "without a store");
    }
    drop(full);
    let daemon = Daemon::start(&setup);
    assert_eq!(daemon.stop(), Some(0));
    let full = Filled::with_bytes(&data);
    for args in [["start"].as_slice(), &["collect"], &["jobs", "ls"], &["status", "--wide"]] {
        assert_told(&run(&setup, args), "with a store");
    }
    drop(full);

    let mut daemon = Daemon::start(&setup);
    daemon.wait_for("everything is published", |_| setup.ledger(MINUTELY).rows() == 720);
    assert_eq!(daemon.metric("dccd_state_store_set_aside_timestamp_seconds", ""), 0.0);
    assert_eq!(daemon.stop(), Some(0));
    assert!(!is_set_aside(&data), "what a full disk left was taken for damage");
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00")).await;
}
