//! Workers that are processes of their own, so that they can be killed and stopped.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

use dccd::db::Database;
use dccd::telemetry::Telemetry;
use dccd::tracker::Tracker;

/// A process that is killed with its owner.
pub(crate) struct Killed(Child);

impl Killed {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Where it is told to go on.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    /// Waits for its end; gives whether it ended well.
    pub(crate) fn ended(&mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that runs one ignored test of this binary on a store; what it says goes line by line to `sender`.
pub(crate) fn worker(store: &str, test: &str, number: u64, sender: &Sender<String>) -> Killed {
    worker_with(store, test, number, sender, &[])
}

/// The same with further settings in its environment.
pub(crate) fn worker_with(
    store: &str,
    test: &str,
    number: u64,
    sender: &Sender<String>,
    settings: &[(&str, &str)],
) -> Killed {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("DCCD_STORM", store)
        .env("DCCD_STORM_NAME", format!("process-{number}"))
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (lines, sender) = (BufReader::new(child.stderr.take().unwrap()).lines(), sender.clone());
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
    Killed(child)
}

/// The store of an address: a URL, or a folder.
pub(crate) async fn open(store: &str) -> Database {
    match store.starts_with("postgres:") {
        true => Database::connect(store).await.unwrap(),
        false => Database::open(std::path::Path::new(store)).await.unwrap(),
    }
}

/// In a worker's process: the tracker it was told of.
pub(crate) async fn told_tracker() -> Tracker {
    let database = open(&std::env::var("DCCD_STORM").unwrap()).await;
    Tracker::new(&database, &Telemetry::new())
}

/// In a worker's process: its name.
pub(crate) fn name() -> String {
    std::env::var("DCCD_STORM_NAME").unwrap()
}
