//! The ledger of a series in a bucket shared by several processes: it commits publishes, under If-Match and with a
//! fence.
//!
//! The fence is the number of an ownership. A takeover first writes the ledger with the new fence, so the previous
//! owner is refused from then on: its ledger by the fence, its files by their tags, which it read before it saw
//! that fence. A refused write changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::{Disk as _, Os};
use crate::model::Series;
use crate::remote::series::LEDGER_BYTES;
use crate::remote::transfer::off_the_runtime;
use crate::remote::{Remote as _, RemoteError, S3, Seal, Stamp, fetch};
use crate::store::{FileEntry, Inheritance, Layout, Ledger, Links, Part, Verified, sha256};

/// The state a new owner starts from.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The ledger, with the new ownership in it.
    pub ledger: Ledger,
    /// The previous ownership; `None` if the bucket held nothing of the series.
    pub before: Option<u64>,
}

/// The result of a publish.
#[derive(Debug, Default)]
pub struct Published {
    /// The ledger as committed, including other periods that the bucket has.
    pub account: Ledger,
    /// Files verified in the bucket.
    pub verified: Vec<Verified>,
    /// Files sent.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Writes refused because another process wrote first.
    pub refused: u64,
    /// Files of other owners found in no ledger, whose rows are now waiting to be merged.
    pub met: u64,
    /// Periods whose open file the bucket no longer holds under its older name.
    pub renamed: Vec<String>,
    /// Why an open file could not be removed under its older name; everything else is published.
    pub not_removed: Option<RemoteError>,
}

/// A file being sent.
struct Sending<'a> {
    period: &'a str,
    part: Part,
    from: &'a Path,
    entry: &'a FileEntry,
}

/// One series in a bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    s3: Arc<S3>,
    series: Series,
}

/// How often a write that lost to another is retried.
const ATTEMPTS: u32 = 16;
/// The largest single request, since only those can be conditional.
const MOST_BYTES: u64 = 256 << 20;

impl Bucket {
    /// The series' place in a bucket.
    #[must_use]
    pub fn new(s3: Arc<S3>, series: Series) -> Self {
        Bucket { s3, series }
    }

    /// The ledger in force, and the tag of that version.
    ///
    /// # Errors
    /// If it cannot be read, or is not a ledger of this series: nothing is written over it then.
    pub async fn ledger(&self) -> Result<Option<(Ledger, String)>, RemoteError> {
        let key = self.key("_series.json");
        let Some((bytes, tag)) = self.s3.tagged(&key, LEDGER_BYTES as u64).await? else { return Ok(None) };
        let damaged = |what| RemoteError::Mismatch { remote: self.name(), key: key.clone(), what };
        Ok(Some((Ledger::decode(&bytes, &self.series).map_err(damaged)?, tag)))
    }

    /// Puts the ownership `fence` into force; returns the ledger it starts from.
    ///
    /// # Errors
    /// [`RemoteError::Fenced`] if a higher one is in force.
    pub async fn take_over(&self, fence: u64) -> Result<Taken, RemoteError> {
        for _ in 0..ATTEMPTS {
            let (mut ledger, tag) = self.owned(fence).await?;
            let before = tag.is_some().then_some(ledger.fence);
            if before == Some(fence) {
                return Ok(Taken { ledger, before });
            }
            ledger.fence = fence;
            match self.put(&ledger, tag.as_deref()).await {
                Err(RemoteError::Changed { .. }) => {}
                put => return put.map(|()| Taken { ledger, before }),
            }
        }
        Err(self.contended())
    }

    /// Sends files not verified in the bucket, each before its open one, then commits the ledger. A file that has a link
    /// is read there, so that it is the ledger's whatever is published meanwhile. A file of another owner that is in no
    /// ledger is saved, for its rows to be merged, before it is replaced.
    ///
    /// # Errors
    /// [`RemoteError::Fenced`] if another ownership is in force; nothing more is changed then.
    /// [`RemoteError::RestoreNeeded`] if the bucket holds rows of a period that are missing here: they have to
    /// be restored first.
    pub async fn publish(
        &self,
        layout: &Layout,
        ours: &Ledger,
        links: &Links,
    ) -> Result<Published, RemoteError> {
        let mut out = Published::default();
        let account = ours.copy();
        let (theirs, _) = self.owned(ours.fence).await?;
        for (period, part, entry) in ours.unverified(&self.name(), Some(&theirs)) {
            let from = layout.folder(&self.series).join(part.file_name(&period));
            let link = links.get(&period, part).unwrap_or_else(|| from.clone());
            let sending = Sending { period: &period, part, from: &link, entry: &entry };
            let sent = self.send(&sending, layout, &account, &mut out).await;
            sent.map_err(|error| error.at(|_| from.clone()))?;
            out.verified.push(Verified { period, part, sha256: entry.sha256 });
        }
        out.account = self.commit(&account).await?;
        for period in ours.superseded_on(&self.name(), &out.verified) {
            match self.remove_older(&period, layout, ours, &mut out).await {
                Ok(()) => out.renamed.push(period),
                Err(error) => {
                    out.not_removed = Some(error);
                    break;
                }
            }
        }
        Ok(out)
    }

