//! The whole way of trades: from the socket to the journal, and to files where memory is measured.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dccd::clock::now;
use dccd::jobs::Pipeline;
use dccd::net::ws::{Connection, Dialer};
use dccd::store::{Layout, Store, StoreSettings};
use dccd::telemetry::Telemetry;
use tokio::time::sleep;

use crate::cases::{CASES, Case};
use crate::server::Server;

/// The word on the command line that makes this program measure its memory.
pub(crate) const PEAK: &str = "--peak";
/// How long memory is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// How long rows wait before they are published, as configured by default, and how often the journal is synced.
const PUBLISH_AFTER: Duration = Duration::from_secs(60);
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How often is looked how far it is.
const LOOK: Duration = Duration::from_millis(2);

fn store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = Store::open(&Layout::new(folder.path()), StoreSettings::of(7, now()));
    (opened.expect("an empty folder").0, folder)
}

fn begin(case: &Case, port: u16, store: &Store, publish_after: Option<Duration>) -> Pipeline {
    let (live, offer) = case.live();
    let connection = Connection {
        live,
        line: offer.line,
        host: Some(format!("ws://127.0.0.1:{port}")),
        topics: vec![case.topic()],
        clock: Arc::new(now),
        dialer: Arc::new(Dialer::new()),
    };
    Pipeline::begin(case.exchange(), connection, store, &Telemetry::new(), publish_after).expect("it begins")
}

/// A pipeline under way, whose first so many trades are in the journal.
pub(crate) struct Read {
    pipeline: Pipeline,
    _folder: tempfile::TempDir,
}

/// Reads so many trades from a port of this machine into a journal.
pub(crate) async fn read(case: &Case, port: u16, trades: u64) -> Read {
    let (store, folder) = store();
    let pipeline = begin(case, port, &store, None);
    let syncing = async {
        loop {
            tokio::select! {
                () = sleep(SYNC_EVERY) => {}
                () = store.sync_is_due() => {}
            }
            let own = store.clone();
            tokio::task::spawn_blocking(move || own.sync().expect("it is synced"))
                .await
                .expect("it does not panic");
        }
    };
    let reading = async {
        while pipeline.rows() < trades {
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = reading => {}
        () = syncing => {}
    }
    assert_eq!(pipeline.rows(), trades, "each trade once");
    Read { pipeline, _folder: folder }
}

impl Read {
    pub(crate) async fn end(self) {
        self.pipeline.end().await;
    }
}

/// The peak memory of a process of its own that reads a case as fast as it can, into files, in MiB, and its trades a
/// second.
pub(crate) fn peak(case: usize) -> (f64, f64) {
    let own = std::env::current_exe().expect("this program has a path");
    let server = Server::start(case, None);
    let args = [PEAK.to_owned(), case.to_string(), server.port.to_string()];
    let output = Command::new(own).args(args).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut figures = text.split_whitespace().map(|figure| figure.parse().expect("a number"));
    (figures.next().expect("its memory"), figures.next().expect("its rate"))
}

/// Reads a case for a while and prints the peak memory and the trades a second.
pub(crate) async fn watch(case: usize, port: u16) {
    let (store, _folder) = store();
    let pipeline = begin(&CASES[case], port, &store, Some(PUBLISH_AFTER));
    let over = sleep(WATCHED);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => break,
            () = sleep(SYNC_EVERY) => {}
            () = store.sync_is_due() => {}
        }
        let own = store.clone();
        tokio::task::spawn_blocking(move || own.sync().expect("it is synced"))
            .await
            .expect("it does not panic");
    }
    let rate = pipeline.rows() as f64 / WATCHED.as_secs_f64();
    pipeline.end().await;
    println!("{:.1} {rate:.0}", peak_mib());
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has a peak");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024.0
}
