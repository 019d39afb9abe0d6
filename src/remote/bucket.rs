//! The ledger of a series in a bucket that several processes share: it commits, under If-Match and with a fence.
//!
//! The fence is the number of an ownership. Taking over writes the ledger with the new one before anything else, so
//! whoever owned the series before is refused from then on: at its ledger by the fence, at its files by their tags,
//! which it read before it saw that fence. What is refused changes nothing.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::Series;
use crate::remote::series::LEDGER_BYTES;
use crate::remote::transfer::off_the_runtime;
use crate::remote::{RemoteError, S3, Seal, Stamp};
use crate::store::{FileEntry, Layout, Ledger, Part, sha256};

/// One series in a bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    s3: Arc<S3>,
    series: Series,
}

/// How often a write is tried again that another came before.
const ATTEMPTS: u32 = 16;
/// What goes in one request, as only those can be conditional.
const MOST_BYTES: u64 = 256 << 20;

impl Bucket {
    /// The place of a series in a bucket.
    #[must_use]
    pub fn new(s3: Arc<S3>, series: Series) -> Self {
        Bucket { s3, series }
    }

    /// The account in force, and the tag of this version of it.
    ///
    /// # Errors
    /// Where it cannot be read, or is no ledger of this series: nothing is then written over it.
    pub async fn ledger(&self) -> Result<Option<(Ledger, String)>, RemoteError> {
        let key = self.key("_series.json");
        let Some((bytes, tag)) = self.s3.tagged(&key, LEDGER_BYTES as u64).await? else { return Ok(None) };
        let damaged = |what| RemoteError::Mismatch { remote: self.name(), key: key.clone(), what };
        Ok(Some((Ledger::decode(&bytes, &self.series).map_err(damaged)?, tag)))
    }

    /// Makes `fence` the ownership in force; gives the account it begins from, for the new owner to restore.
    ///
    /// # Errors
    /// [`RemoteError::Fenced`] where a higher one is in force.
    pub async fn take_over(&self, fence: u64) -> Result<Ledger, RemoteError> {
        for _ in 0..ATTEMPTS {
            let (mut ledger, tag) = self.owned(fence).await?;
            if ledger.fence == fence && tag.is_some() {
                return Ok(ledger);
            }
            ledger.fence = fence;
            match self.put(&ledger, tag.as_deref()).await {
                Err(RemoteError::Changed { .. }) => {}
                put => return put.map(|()| ledger),
            }
        }
        Err(self.contended())
    }

    /// Sends the files that the bucket does not hold as the account says, each before its open one, then commits
    /// the account. Gives the account as committed, with what the bucket has of other periods.
    ///
    /// # Errors
    /// [`RemoteError::Fenced`] where another ownership is in force: nothing more is changed then.
    /// [`RemoteError::Lesser`] where the bucket holds rows of a period that ours has not: they are to be restored
    /// first.
    pub async fn publish(&self, layout: &Layout, ours: &Ledger) -> Result<Ledger, RemoteError> {
        let mut files: Vec<(&String, Part, &FileEntry)> = [Part::File, Part::Open]
            .into_iter()
            .flat_map(|part| ours.entries_of(part).map(move |(name, entry)| (name, part, entry)))
            .collect();
        files.sort_by_key(|(name, part, _)| (*name, *part));
        let account = ours.copy();
        for (name, part, entry) in files {
            let file = part.file_name(name);
            let from = layout.folder(&self.series).join(&file);
            self.send(&file, &from, entry, &account).await?;
        }
        self.commit(&account).await
    }

    /// Commits an account whose files the bucket holds.
    ///
    /// # Errors
    /// See [`Bucket::publish`].
    pub async fn commit(&self, ours: &Ledger) -> Result<Ledger, RemoteError> {
        let ours = &ours.copy();
        for _ in 0..ATTEMPTS {
            let (theirs, tag) = self.owned(ours.fence).await?;
            let merged = self.merged(ours, &theirs)?;
            if merged == theirs && tag.is_some() {
                return Ok(merged);
            }
            match self.put(&merged, tag.as_deref()).await {
                Err(RemoteError::Changed { .. }) => {}
                put => return put.map(|()| merged),
            }
        }
        Err(self.contended())
    }

    /// The account in force, where no higher ownership is.
    async fn owned(&self, fence: u64) -> Result<(Ledger, Option<String>), RemoteError> {
        let Some((ledger, tag)) = self.ledger().await? else { return Ok((Ledger::default(), None)) };
        self.check(ledger.fence, fence)?;
        Ok((ledger, Some(tag)))
    }

    fn check(&self, theirs: u64, ours: u64) -> Result<(), RemoteError> {
        if theirs <= ours {
            return Ok(());
        }
        Err(RemoteError::Fenced { remote: self.name(), series: self.series.to_string(), theirs, ours })
    }

    fn merged(&self, ours: &Ledger, theirs: &Ledger) -> Result<Ledger, RemoteError> {
        let lesser =
            |lesser| RemoteError::Lesser { remote: self.name(), series: self.series.to_string(), lesser };
        ours.merged(theirs, self.series.kind()).map_err(lesser)
    }

    /// Sends one file if the bucket does not hold it. Its tag is read before the fence, so that whatever a later
    /// owner puts there after that fence is never replaced.
    async fn send(
        &self,
        name: &str,
        from: &Path,
        entry: &FileEntry,
        ours: &Ledger,
    ) -> Result<(), RemoteError> {
        let key = self.key(name);
        let seal = Seal { bytes: entry.bytes, sha256: entry.sha256.clone() };
        for _ in 0..ATTEMPTS {
            let held = self.s3.stamp(&key).await?;
            if let Some((stamp, _)) = &held {
                if stamp.seal == seal {
                    return Ok(());
                }
                self.check(stamp.fence, ours.fence)?;
            }
            let (theirs, _) = self.owned(ours.fence).await?;
            self.merged(ours, &theirs)?;
            let bytes = self.read(from, &seal).await?;
            let (stamp, tag) = (Stamp { seal: seal.clone(), fence: ours.fence }, held.map(|held| held.1));
            match self.s3.put_if(&key, bytes, &stamp, tag.as_deref()).await {
                Err(RemoteError::Changed { .. }) => {}
                put => return put,
            }
        }
        Err(self.contended())
    }

    async fn read(&self, file: &Path, seal: &Seal) -> Result<Bytes, RemoteError> {
        if seal.bytes > MOST_BYTES {
            let said = format!("{} is larger than one conditional request takes", file.display());
            let action = "copying a file".to_owned();
            return Err(RemoteError::Refused { remote: self.name(), action, said });
        }
        let own = file.to_owned();
        let bytes = off_the_runtime(file, move || std::fs::read(own)).await?;
        if bytes.len() as u64 != seal.bytes || sha256(&bytes) != seal.sha256 {
            return Err(RemoteError::Damaged { path: file.to_owned() });
        }
        Ok(bytes.into())
    }

    async fn put(&self, ledger: &Ledger, tag: Option<&str>) -> Result<(), RemoteError> {
        let bytes = ledger.to_bytes(&self.series)?;
        let seal = Seal { bytes: bytes.len() as u64, sha256: sha256(&bytes) };
        let stamp = Stamp { seal, fence: ledger.fence };
        self.s3.put_if(&self.key("_series.json"), bytes.into(), &stamp, tag).await
    }

    fn contended(&self) -> RemoteError {
        RemoteError::Changed { remote: self.name(), key: self.key("_series.json") }
    }

    fn name(&self) -> String {
        crate::remote::Remote::name(&*self.s3).to_owned()
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", Layout::key(&self.series))
    }
}
