//! Copies one series to one remote: its files oldest first, each before its open one, and its ledger last.
//!
//! One published state is copied at a time. A later one is copied after it, a few times; rows newer than the last of
//! these are left to the next sync.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Disk as _, Os, aside};
use crate::model::Series;
use crate::remote::mirror::{Mirror, Pending, pending};
use crate::remote::transfer::off_the_runtime;
use crate::remote::{RemoteError, Seal, Upload, read, upload, upload_all};
use crate::store::{Copied, FileEntry, Layout, Ledger, Part, Snapshot, StoreError, Verified, sha256};
use crate::telemetry::events::FileCopied;
use crate::telemetry::trace;

/// A series being copied to a remote.
pub(super) struct Copying {
    pub(super) mirror: Mirror,
    pub(super) series: Series,
}

/// The result of copying it.
#[derive(Default)]
pub(super) struct Ended {
    /// Files and ledgers sent.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Files and bytes not verified there yet.
    pub(super) left: Pending,
    pub(super) error: Option<RemoteError>,
}

/// How many states of a series that keeps changing are copied before it waits for the next sync.
const ROUNDS: u32 = 3;
/// From so many files on, they are sent several at a time: each request may cost a program's start.
const SEVERAL: usize = 8;
/// The most files sent at a time.
const AT_ONCE: usize = 32;
/// The largest ledger.
pub(super) const LEDGER_BYTES: usize = 64 << 20;

impl Copying {
    pub(super) async fn run(&self) -> Ended {
        let mut ended = Ended::default();
        for _ in 0..ROUNDS {
            let Some(state) = self.snapshot(&mut ended).await else { return ended };
            ended.left = pending(&state.ledger, &self.series, self.mirror.remote.name());
            if ended.left.files == 0 {
                return ended;
            }
            ended.error = self.copy(&state, &mut ended).await.err();
            let Some(now) = self.ledger(&mut ended).await else { return ended };
            ended.left = pending(&now, &self.series, self.mirror.remote.name());
            let is_same = now.copy() == state.ledger.copy();
            match &ended.error {
                None if is_same => {
                    // A series that is being written records it later.
                    ended.left = Pending::default();
                    return ended;
                }
                Some(error) if is_same || error.is_of_the_remote() => return ended,
                // It changed meanwhile; the next round copies the change.
                _ => {}
            }
        }
        ended
    }

    async fn snapshot(&self, ended: &mut Ended) -> Option<Snapshot> {
        let (store, series) = (self.mirror.store.clone(), self.series.clone());
        let remote = self.mirror.remote.name().to_owned();
        self.found(ended, move || store.snapshot(&series, &remote)).await
    }

    async fn ledger(&self, ended: &mut Ended) -> Option<Ledger> {
        let (path, series) = (self.mirror.layout.ledger(&self.series), self.series.clone());
        self.found(ended, move || Ledger::read(&path, &series)).await
    }

