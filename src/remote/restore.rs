//! Restores what a remote has of a series and this data path lacks.
//!
//! A period without a local file gets its whole files back; otherwise only windows not covered here are merged
//! from the copy, so that no local row is replaced.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Batch, Kind, Micros, Series, Window};
use crate::remote::series::{LEDGER_BYTES, Staged};
use crate::remote::transfer::off_the_runtime;
use crate::remote::{Remote, RemoteError, fetch_file, read};
use crate::store::{
    Accepted, FileEntry, Finding, Flushed, Incoming, Layout, Ledger, Opened, Part, Period, Store, StoreError,
    Writer, open_period_file,
};
use crate::telemetry::Telemetry;
use crate::telemetry::events::FileRestored;

/// The data path and the remotes of a restore.
pub struct Restoring {
    /// The store of the data path.
    pub store: Store,
    /// The data path.
    pub layout: Layout,
    /// The sink of its events.
    pub telemetry: Telemetry,
    /// The remote to restore from.
    pub remote: Arc<dyn Remote>,
}

/// The restored files of a series.
#[derive(Debug, Default)]
pub struct Restored {
    /// Whole files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Rows merged into existing files.
    pub rows: u64,
    /// Findings of opening the series.
    pub findings: Vec<Finding>,
    /// The publish that followed.
    pub flushed: Flushed,
}

impl Restoring {
    /// The series on the remote.
    ///
    /// # Errors
    /// If the remote does not answer.
    pub async fn series(&self) -> Result<Vec<Series>, RemoteError> {
        let keys = self.remote.list("_series.json").await?;
        let folders = keys.iter().filter_map(|key| key.strip_suffix("/_series.json"));
        Ok(folders.filter_map(Layout::series_at).collect())
    }

    /// Restores what is missing of a series. `None` if the remote holds none of it. Whatever was fetched is
    /// recorded even if the rest fails.
    ///
    /// # Errors
    /// If the remote cannot be read, its files do not match its ledger, or the store fails.
    pub async fn restore(&self, series: &Series) -> Result<Option<Restored>, RemoteError> {
        let key = format!("{}/_series.json", Layout::key(series));
        let Some(bytes) = read(&*self.remote, &key, LEDGER_BYTES).await? else { return Ok(None) };
        let theirs = Ledger::decode(&bytes, series).map_err(|what| RemoteError::Mismatch {
            remote: self.remote.name().to_owned(),
            key,
            what,
        })?;
        let (store, own) = (self.store.clone(), series.clone());
        let (writer, findings) = self.on_disk(series, move || store.writer(&own)).await??;
        let mut back = Back { restoring: self, series, theirs, writer, out: Restored::default() };
        back.out.findings = findings;
        let came = back.periods().await;
        let closed = back.close(came.is_ok()).await;
        came.and(closed)?;
        Ok(Some(back.out))
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        series: &Series,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RemoteError> {
        off_the_runtime(&self.layout.folder(series), move || Ok(work())).await
    }
}

/// A series being restored.
struct Back<'a> {
    restoring: &'a Restoring,
    series: &'a Series,
    theirs: Ledger,
    writer: Writer,
    out: Restored,
}

