//! Copies by the real rclone to a folder, and by stand-ins that misbehave.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use dccd::remote::{Provider, Remote, Target, open};
use dccd::store::{DataLock, verify_series};

use crate::home::{Home, closes};
use crate::needs;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn what_is_published_is_on_the_remote_once_and_nothing_else_is() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    fs::write(home.layout.folder(&home.series).join("2021.parquet"), b"not ours").unwrap();
    fs::write(home.layout.folder(&home.series).join(".2020.parquet.tmp-1"), b"half").unwrap();

    let ended = nas.dccd(&home, &["sync"]).await;

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains(": 3 file(s), ") && ended.out.contains("nothing pending."), "{ended:?}");
    assert_eq!(nas.files(), ["2023.parquet", "2024.parquet", "_series.json"].map(in_series));
    for file in ["2023.parquet", "2024.parquet"] {
        let own = fs::read(home.layout.folder(&home.series).join(file)).unwrap();
        assert_eq!(fs::read(nas.at(file)).unwrap(), own);
    }
    let remotes = |period: &str| home.ledger().files[period].remotes.clone();
    assert_eq!((remotes("2023").len(), remotes("2024").len()), (1, 1));

    let again = nas.dccd(&home, &["sync"]).await;
    assert!(again.out.contains(": 0 file(s), 0 B sent"), "{again:?}");
    home.take(3, 1, 2.0);
    let third = nas.dccd(&home, &["sync"]).await;
    assert!(third.out.contains(": 2 file(s), "), "the file that changed and the ledger: {third:?}");
}

#[tokio::test]
async fn a_lost_data_path_comes_back_whole_and_a_lost_part_is_merged_in() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    let before = home.ledger();

    fs::remove_dir_all(home.layout.root()).unwrap();
    let ended = nas.dccd(&home, &["restore"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(home.stored(), closes(-2, 5, 1.0));
    assert_eq!(home.ledger().covered, before.covered);
    assert_eq!(verify_series(&home.layout, &home.series).unwrap(), []);
    let (was, is) = (before.copy(), home.ledger().copy());
    assert_eq!((&is.files, &is.covered, is.wanted_since), (&was.files, &was.covered, was.wanted_since));
    assert_eq!((is.generation, is.derived), (was.generation, was.derived));

    // All is lost, and an hour the copy has too was collected anew.
    fs::remove_dir_all(home.layout.root()).unwrap();
    home.take(1, 1, 7.0);
    let refused = nas.dccd(&home, &["sync"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("stays as it is; `dccd restore binance/BTC-USDT/ohlc/1h`"), "{refused:?}");
    let merged = nas.dccd(&home, &["restore", "binance/BTC-USDT"]).await;
    assert_eq!(merged.code, Some(0), "{merged:?}");
    let mut expected = closes(-2, 5, 1.0);
    expected.insert(1, 7.0);
    assert_eq!(home.stored(), expected, "what is held here stays");
    assert_eq!(home.ledger().covered, before.covered);
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    assert_eq!(nas.dccd(&home, &["restore", "okx"]).await.code, Some(1), "asked for and not there");
}

#[tokio::test]
async fn a_purged_period_that_gets_a_late_row_keeps_all_its_rows_here_and_there() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));

    let shown = nas.dccd(&home, &["purge", "--min-free-gb", "900000", "--dry-run"]).await;
    assert!(shown.out.contains("Would drop 1 file(s)") && home.file("2023").exists(), "{shown:?}");
    let ended = nas.dccd(&home, &["purge", "--min-free-gb", "900000"]).await;
    assert_eq!(ended.code, Some(1), "there is less than that: {ended:?}");
    assert!(ended.out.contains("2023") && !home.file("2023").exists(), "{ended:?}");
    assert!(home.file("2024").exists(), "the newest period stays");
    let inventory = nas.dccd(&home, &["inventory", "--json"]).await;
    assert!(inventory.out.contains("\"remote_only_files\": 1"), "{inventory:?}");
    assert_eq!(nas.dccd(&home, &["verify"]).await.code, Some(0));

    home.late_row(nas.remote()).await;
    assert!(home.ledger().remote_only().next().is_none());
    let mut expected = closes(-2, 5, 1.0);
    expected.insert(-3, 5.0);
    assert_eq!(home.stored(), expected);
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    assert_eq!(fs::read(nas.at("2023.parquet")).unwrap(), fs::read(home.file("2023")).unwrap());
}