    /// Removes an open file under its older name once its content is verified under the new one. Different
    /// content is saved first, for its rows to be merged, since it is unknown whether a ledger listed it.
    async fn remove_older(
        &self,
        period: &str,
        layout: &Layout,
        ours: &Ledger,
        out: &mut Published,
    ) -> Result<(), RemoteError> {
        let name = Part::older_name(period);
        let key = self.key(&name);
        let Some((stamp, _)) = self.s3.stamp(&key).await? else { return Ok(()) };
        if ours.entry(Part::Open, period).is_none_or(|own| own.sha256 != stamp.seal.sha256) {
            let to = self.earlier(layout, &name, &stamp.seal).await?;
            out.met += u64::from(fetch(&*self.s3, &key, &to).await?.is_some());
        }
        self.s3.delete(&key).await
    }

    /// Files that the bucket no longer holds as they were verified there.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub async fn gone(&self, ours: &Ledger) -> Result<Vec<Verified>, RemoteError> {
        let (mut gone, name) = (Vec::new(), self.name());
        for part in [Part::File, Part::Open] {
            for (period, entry) in ours.entries_of(part) {
                if !entry.remotes.contains(&name) {
                    continue;
                }
                let held = self.s3.stamp(&self.key(&part.file_name(period))).await?;
                if held.is_none_or(|(stamp, _)| stamp.seal.sha256 != entry.sha256) {
                    let sha256 = entry.sha256.clone();
                    gone.push(Verified { period: period.clone(), part, sha256 });
                }
            }
        }
        Ok(gone)
    }

    /// Fetches everything the bucket holds of the series into a folder, for a new owner to start from.
    ///
    /// # Errors
    /// If the bucket cannot be read.
    pub async fn bring_all(&self, to: &Path, taken: &Taken) -> Result<Inheritance, RemoteError> {
        let (kind, mut came) = (self.series.kind(), BTreeMap::new());
        let mut ledger = taken.ledger.clone();
        for name in self.s3.names_in(&Layout::key(&self.series)).await? {
            let older = Part::of_older_name(&name, kind);
            if older.is_some() || Part::of(&name, kind).is_some() {
                // A file deleted meanwhile is found missing when the series is opened.
                let found = fetch(&*self.s3, &self.key(&name), &to.join(&name)).await?;
                older.into_iter().for_each(|period| ledger.note_older_name(&period.name, &self.name()));
                came.extend(found.map(|seal| (name, seal.sha256)));
            }
        }
        ledger.came_from(&self.name(), &came);
        Ok(Inheritance { folder: to.to_owned(), ledger })
    }

    /// Commits a ledger whose files the bucket holds.
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

    /// The ledger in force, unless a higher ownership is.
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
        let needed = |needed| RemoteError::RestoreNeeded {
            remote: self.name(),
            series: self.series.to_string(),
            needed,
        };
        ours.merged(theirs, self.series.kind()).map_err(needed)
    }

    /// Sends one file unless the bucket holds it. Its tag is read before the fence, so that whatever a later
    /// owner puts there after that fence is never replaced.
    async fn send(
        &self,
        file: &Sending<'_>,
        layout: &Layout,
        ours: &Ledger,
        out: &mut Published,
    ) -> Result<(), RemoteError> {
        let name = file.part.file_name(file.period);
        let key = self.key(&name);
        let seal = Seal { bytes: file.entry.bytes, sha256: file.entry.sha256.clone() };
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
            if let Some((stamp, _)) = &held {
                let is_of_account =
                    theirs.entry(file.part, file.period).is_some_and(|own| own.sha256 == stamp.seal.sha256);
                if !is_of_account && stamp.fence < ours.fence {
                    let to = self.earlier(layout, &name, &stamp.seal).await?;
                    out.met += u64::from(fetch(&*self.s3, &key, &to).await?.is_some());
                }
            }
            let bytes = self.read(file.from, &seal).await?;
            let (stamp, tag) = (Stamp { seal: seal.clone(), fence: ours.fence }, held.map(|held| held.1));
            match self.s3.put_if(&key, bytes, &stamp, tag.as_deref()).await {
                Err(RemoteError::Changed { .. }) => out.refused += 1,
                put => {
                    out.files += 1;
                    out.bytes += seal.bytes;
                    return put;
                }
            }
        }
        Err(self.contended())
    }

    /// Saves a file of another owner under a path of its own until its rows are merged.
    async fn earlier(&self, layout: &Layout, name: &str, seal: &Seal) -> Result<PathBuf, RemoteError> {
        let folder = layout.earlier(&self.series);
        let own = folder.clone();
        off_the_runtime(&folder, move || Os.create_folder(&own)).await?;
        Ok(folder.join(format!("{name}.{}", seal.sha256.get(..12).unwrap_or("unknown"))))
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

    /// The name of the bucket.
    #[must_use]
    pub fn name(&self) -> String {
        self.s3.name().to_owned()
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", Layout::key(&self.series))
    }
}