impl Back<'_> {
    /// Restores every period; one that fails does not stop the others.
    async fn periods(&mut self) -> Result<(), RemoteError> {
        let names: Vec<String> = self.theirs.periods().map(str::to_owned).collect();
        let mut first = None;
        for name in names {
            let Some(period) = Period::named(self.series.kind(), &name) else { continue };
            if let Err(error) = self.period(&period).await {
                let is_over = error.is_of_the_remote();
                first.get_or_insert(error);
                if is_over {
                    break;
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    async fn period(&mut self, period: &Period) -> Result<(), RemoteError> {
        let (ours, name) = (self.writer.ledger(), &period.name);
        let is_held = [&ours.files, &ours.open_files].into_iter().any(|files| files.contains_key(name));
        if !is_held {
            self.whole(period).await
        } else if ours.is_away(name) {
            self.away(period).await
        } else if !ours.lacks(&self.theirs, period).is_empty() {
            self.windows(period).await
        } else {
            Ok(())
        }
    }

    /// A period without a local file: fetches both of its files as they are, then records what they cover.
    async fn whole(&mut self, period: &Period) -> Result<(), RemoteError> {
        let (covered, derived) =
            (self.theirs.covered.within(period.window), self.theirs.derived.within(period.window));
        let account = move |ledger: &mut Ledger| {
            covered.iter().for_each(|window| ledger.cover(window));
            ledger.derived.add_all(&derived);
        };
        self.files(period, parts(&self.theirs, &period.name), account).await
    }

    /// A period that is only on remotes: fetches the files that the ledger lists.
    async fn away(&mut self, period: &Period) -> Result<(), RemoteError> {
        let own = parts(&self.writer.ledger(), &period.name);
        let away: Vec<_> = own.into_iter().filter(|(_, entry)| entry.remote_only).collect();
        self.files(period, away, |_| {}).await
    }

    /// Fetches files of a period, then renames all of them into place.
    async fn files(
        &mut self,
        period: &Period,
        wanted: Vec<(Part, FileEntry)>,
        account: impl FnOnce(&mut Ledger) + Send + 'static,
    ) -> Result<(), RemoteError> {
        let remote = self.restoring.remote.name().to_owned();
        let (mut fetched, mut holds_older) = (Fetched::default(), false);
        for (part, mut entry) in wanted {
            let path = self.writer.aside(period, part)?;
            let is_older = self.fetch(&part.file_name(&period.name), &path).await?;
            // Under the new name it still has to be copied.
            entry.remotes.retain(|known| *known != remote);
            if !is_older {
                entry.remotes.push(remote.clone());
                entry.remotes.sort_unstable();
            }
            holds_older |= is_older;
            fetched.0.push(Incoming { part, entry, path });
        }
        let (own, holder, incoming) = (period.clone(), remote.clone(), fetched.0.clone());
        self.write(move |writer| {
            writer.restore_period(&own, &incoming, |ledger| {
                if holds_older {
                    ledger.note_older_name(&own.name, &holder);
                }
                account(ledger);
            })
        })
        .await?;
        for file in std::mem::take(&mut fetched.0) {
            let (name, bytes) = (file.part.file_name(&period.name), file.entry.bytes);
            let (remote, series) = (remote.as_str(), self.series);
            self.restoring.telemetry.emit(FileRestored { remote, series, file: &name, bytes });
            self.out.files += 1;
            self.out.bytes += bytes;
        }
        Ok(())
    }

    /// Fetches a file; returns whether the remote has it under its older name.
    async fn fetch(&self, name: &str, to: &Path) -> Result<bool, RemoteError> {
        let remote = &*self.restoring.remote;
        match fetch_file(remote, self.series, name, to).await? {
            Some(found) => Ok(found.is_older),
            None => {
                let key = format!("{}/{name}", Layout::key(self.series));
                let what = "its ledger says that it is there".to_owned();
                Err(RemoteError::Mismatch { remote: remote.name().to_owned(), key, what })
            }
        }
    }

    /// A period with a local file: merges the windows it does not cover, as rows. Books have no such windows.
    async fn windows(&mut self, period: &Period) -> Result<(), RemoteError> {
        for (part, entry) in parts(&self.theirs, &period.name) {
            let staged = Staged::new(&self.restoring.layout);
            self.fetch(&part.file_name(&period.name), &staged.0).await?;
            let (kind, remote) = (self.series.kind(), self.restoring.remote.name().to_owned());
            let lacking = self.writer.ledger().lacks(&self.theirs, period);
            let key = part.file_name(&period.name);
            let taken = self
                .write(move |writer| {
                    let opened = open_period_file(&staged.0, kind)?;
                    let Opened::Ours(file) = opened else { return Ok(None) };
                    if file.hashes()?.whole != entry.sha256 {
                        return Ok(None);
                    }
                    let mut taken = 0;
                    for index in 0..file.groups() {
                        let rows = file.group(index)?;
                        let inside = |row: &usize| lacking.holds(Micros(rows.ts()[*row]));
                        // Where the series was covered meanwhile, the local rows are newer.
                        let rows = rows.gather(&(0..rows.len()).filter(inside).collect::<Vec<_>>());
                        taken += writer.accept_late(rows)?;
                    }
                    Ok(Some(taken))
                })
                .await?;
            let what = || "its hash is not the one its ledger says".to_owned();
            self.out.rows += taken.ok_or_else(|| RemoteError::Mismatch { remote, key, what: what() })?;
        }
        self.prove(period).await
    }

    /// The rows of both files were accepted, so their coverage may be too.
    async fn prove(&mut self, period: &Period) -> Result<(), RemoteError> {
        let lacking = self.writer.ledger().lacks(&self.theirs, period);
        let kind = self.series.kind();
        let mut sent = lacking.clone();
        sent.remove_all(&self.theirs.derived);
        let mut derived = lacking.clone();
        derived.remove_all(&sent);
        self.write(move |writer| {
            prove(writer, kind, sent.iter(), false)?;
            prove(writer, kind, derived.iter(), true)
        })
        .await
    }

    /// Publishes what was accepted and writes the ledger.
    async fn close(&mut self, is_whole: bool) -> Result<(), RemoteError> {
        let theirs = self.theirs.clone();
        let flushed = self
            .write(move |writer| {
                if is_whole {
                    writer.account(|ledger| ledger.learn(&theirs));
                }
                writer.flush()
            })
            .await?;
        self.out.flushed = flushed;
        Ok(())
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RemoteError> {
        let writer = self.writer.clone();
        Ok(self.restoring.on_disk(self.series, move || work(&writer)).await??)
    }
}

/// Fetched files not yet renamed into place; removed on drop.
#[derive(Default)]
struct Fetched(Vec<Incoming>);

impl Drop for Fetched {
    fn drop(&mut self) {
        self.0.iter().for_each(|file| drop(std::fs::remove_file(&file.path)));
    }
}

fn prove(
    writer: &Writer,
    kind: Kind,
    windows: impl Iterator<Item = Window>,
    derived: bool,
) -> Result<(), StoreError> {
    for window in windows {
        let rows = Batch::of(kind);
        writer.accept(Accepted { rows, covered: Some(window), empty: None, derived })?;
    }
    Ok(())
}

fn parts(ledger: &Ledger, period: &str) -> Vec<(Part, FileEntry)> {
    let of = |part: Part, files: &std::collections::BTreeMap<String, FileEntry>| {
        files.get(period).map(|entry| (part, entry.clone()))
    };
    of(Part::File, &ledger.files).into_iter().chain(of(Part::Open, &ledger.open_files)).collect()
}