#[tokio::test]
async fn a_file_whose_copy_rotted_is_not_purged_and_is_sent_again() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    let good = fs::read(nas.at("2023.parquet")).unwrap();
    let mut rotten = good.clone();
    rotten[50] ^= 1;
    fs::write(nas.at("2023.parquet"), rotten).unwrap();

    let ended = nas.dccd(&home, &["purge", "--min-free-gb", "900000"]).await;

    assert!(ended.out.contains("Dropped 0 file(s)") && home.file("2023").exists(), "{ended:?}");
    assert_eq!(nas.dccd(&home, &["sync"]).await.code, Some(0));
    assert_eq!(fs::read(nas.at("2023.parquet")).unwrap(), good);
}

#[tokio::test]
async fn a_remote_that_fails_or_copies_less_than_it_says_marks_nothing() {
    for (script, reason) in [
        ("case $1 in copyto) exit 5;; *) exit 3;; esac", "connect"),
        ("case $1 in copyto) echo no room >&2; exit 7;; *) exit 3;; esac", "refused"),
        // It ends well and copies nothing.
        ("case $1 in copyto) exit 0;; *) exit 3;; esac", "mismatch"),
    ] {
        let nas = Nas::with(script);
        let home = Home::with_two_years();

        let ended = nas.dccd(&home, &["sync", "--json"]).await;

        assert_eq!(ended.code, Some(1), "{script}: {ended:?}");
        assert!(ended.out.contains(&format!("\"reason\": \"{reason}\"")), "{script}: {ended:?}");
        assert!(ended.out.contains("\"pending_files\": 3"), "{script}: {ended:?}");
        assert!(home.ledger().entries().all(|entry| entry.remotes.is_empty()), "{script}");
    }
}

#[tokio::test]
async fn a_copy_cut_short_does_not_count_and_the_next_sync_mends_it() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    // The real program, but for copies of data: those lose their end on the way.
    let cut = "real=REAL; if [ \"$1\" = copyto ]; then for to; do :; done; case $to in *.parquet) \"$real\" \"$@\" && truncate -s -9 \"${to}\"; exit 0;; esac; fi; exec \"$real\" \"$@\"";
    let bad = Nas { bin: stand_in(&cut.replace("REAL", &nas.real)), ..nas };
    let ended = bad.dccd(&home, &["sync", "--json"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("\"reason\": \"mismatch\""), "{ended:?}");
    assert!(home.ledger().entries().all(|entry| entry.remotes.is_empty()));

    let good = Nas { bin: None, ..bad };
    assert_eq!(good.dccd(&home, &["sync"]).await.code, Some(0));
    assert_eq!(fs::read(good.at("2023.parquet")).unwrap(), fs::read(home.file("2023")).unwrap());
}

#[tokio::test]
async fn without_rclone_nothing_is_marked_and_it_says_what_to_install() {
    let nas = Nas::with("exit 0");
    fs::remove_file(nas.bin.as_ref().unwrap().path().join("rclone")).unwrap();
    let home = Home::with_two_years();

    let ended = nas.dccd(&home, &["sync"]).await;

    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("rclone is not installed"), "{ended:?}");
    assert!(home.ledger().entries().all(|entry| entry.remotes.is_empty()));
}

#[tokio::test]
async fn while_another_process_holds_the_data_path_it_is_named_and_nothing_is_done() {
    let nas = Nas::with("touch \"$HOME/called\"");
    let home = Home::with_two_years();
    let _lock = DataLock::take(&home.layout, "start").unwrap();
    for args in [vec!["sync"], vec!["restore"], vec!["purge", "--min-free-gb", "1"]] {
        let ended = nas.dccd(&home, &args).await;
        assert_eq!(ended.code, Some(75), "{ended:?}");
        assert!(ended.err.contains("is in use by dccd start"), "{ended:?}");
    }
    assert!(!nas.folder.path().join("called").exists());
}

#[tokio::test]
async fn the_daemon_syncs_at_once_and_after_a_restart_says_how_each_remote_stood() {
    let Some(nas) = Nas::new().await else { return };
    let home = Home::with_two_years();
    let label = format!("{{remote=\"{}\"}}", nas.address().trim_end_matches('/'));
    let daemon = Daemon::start(&nas, &home).await;
    daemon.wait_for(&format!("dccd_sync_runs_total{label} 1")).await;
    daemon.wait_for(&format!("dccd_sync_pending_files{label} 0")).await;
    let page = daemon.wait_for(&format!("dccd_sync_consecutive_errors{label} 0")).await;
    assert!(page.contains(&format!("dccd_sync_interval_seconds{label} 3600")), "{page}");
    let last = format!("dccd_sync_last_success_timestamp_seconds{label} ");
    let success = |page: &str| page.lines().find_map(|line| line.strip_prefix(&last).map(str::to_owned));
    let stamp = success(&page).unwrap();
    assert!(stamp.parse::<f64>().unwrap() > 1e9, "{stamp}");
    assert_eq!(daemon.stop().await, Some(0));
    assert_eq!(nas.files(), ["2023.parquet", "2024.parquet", "_series.json"].map(in_series));

    home.take(3, 1, 2.0);
    let bad = Nas { bin: stand_in("echo no room >&2; exit 7"), ..nas };
    let daemon = Daemon::start(&bad, &home).await;
    daemon.wait_for(&format!("dccd_sync_consecutive_errors{label} 1")).await;
    let refused = label.replacen('{', "{reason=\"refused\",", 1);
    let failed = daemon.wait_for(&format!("dccd_sync_failures_total{refused} 1")).await;
    assert_eq!(success(&failed), Some(stamp), "the last success is known after a restart");
    assert_eq!(daemon.stop().await, Some(0));
    let status = bad.dccd(&home, &["status"]).await;
    assert!(status.out.contains("1 failed in a row") && status.out.contains("2 file(s)"), "{status:?}");
}

