//! Frees disk space: drops files that were just read back from a remote, oldest periods first.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::model::{Micros, Series};
use crate::remote::transfer::read_back;
use crate::remote::{Remote, RemoteError, Seal};
use crate::store::{Copied, FileEntry, Layout, Ledger, Part, Period, Store, StoreError, Verified};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{FileDropped, RemoteOnlyCounted, SeriesNotCopied};

/// A file that is now only on remotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub series: Series,
    /// The period.
    pub period: String,
    /// Its size here.
    pub bytes: u64,
    /// A remote that holds it.
    pub remote: String,
}

/// A file that may be dropped.
struct Candidate {
    oldest: Micros,
    series: Series,
    period: String,
    entry: FileEntry,
}

/// Drops files that all remotes hold, oldest periods first, until `is_enough` accepts the bytes freed, nothing
/// droppable is left, or it is stopped. Each file is first read back from one of them, every byte; with `dry_run`
/// none is dropped.
pub async fn purge(
    store: &Store,
    layout: &Layout,
    remotes: &[Arc<dyn Remote>],
    telemetry: &Telemetry,
    dry_run: bool,
    is_enough: impl Fn(u64) -> bool,
    stop: &CancellationToken,
) -> Vec<Dropped> {
    let mut dropped: Vec<Dropped> = Vec::new();
    let mut asked: Vec<Arc<dyn Remote>> = remotes.to_vec();
    let names = remotes.iter().map(|remote| remote.name().to_owned()).collect();
    for candidate in candidates(layout, names).await {
        if is_enough(dropped.iter().map(|file| file.bytes).sum()) {
            break;
        }
        let Candidate { series, period, entry, .. } = candidate;
        let held = tokio::select! {
            () = stop.cancelled() => break,
            held = holder(store, layout, &mut asked, telemetry, &series, &period, &entry) => held,
        };
        let Some(remote) = held else { continue };
        let file = Dropped { bytes: entry.bytes, remote, series, period };
        if dry_run || drop_here(store, telemetry, &file, entry.sha256).await {
            dropped.push(file);
        }
    }
    telemetry.emit(count(layout).await);
    dropped
}

/// The free space on the disk of a folder.
///
/// # Errors
/// An I/O error.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Files that are only on remotes, over all series, and their size in bytes.
#[must_use]
pub fn remote_only(layout: &Layout) -> (u64, u64) {
    let mut counted = (0, 0);
    for series in layout.series() {
        let Ok(Some(ledger)) = Ledger::read(&layout.ledger(&series), &series) else { continue };
        counted = ledger
            .remote_only()
            .fold(counted, |(files, bytes), (_, _, entry)| (files + 1, bytes + entry.bytes));
    }
    counted
}

async fn count(layout: &Layout) -> RemoteOnlyCounted {
    let layout = layout.clone();
    let counted = tokio::task::spawn_blocking(move || remote_only(&layout)).await;
    let (files, bytes) = counted.unwrap_or_default();
    RemoteOnlyCounted { files, bytes }
}

/// Files that may be dropped because all these remotes hold them.
async fn candidates(layout: &Layout, remotes: Vec<String>) -> Vec<Candidate> {
    let layout = layout.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        for series in layout.series() {
            let Ok(Some(ledger)) = Ledger::read(&layout.ledger(&series), &series) else { continue };
            for name in ledger.periods() {
                let period = Period::named(series.kind(), name);
                let (Some(period), Some(entry)) = (period, ledger.droppable(name)) else { continue };
                if remotes.is_empty() || !remotes.iter().all(|remote| entry.remotes.contains(remote)) {
                    continue;
                }
                let (oldest, entry) = (period.window.from, entry.clone());
                found.push(Candidate { oldest, series: series.clone(), period: period.name, entry });
            }
        }
        found.sort_by(|a, b| (a.oldest, &a.series).cmp(&(b.oldest, &b.series)));
        found
    });
    looking.await.unwrap_or_default()
}

/// A remote from which a file was just read back. Copies found missing are marked to be sent again; a remote that
/// does not answer is not tried again.
async fn holder(
    store: &Store,
    layout: &Layout,
    asked: &mut Vec<Arc<dyn Remote>>,
    telemetry: &Telemetry,
    series: &Series,
    period: &str,
    entry: &FileEntry,
) -> Option<String> {
    let key = format!("{}/{}", Layout::key(series), Part::File.file_name(period));
    let seal = Seal { bytes: entry.bytes, sha256: entry.sha256.clone() };
    for remote in asked.clone() {
        let error = match read_back(&*remote, &key).await {
            Ok(Some(found)) if found == seal => return Some(remote.name().to_owned()),
            // It was published anew since, and its copy with it.
            Ok(_) if !is_listed(layout, series, period, entry).await => return None,
            Ok(found) => {
                let what = found.map_or("it is gone", |_| "its content is another").to_owned();
                forget(store, &*remote, series, period, entry).await;
                RemoteError::Mismatch { remote: remote.name().to_owned(), key: key.clone(), what }
            }
            Err(error) => error,
        };
        if error.is_of_the_remote() {
            asked.retain(|other| other.name() != remote.name());
        }
        telemetry.emit(SeriesNotCopied { remote: remote.name(), series, error: &error });
    }
    None
}

/// Whether the ledger still lists this very file.
async fn is_listed(layout: &Layout, series: &Series, period: &str, entry: &FileEntry) -> bool {
    let (path, series) = (layout.ledger(series), series.clone());
    let reading = tokio::task::spawn_blocking(move || Ledger::read(&path, &series));
    let ledger = reading.await.ok().and_then(Result::ok).flatten().unwrap_or_default();
    ledger.entry(Part::File, period).is_some_and(|own| own.sha256 == entry.sha256)
}

async fn forget(store: &Store, remote: &dyn Remote, series: &Series, period: &str, entry: &FileEntry) {
    let gone = Verified { period: period.to_owned(), part: Part::File, sha256: entry.sha256.clone() };
    let copied = Copied { remote: remote.name().to_owned(), gone: vec![gone], ..Copied::default() };
    let (store, series) = (store.clone(), series.clone());
    // If that fails, the file is checked again before it is dropped.
    let _ = tokio::task::spawn_blocking(move || store.copied(&series, copied)).await;
}

async fn drop_here(store: &Store, telemetry: &Telemetry, file: &Dropped, sha256: String) -> bool {
    let (store, own) = (store.clone(), file.clone());
    let dropping =
        tokio::task::spawn_blocking(move || store.drop_copied(&own.series, &own.period, &sha256)).await;
    let Dropped { series, period, bytes, remote } = file;
    match dropping {
        Ok(Ok(Some(_))) => {
            telemetry.emit(FileDropped { remote, series, period, bytes: *bytes });
            true
        }
        // It changed meanwhile, or is being written, so it is needed here.
        Ok(Ok(None) | Err(StoreError::Busy { .. })) | Err(_) => false,
        Ok(Err(error)) => {
            telemetry.emit(SeriesNotCopied { remote, series, error: &error });
            false
        }
    }
}
