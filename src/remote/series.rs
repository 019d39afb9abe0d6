//! Copies one series to one remote: its files oldest first, each before its open one, and its ledger last.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Disk as _, Os, aside};
use crate::model::Series;
use crate::remote::mirror::{Mirror, Pending, pending};
use crate::remote::transfer::off_the_runtime;
use crate::remote::{RemoteError, Seal, read, upload};
use crate::store::{Copied, FileEntry, Layout, Ledger, Part, Verified, sha256};
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

/// How often copying a series that keeps changing is restarted before it waits for the next sync.
const ROUNDS: u32 = 3;
/// The largest ledger.
pub(super) const LEDGER_BYTES: usize = 64 << 20;

impl Copying {
    pub(super) async fn run(&self) -> Ended {
        let mut ended = Ended::default();
        for round in 1..=ROUNDS {
            let Some(ledger) = self.ledger(&mut ended).await else { return ended };
            ended.left = pending(&ledger, &self.series, self.mirror.remote.name());
            if ended.left.files == 0 {
                return ended;
            }
            let copied = self.copy(&ledger, &mut ended).await;
            let Some(now) = self.ledger(&mut ended).await else { return ended };
            ended.left = pending(&now, &self.series, self.mirror.remote.name());
            let is_same = now.copy() == ledger.copy();
            match copied {
                Ok(()) if is_same => {
                    // A series that is being written records it later.
                    ended.left = Pending::default();
                    return ended;
                }
                // It changed meanwhile; the next round sees the change.
                Ok(()) => {}
                Err(error) if is_same || error.is_of_the_remote() => {
                    ended.error = Some(error);
                    return ended;
                }
                Err(error) if round == ROUNDS => ended.error = Some(error),
                Err(_) => {}
            }
        }
        ended
    }

    async fn ledger(&self, ended: &mut Ended) -> Option<Ledger> {
        let (path, series) = (self.mirror.layout.ledger(&self.series), self.series.clone());
        let read = tokio::task::spawn_blocking(move || Ledger::read(&path, &series)).await;
        match read {
            Ok(Ok(ledger)) => ledger,
            Ok(Err(error)) => {
                ended.error = Some(error.into());
                None
            }
            Err(_) => None,
        }
    }

    /// Sends what the ledger lists as not there, and records what was verified, even if the rest fails.
    async fn copy(&self, ledger: &Ledger, ended: &mut Ended) -> Result<(), RemoteError> {
        let theirs = self.guard(ledger).await?;
        let mut copied = Copied { remote: self.mirror.remote.name().to_owned(), ..Copied::default() };
        let failed = self.send_all(ledger, theirs.as_ref(), &mut copied, ended).await.err();
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
        ledger: &Ledger,
        theirs: Option<&Ledger>,
        copied: &mut Copied,
        ended: &mut Ended,
    ) -> Result<(), RemoteError> {
        self.files(ledger, theirs, &mut copied.files, ended).await?;
        copied.digest = self.account(ledger, ended).await?;
        for period in ledger.superseded_on(&copied.remote, &copied.files) {
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
        ledger: &Ledger,
        theirs: Option<&Ledger>,
        verified: &mut Vec<Verified>,
        ended: &mut Ended,
    ) -> Result<(), RemoteError> {
        for (period, part, entry) in ledger.unverified(self.mirror.remote.name(), theirs) {
            let name = part.file_name(&period);
            let file = self.mirror.layout.folder(&self.series).join(&name);
            let FileEntry { bytes, sha256, .. } = entry;
            let seal = Seal { bytes, sha256: sha256.clone() };
            self.send(&name, &file, &seal, ended).await?;
            verified.push(Verified { period, part, sha256 });
        }
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

    async fn send(
        &self,
        name: &str,
        file: &std::path::Path,
        seal: &Seal,
        ended: &mut Ended,
    ) -> Result<(), RemoteError> {
        let key = self.key(name);
        if upload(&*self.mirror.remote, &key, file, seal).await? {
            ended.files += 1;
            ended.bytes += seal.bytes;
            let remote = self.mirror.remote.name();
            self.mirror.telemetry.emit(FileCopied { remote, key: &key, bytes: seal.bytes });
        }
        Ok(())
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
