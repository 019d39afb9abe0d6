//! Copies of a series that is published anew each time its remote is asked for anything.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use dccd::remote::{
    Bucket, Head, Mirror, Remote, RemoteError, RemoteFuture, Seal, Synced, pending, read, read_back,
};
use dccd::store::{Layout, Ledger, Part, Store, Writer};
use dccd::telemetry::Telemetry;
use tokio::sync::mpsc::Sender;

use crate::bucket::Served;
use crate::home::{Home, hours};
use crate::rclone::Nas;

const LEDGER_BYTES: usize = 1 << 20;

#[tokio::test]
async fn a_series_published_anew_while_rclone_copies_it_is_copied_as_it_was_and_the_rest_is_pending() {
    let Some(nas) = Nas::new().await else { return };
    prove(nas.remote()).await;
}

#[tokio::test]
async fn a_series_published_anew_while_a_bucket_gets_it_is_copied_as_it_was_and_the_rest_is_pending() {
    let served = Served::new().await;
    prove(Arc::new(served.s3())).await;
}

#[tokio::test]
async fn an_owner_that_publishes_while_the_bucket_of_a_fleet_gets_its_files_sends_one_state() {
    let served = Served::new().await;
    let publishing = Publishing::new();
    let bucket = Bucket::new(Arc::new(served.s3()), publishing.home.series.clone());
    bucket.take_over(1).await.unwrap();
    let state = publishing.store.snapshot(&publishing.home.series, &bucket.name()).unwrap().unwrap();
    let ours = Ledger { fence: 1, ..state.ledger.clone() };
    publishing.publish();
    publishing.publish();

    bucket.publish(&publishing.home.layout, &ours, &state.links).await.unwrap();

    assert_eq!(bucket.ledger().await.unwrap().unwrap().0.files, ours.copy().files);
    assert_one_state(&served.s3(), &publishing.home).await;
    assert_ne!(publishing.home.ledger().copy().files, ours.copy().files);
    drop(state);
    assert_eq!(links(&publishing.home.layout), 0);
}

#[tokio::test]
async fn a_file_that_rotted_here_is_still_not_copied_and_is_named() {
    let served = Served::new().await;
    let home = Home::with_two_years();
    let store = home.store();
    let mut bytes = fs::read(home.file("2023")).unwrap();
    bytes[50] ^= 1;
    fs::write(home.file("2023"), bytes).unwrap();

    let synced = mirror(&home, store, Arc::new(served.s3())).sync().await;

    let error = synced.error().unwrap();
    assert!(matches!(error, RemoteError::Damaged { path } if *path == home.file("2023")), "{error}");
    assert_eq!(served.objects().len(), 0);
}

/// Syncs while every request of the remote meets a new publish, then once more in peace.
async fn prove(remote: Arc<dyn Remote>) {
    let publishing = Arc::new(Publishing::new());
    let home = &publishing.home;
    let busy = Arc::new(Busy { remote: Arc::clone(&remote), publishing: Arc::clone(&publishing) });
    let busy = mirror(home, publishing.store.clone(), busy);
    for _ in 0..3 {
        let before = publishing.published.load(Ordering::Relaxed);

        let synced: Synced = busy.sync().await;

        assert!(publishing.published.load(Ordering::Relaxed) > before + 5, "it was published meanwhile");
        assert!(synced.error().is_none(), "{:?}", synced.error());
        assert!(synced.files > 0 && synced.pending_files > 0, "{synced:?}");
        assert_one_state(&*remote, home).await;
    }
    publishing.is_over.store(true, Ordering::Relaxed);
    let synced = busy.sync().await;
    assert!(synced.error().is_none() && synced.pending_files == 0, "{synced:?}");
    assert_eq!(held(&*remote, home).await.files, home.ledger().copy().files);
    assert_one_state(&*remote, home).await;
    // Verified copies are entered with the next publish.
    publishing.writer.flush().unwrap();
    assert_eq!(pending(&home.ledger(), &home.series, remote.name()).files, 0);
    assert_eq!(links(&home.layout), 0);
}

/// The objects of a series are what its ledger there says.
async fn assert_one_state(remote: &dyn Remote, home: &Home) {
    let ledger = held(remote, home).await;
    assert!(ledger.files.len() == 2, "{ledger:?}");
    for part in [Part::File, Part::Open] {
        for (period, entry) in ledger.entries_of(part) {
            let key = format!("{}/{}", Layout::key(&home.series), part.file_name(period));
            let seal = Seal { bytes: entry.bytes, sha256: entry.sha256.clone() };
            assert_eq!(read_back(remote, &key).await.unwrap(), Some(seal), "{key}");
        }
    }
}

async fn held(remote: &dyn Remote, home: &Home) -> Ledger {
    let key = format!("{}/_series.json", Layout::key(&home.series));
    let bytes = read(remote, &key, LEDGER_BYTES).await.unwrap().unwrap();
    Ledger::decode(&bytes, &home.series).unwrap()
}

/// How many files have a second name.
fn links(layout: &Layout) -> usize {
    let names = fs::read_dir(layout.own()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with(".links-")).count()
}

fn mirror(home: &Home, store: Store, remote: Arc<dyn Remote>) -> Mirror {
    Mirror { store, layout: home.layout.clone(), telemetry: Telemetry::new(), remote, sends_again: false }
}

/// A series of two years, both of which change with each publish.
struct Publishing {
    home: Home,
    store: Store,
    writer: Writer,
    published: AtomicI64,
    is_over: AtomicBool,
}

impl Publishing {
    fn new() -> Self {
        let home = Home::with_two_years();
        let store = home.store();
        let (writer, _) = store.writer(&home.series).unwrap();
        Publishing { home, store, writer, published: AtomicI64::new(0), is_over: AtomicBool::new(false) }
    }

    fn publish(&self) {
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        let before = self.published.fetch_add(1, Ordering::Relaxed);
        self.writer.accept(hours(3 + before, 1, 2.0)).unwrap();
        self.writer.accept(hours(-1, 1, 3.0 + before as f64)).unwrap();
        self.writer.flush().unwrap();
    }
}

/// A remote before each of whose answers something is published.
struct Busy {
    remote: Arc<dyn Remote>,
    publishing: Arc<Publishing>,
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remote.fmt(f)
    }
}

impl Remote for Busy {
    fn name(&self) -> &str {
        self.remote.name()
    }

    fn put<'a>(&'a self, key: &'a str, file: &'a Path, seal: &'a Seal) -> RemoteFuture<'a, ()> {
        self.publishing.publish();
        self.remote.put(key, file, seal)
    }

    fn head<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, Option<Head>> {
        self.publishing.publish();
        self.remote.head(key)
    }

    fn get<'a>(&'a self, key: &'a str, to: Sender<Bytes>) -> RemoteFuture<'a, bool> {
        self.publishing.publish();
        self.remote.get(key, to)
    }

    fn list<'a>(&'a self, name: &'a str) -> RemoteFuture<'a, Vec<String>> {
        self.remote.list(name)
    }

    fn reach(&self) -> RemoteFuture<'_, ()> {
        self.remote.reach()
    }

    fn delete<'a>(&'a self, key: &'a str) -> RemoteFuture<'a, ()> {
        self.remote.delete(key)
    }
}