#[tokio::test]
async fn a_remote_that_hangs_ends_at_once_when_the_command_is_stopped_with_all_it_started() {
    let nas = Nas::with("echo $$ >> \"$HOME/started\"; trap '' TERM; sleep 600");
    let home = Home::with_two_years();
    let mut child = nas.command(&home, &["sync"]).spawn().unwrap();
    let began = Instant::now();
    let started = nas.folder.path().join("started");
    while fs::read_to_string(&started).unwrap_or_default().trim().is_empty() {
        assert!(began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "rclone was never run");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();

    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();

    assert_eq!(ended.code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for group in fs::read_to_string(started).unwrap().lines() {
        let group = rustix::process::Pid::from_raw(group.parse().unwrap()).unwrap();
        let left = rustix::process::test_kill_process_group(group);
        assert!(left.is_err() || is_over(group), "a program it started is left");
    }
}

#[tokio::test]
async fn beside_a_daemon_copies_are_sent_dropped_and_brought_back_by_it() {
    let Some(nas) = Nas::new().await else { return };
    // It syncs nothing by itself.
    let nas = Nas { more: ", sync_interval: 0", ..nas };
    let home = Home::with_two_years();
    let daemon = Daemon::start(&nas, &home).await;

    let synced = nas.dccd(&home, &["sync"]).await;
    assert_eq!(synced.code, Some(0), "{synced:?}");
    assert!(synced.out.contains(": 3 file(s), ") && synced.out.contains("nothing pending."), "{synced:?}");
    let again = nas.dccd(&home, &["sync", "--json"]).await;
    assert!(again.code == Some(0) && again.out.contains("\"files\": 0"), "{again:?}");
    let remote = format!("{{remote=\"{}\"}}", nas.address().trim_end_matches('/'));
    daemon.wait_for(&format!("dccd_sync_copied_files_total{remote} 3")).await;

    // A run that is under way keeps the ledger until it ends: what was verified is entered then.
    let began = Instant::now();
    loop {
        let shown = nas.dccd(&home, &["purge", "--min-free-gb", "900000", "--dry-run"]).await;
        assert!(home.file("2023").exists());
        if shown.out.contains("Would drop 1 file(s)") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{shown:?}");
    }
    let purged = nas.dccd(&home, &["purge", "--min-free-gb", "900000"]).await;
    assert!(purged.code == Some(1) && !home.file("2023").exists(), "{purged:?}");
    assert!(purged.err.contains("nothing more may be dropped"), "{purged:?}");

    let restored = nas.dccd(&home, &["restore", "binance/BTC-USDT", "okx"]).await;
    assert_eq!(restored.code, Some(1), "{restored:?}");
    assert!(restored.err.contains("no remote holds `okx`"), "{restored:?}");
    assert!(restored.out.contains("Restored 1 file(s)") && home.file("2023").exists(), "{restored:?}");
    assert_eq!(daemon.stop().await, Some(0));
    assert_eq!(home.stored(), closes(-2, 5, 1.0));
    assert_eq!(verify_series(&home.layout, &home.series).unwrap(), []);
}

#[tokio::test]
async fn a_sync_that_was_handed_over_and_is_taken_back_ends_with_all_it_started_and_the_daemon_goes_on() {
    let nas = Nas::with("echo $$ >> \"$HOME/started\"; trap '' TERM; sleep 600");
    let nas = Nas { more: ", sync_interval: 0", ..nas };
    let home = Home::with_two_years();
    let daemon = Daemon::start(&nas, &home).await;
    let mut child = nas.command(&home, &["sync"]).spawn().unwrap();
    let (began, started) = (Instant::now(), nas.folder.path().join("started"));
    while fs::read_to_string(&started).unwrap_or_default().trim().is_empty() {
        assert!(began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "rclone was never run");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();

    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();

    assert_eq!(ended.code(), Some(130));
    for group in fs::read_to_string(started).unwrap().lines() {
        let group = rustix::process::Pid::from_raw(group.parse().unwrap()).unwrap();
        let left = rustix::process::test_kill_process_group(group);
        assert!(left.is_err() || is_over(group), "a program it started is left");
    }
    daemon.wait_for("dccd_workers{state=\"healthy\"} 1").await;
    assert_eq!(daemon.stop().await, Some(0));
}

/// Whether every process of a group has ended, waited for or not.
fn is_over(group: rustix::process::Pid) -> bool {
    let began = Instant::now();
    while rustix::process::test_kill_process_group(group).is_ok() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// A daemon whose exchange cannot be reached.
pub(crate) struct Daemon {
    child: tokio::process::Child,
    address: String,
}

impl Daemon {
    pub(crate) async fn start(nas: &Nas, home: &Home) -> Self {
        let mut child = nas.command(home, &["start"]).spawn().unwrap();
        let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
            if let Some(rest) = line.strip_prefix("Serving http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
        };
        Daemon { child, address }
    }

    /// The metrics, once they have a line.
    pub(crate) async fn wait_for(&self, line: &str) -> String {
        let began = Instant::now();
        loop {
            let mut stream = tokio::net::TcpStream::connect(&self.address).await.unwrap();
            let ask = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(ask.as_bytes()).await.unwrap();
            let mut page = String::new();
            stream.read_to_string(&mut page).await.unwrap();
            if page.lines().any(|own| own == line) {
                return page;
            }
            assert!(began.elapsed() < PATIENCE, "{line} never came: {page}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn stop(mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }
}

/// A folder that rclone reaches as `nas:`.
pub(crate) struct Nas {
    pub(crate) folder: TempDir,
    /// Where a stand-in for rclone lies.
    pub(crate) bin: Option<TempDir>,
    pub(crate) real: String,
    /// Further settings of the storage.
    pub(crate) more: &'static str,
}

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Nas {
    /// `None` if rclone is not installed.
    pub(crate) async fn new() -> Option<Self> {
        if !needs::programs(&["rclone"]) {
            return None;
        }
        let found = Command::new("sh").args(["-c", "command -v rclone"]).output().await.unwrap();
        let real = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        Some(Nas { folder: tempfile::tempdir().unwrap(), bin: None, real, more: "" })
    }

    pub(crate) fn with(script: &str) -> Self {
        Nas { folder: tempfile::tempdir().unwrap(), bin: stand_in(script), real: String::new(), more: "" }
    }

    pub(crate) fn address(&self) -> String {
        format!("{}/", self.folder.path().join("copies").display())
    }

    pub(crate) fn remote(&self) -> Arc<dyn Remote> {
        open(&Target { provider: Provider::Rclone, address: self.address(), endpoint: None }).unwrap()
    }

    pub(crate) fn at(&self, file: &str) -> PathBuf {
        self.folder.path().join("copies").join(in_series(file))
    }

    /// Everything on the remote.
    pub(crate) fn files(&self) -> Vec<String> {
        let root = self.folder.path().join("copies");
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    fn command(&self, home: &Home, args: &[&str]) -> Command {
        let config = self.folder.path().join("config.yml");
        fs::write(
            &config,
            format!(
                "settings: {{data_path: '{}'}}\nstorage: {{remotes: [{{remote: '{}'}}]{}}}\n\
                 histo_jobs: [{{exchange: binance, pairs: [BTC/USDT], span: 3600}}]\n\
                 http: {{listen: ['127.0.0.1:0']}}\nexchanges: {{binance: {{rest_url: 'http://127.0.0.1:9'}}}}\n",
                home.layout.root().display(),
                self.address(),
                self.more
            ),
        )
        .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd"));
        command.args(args).arg("--config").arg(&config).env("HOME", self.folder.path());
        if let Some(bin) = &self.bin {
            command.env("PATH", format!("{}:/usr/bin:/bin", bin.path().display()));
            if !bin.path().join("rclone").exists() {
                command.env("PATH", bin.path());
            }
        }
        command.env("RCLONE_CONFIG", "/dev/null").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) async fn dccd(&self, home: &Home, args: &[&str]) -> Ended {
        let child = self.command(home, args).spawn().unwrap();
        let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("stuck").unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
    }
}

/// A folder with a program named rclone.
pub(crate) fn stand_in(script: &str) -> Option<TempDir> {
    let bin = tempfile::tempdir().unwrap();
    let path = bin.path().join("rclone");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    Some(bin)
}

pub(crate) fn in_series(file: &str) -> String {
    Path::new("binance/ohlc/BTC-USDT/1h").join(file).to_str().unwrap().to_owned()
}