    async fn found<T: Send + 'static>(
        &self,
        ended: &mut Ended,
        look: impl FnOnce() -> Result<Option<T>, StoreError> + Send + 'static,
    ) -> Option<T> {
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                ended.error = Some(error.into());
                None
            }
            Err(_) => None,
        }
    }

    /// Sends what the ledger lists as not there, and records what was verified, even if the rest fails.
    async fn copy(&self, state: &Snapshot, ended: &mut Ended) -> Result<(), RemoteError> {
        let theirs = self.guard(&state.ledger).await?;
        let mut copied = Copied { remote: self.mirror.remote.name().to_owned(), ..Copied::default() };
        let failed = self.send_all(state, theirs.as_ref(), &mut copied, ended).await.err();
        let (store, series) = (self.mirror.store.clone(), self.series.clone());
        let entered =
            tokio::task::spawn_blocking(trace::carried(move || store.copied(&series, copied))).await;
        if let Ok(Err(error)) = entered {
            return Err(error.into());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Sends the files, then the ledger, then removes open files under their older names.
    async fn send_all(
        &self,
        state: &Snapshot,
        theirs: Option<&Ledger>,
        copied: &mut Copied,
        ended: &mut Ended,
    ) -> Result<(), RemoteError> {
        self.files(state, theirs, &mut copied.files, ended).await?;
        copied.digest = self.account(&state.ledger, ended).await?;
        for period in state.ledger.superseded_on(&copied.remote, &copied.files) {
            self.mirror.remote.delete(&self.key(&Part::older_name(&period))).await?;
            copied.renamed.push(period);
        }
        Ok(())
    }

    /// Refuses to replace a copy that covers more, or that belongs to a later ownership. Returns its ledger.
    async fn guard(&self, ledger: &Ledger) -> Result<Option<Ledger>, RemoteError> {
        let Some(theirs) = self.theirs().await? else { return Ok(None) };
        let (remote, series) = (self.mirror.remote.name().to_owned(), self.series.to_string());
        if theirs.fence > ledger.fence {
            return Err(RemoteError::Fenced { remote, series, theirs: theirs.fence, ours: ledger.fence });
        }
        match ledger.restore_needed(&theirs) {
            Some(needed) => Err(RemoteError::RestoreNeeded { remote, series, needed }),
            None => Ok(Some(theirs)),
        }
    }

    /// The ledger on the remote. `None` if there is none, or a write of it was interrupted.
    async fn theirs(&self) -> Result<Option<Ledger>, RemoteError> {
        let bytes = read(&*self.mirror.remote, &self.key("_series.json"), LEDGER_BYTES).await?;
        Ok(bytes.and_then(|bytes| Ledger::decode(&bytes, &self.series).ok()))
    }

    async fn files(
        &self,
        state: &Snapshot,
        theirs: Option<&Ledger>,
        verified: &mut Vec<Verified>,
        ended: &mut Ended,
    ) -> Result<(), RemoteError> {
        let unverified = state.ledger.unverified(self.mirror.remote.name(), theirs);
        let mut left = &unverified[..];
        while !left.is_empty() {
            // Two files of one period have an order.
            let periods = left.chunk_by(|one, next| one.0 != next.0).next().map_or(1, <[_]>::len);
            let (now, then) = left.split_at(if periods < SEVERAL { 1 } else { periods.min(AT_ONCE) });
            left = then;
            self.send_files(state, now, ended).await?;
            verified.extend(now.iter().map(|(period, part, entry)| Verified {
                period: period.clone(),
                part: *part,
                sha256: entry.sha256.clone(),
            }));
        }
        Ok(())
    }

    /// Sends one file, or several of one folder at once.
    async fn send_files(
        &self,
        state: &Snapshot,
        files: &[(String, Part, FileEntry)],
        ended: &mut Ended,
    ) -> Result<(), RemoteError> {
        let folder = self.mirror.layout.folder(&self.series);
        let own = |path: &Path| path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name));
        let linked = |(period, part, entry): &(String, Part, FileEntry)| {
            let name = part.file_name(period);
            let path = state.links.get(period, *part).unwrap_or_else(|| folder.join(&name));
            Upload { name, path, seal: Seal { bytes: entry.bytes, sha256: entry.sha256.clone() } }
        };
        let uploads: Vec<Upload> = files.iter().map(linked).collect();
        if let [Upload { name, path, seal }] = &uploads[..] {
            return self.send(name, path, seal, ended).await.map_err(|error| error.at(own));
        }
        let key = Layout::key(&self.series);
        let sent = upload_all(&*self.mirror.remote, &key, &uploads).await.map_err(|error| error.at(own))?;
        sent.iter().for_each(|file| self.sent(&file.key(&key), file.seal.bytes, ended));
        Ok(())
    }

    /// Sends the ledger; returns its digest.
    async fn account(&self, ledger: &Ledger, ended: &mut Ended) -> Result<Option<String>, RemoteError> {
        let copy = ledger.copy_for(self.mirror.remote.name(), self.series.kind());
        let bytes = copy.to_bytes(&self.series)?;
        let seal = Seal { bytes: bytes.len() as u64, sha256: sha256(&bytes) };
        let file = Staged::new(&self.mirror.layout);
        let path = file.0.clone();
        let written = move || {
            let file = Os.create_anew(&path)?;
            file.append_all(&bytes)
        };
        off_the_runtime(&file.0, written).await?;
        self.send("_series.json", &file.0, &seal, ended).await?;
        Ok(Some(seal.sha256))
    }

    async fn send(&self, name: &str, file: &Path, seal: &Seal, ended: &mut Ended) -> Result<(), RemoteError> {
        let key = self.key(name);
        if upload(&*self.mirror.remote, &key, file, seal).await? {
            self.sent(&key, seal.bytes, ended);
        }
        Ok(())
    }

    fn sent(&self, key: &str, bytes: u64, ended: &mut Ended) {
        ended.files += 1;
        ended.bytes += bytes;
        self.mirror.telemetry.emit(FileCopied { remote: self.mirror.remote.name(), key, bytes });
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", Layout::key(&self.series))
    }
}

/// A temporary file, removed on drop.
pub(super) struct Staged(pub(super) PathBuf);

impl Staged {
    pub(super) fn new(layout: &Layout) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Staged(aside(&layout.own().join(format!("copy-{number}"))))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
