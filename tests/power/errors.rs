//! A disk that fails to sync: once, and the journal writes its frames anew; for good, and the daemon ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use dccd::sim::Knobs;

use crate::daemon::Daemon;
use crate::needs;
use crate::storage::JOB;
use crate::test_daemon::{MINUTELY, TestDaemon, window};

/// Makes system calls of a process fail, until this is dropped.
struct Failing(Child);

impl Failing {
    /// Makes syncs fail with EIO, as `when` says: of the journal under `path`, or of all files. A thread that began while the
    /// others were being held may have been missed: then all are held anew.
    fn to_sync(daemon: &Daemon, path: Option<&str>, when: &str) -> Result<Self, String> {
        for _ in 0..10 {
            let failing = Failing::once(daemon, path, when)?;
            if daemon.is_traced() {
                return Ok(failing);
            }
        }
        Err("some threads are never held".to_owned())
    }

    fn once(daemon: &Daemon, path: Option<&str>, when: &str) -> Result<Self, String> {
        // Files that are published are synced by the other call; where these are, the journal need not be.
        let calls = if path.is_some() { "fdatasync" } else { "fdatasync,fsync" };
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args(path.iter().flat_map(|path| ["-P", path]));
        command.args(["-e", &format!("inject={calls}:error=EIO{when}"), "-p", &daemon.id().to_string()]);
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("strace: {error}"))?;
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut complaint = String::new();
        // It says so once it holds every thread.
        while let Some(Ok(line)) = said.next() {
            if line.contains("attached") {
                return Ok(Failing(child));
            }
            complaint = line;
        }
        child.wait().unwrap();
        Err(complaint)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        // Asked to end it lets its process go on; killed it would too, but with calls half injected.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

async fn setup_with_rows() -> (TestDaemon, Daemon) {
    let setup = TestDaemon::with(JOB, "2024-01-31 12:00:30", Knobs::default()).await;
    let mut daemon = Daemon::start(&setup);
    daemon.wait_for("the first rows are published", |_| setup.ledger(MINUTELY).rows() == 720);
    (setup, daemon)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_whose_sync_failed_once_are_written_anew_and_nothing_is_lost() {
    if needs::is_left_to_siege() || !needs::programs(&["strace"]) {
        return;
    }
    let (setup, mut daemon) = setup_with_rows().await;
    let segments = std::fs::read_dir(setup.layout().journal()).unwrap();
    let segment = segments.map(|entry| entry.unwrap().path()).max().expect("a segment");
    let failing = match Failing::to_sync(&daemon, Some(segment.to_str().unwrap()), ":when=1") {
        Ok(failing) => failing,
        Err(why) => return needs::forbids(&format!("system calls that fail need ptrace: {why}")),
    };

    setup.move_to("2024-01-31 13:00:30");

    daemon.wait_for("frames are written anew", |daemon| {
        daemon.metric("dccd_journal_rewrites_total", "") == 1.0
    });
    daemon.wait_for("everything is published", |_| setup.ledger(MINUTELY).rows() == 780);
    drop(failing);
    let counts =
        |daemon: &Daemon, name: &str| daemon.metric(&format!("dccd_journal_{name}_frames_total"), "");
    daemon
        .wait_for("everything is durable", |daemon| counts(daemon, "durable") == counts(daemon, "accepted"));
    assert_eq!(daemon.metric("dccd_journal_rewrites_total", ""), 1.0);
    assert_eq!(daemon.get("/-/ready").0, 200);
    assert_eq!(daemon.stop(), Some(0));
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 13:00:00")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_sync_at_all_ends_the_daemon_with_74_and_nothing_is_accepted_falsely() {
    if needs::is_left_to_siege() || !needs::programs(&["strace"]) {
        return;
    }
    let (setup, daemon) = setup_with_rows().await;
    let failing = match Failing::to_sync(&daemon, None, "") {
        Ok(failing) => failing,
        Err(why) => return needs::forbids(&format!("system calls that fail need ptrace: {why}")),
    };

    setup.move_to("2024-01-31 13:00:30");

    assert_eq!(daemon.until_ended(), Some(74));
    drop(failing);
    assert_eq!(setup.ledger(MINUTELY).rows(), 720, "nothing is claimed that could not be synced");

    let mut next = Daemon::start(&setup);
    next.wait_for("the next one has everything", |_| setup.ledger(MINUTELY).rows() == 780);
    assert_eq!(next.stop(), Some(0));
    setup.assert_true(MINUTELY, window("2024-01-31", "2024-01-31 13:00:00")).await;
}
