//! A disk that takes nothing for a while: the daemon stays up, says so, loses nothing, and goes on by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dccd::sim::{Endpoint, Fault, Knobs, Rule};

use crate::daemon::{Daemon, dccd};
use crate::mounts::Mounted;
use crate::needs;
use crate::test_daemon::{MINUTELY, TestDaemon, window};

pub(crate) const JOB: &str =
    "{exchange: binance, pairs: [BTC/USDT], span: 60, every: 1, start: 2024-01-31, retry_delay: 0.01}";
/// How soon a daemon is ready again once the disk takes what it is given.
const RECOVERY: Duration = Duration::from_secs(20);

/// A setup whose data path is a file system of its own; none where that cannot be had.
pub(crate) async fn setup_on_tmpfs(options: &str) -> Option<(Mounted, TestDaemon)> {
    if !needs::programs(&["mount"]) {
        return None;
    }
    let setup = TestDaemon::with(JOB, "2024-01-31 12:00:30", Knobs::default()).await;
    match Mounted::tmpfs(&setup.data_path(), options) {
        Ok(mounted) => Some((mounted, setup)),
        Err(why) => {
            needs::forbids(&format!("a small disk needs root and mounts: {why}"));
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_the_daemon_keeps_what_it_accepted_and_goes_on_once_there_is_room() {
    let Some((_mounted, setup)) = setup_on_tmpfs("size=32m").await else { return };
    passes(&setup, "enospc", "No space left", || Ok(Filled::with_bytes(&setup.data_path()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_inodes_the_daemon_keeps_what_it_accepted_and_goes_on_once_there_are_some() {
    if needs::is_left_to_siege() {
        return;
    }
    let Some((_mounted, setup)) = setup_on_tmpfs("size=64m,nr_inodes=200").await else { return };
    passes(&setup, "enospc", "No space left", || Ok(Filled::with_files(&setup.data_path()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_read_only_disk_the_daemon_keeps_what_it_accepted_and_goes_on_once_it_can_write() {
    if needs::is_left_to_siege() {
        return;
    }
    let Some((_mounted, setup)) = setup_on_tmpfs("size=64m").await else { return };
    passes(&setup, "permission", "Read-only", || Mounted::read_only(&setup.data_path())).await;
}

/// Lets a trouble of the disk begin while rows come in, and end.
async fn passes<T>(setup: &TestDaemon, reason: &str, words: &str, begin: impl Fn() -> Result<T, String>) {
    let mut daemon = Daemon::start(setup);
    daemon.wait_for("the first rows are published", |_| setup.ledger(MINUTELY).rows() == 720);
    daemon.wait_for("it is ready", |daemon| daemon.get("/-/ready").0 == 200);
    let label = format!("reason=\"{reason}\"");
    assert_eq!(daemon.metric("dccd_storage_publish_failures_total", &label), 0.0);

    let trouble = begin().unwrap();
    setup.move_to("2024-01-31 13:00:30");
    daemon.wait_for("it says that it is not ready", |daemon| {
        let (status, body) = daemon.get("/-/ready");
        status == 503 && body.contains(words) && body.contains(MINUTELY)
    });
    daemon.wait_for("failures are counted", |daemon| {
        daemon.metric("dccd_storage_publish_failures_total", &label) > 0.0
    });
    assert_eq!(daemon.metric("dccd_journal_refusing", ""), 0.0, "the open segment has room");
    assert_eq!(setup.ledger(MINUTELY).rows(), 720, "nothing is claimed that is in no file");

    drop(trouble);
    let took = daemon.wait_for("it is ready again", |daemon| daemon.get("/-/ready").0 == 200);
    assert!(took < RECOVERY, "it took {took:?}");
    daemon.wait_for("everything is published", |_| setup.ledger(MINUTELY).rows() == 780);
    println!("{words}: ready again after {took:?}");
    assert_eq!(daemon.stop(), Some(0));
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 13:00:00")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_the_journal_has_no_room_for_are_refused_and_are_gaps_with_the_reason() {
    let Some((_mounted, setup)) = setup_on_tmpfs("size=32m").await else { return };
    setup.sim.set(|knobs| knobs.faults = vec![Rule::always(Fault::Status500).at(Endpoint::Ohlc)]);
    let mut daemon = Daemon::start(&setup);
    daemon.wait_for("a run has failed", |_| setup.ledger(MINUTELY).wanted_since.is_some());

    let full = Filled::with_bytes(&setup.data_path());
    setup.sim.set(|knobs| knobs.faults.clear());
    daemon.wait_for("rows are refused", |daemon| daemon.metric("dccd_journal_refusing", "") == 1.0);
    daemon.wait_for("it says that it is not ready", |daemon| {
        let (status, body) = daemon.get("/-/ready");
        status == 503 && body.contains("No space left")
    });
    assert!(daemon.metric("dccd_storage_publish_failures_total", "reason=\"enospc\"") > 0.0);
    daemon.wait_for("free space is measured", |daemon| daemon.metric("dccd_storage_free_bytes", "") < 1e6);
    assert_eq!(daemon.metric("dccd_journal_accepted_frames_total", ""), 0.0, "nothing is accepted");
    let synced = daemon.metric("dccd_journal_last_sync_timestamp_seconds", "");

    // The next run puts the reason on record before its first page, which then takes long enough to be seen.
    setup.sim.set(|knobs| knobs.latency = Duration::from_secs(4));
    drop(full);
    daemon.wait_for("rows are accepted again", |daemon| daemon.metric("dccd_journal_refusing", "") == 0.0);
    daemon.wait_for("the gap has its reason", |_| dccd(&setup, &["gaps"]).contains("rows were not taken"));
    assert!(daemon.metric("dccd_journal_last_sync_timestamp_seconds", "") > synced);

    setup.sim.set(|knobs| knobs.latency = Duration::ZERO);
    daemon.wait_for("everything is published", |_| setup.ledger(MINUTELY).rows() == 720);
    daemon.wait_for("it is ready again", |daemon| daemon.get("/-/ready").0 == 200);
    assert_eq!(daemon.stop(), Some(0));
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 12:00:00")).await;
}

/// Files that take the rest of a disk, gone when this is dropped.
pub(crate) struct Filled(PathBuf);

impl Filled {
    /// All its bytes.
    pub(crate) fn with_bytes(disk: &Path) -> Self {
        let filled = Filled::folder(disk);
        let mut file = std::fs::File::create(filled.0.join("bytes")).unwrap();
        let block = [0_u8; 4_096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        filled
    }

    /// All its names.
    pub(crate) fn with_files(disk: &Path) -> Self {
        let filled = Filled::folder(disk);
        for number in 0.. {
            if std::fs::File::create(filled.0.join(number.to_string())).is_err() {
                break;
            }
        }
        filled
    }

    fn folder(disk: &Path) -> Self {
        let folder = disk.join(".filler");
        std::fs::create_dir(&folder).unwrap();
        Filled(folder)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
