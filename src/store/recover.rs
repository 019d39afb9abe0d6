//! Recovery: making a series' ledger and its files agree again, whatever happened to either.
//!
//! Files are only moved aside, never deleted, but for our own temporary ones. Every step can be cut
//! short and done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::model::{Micros, Series};
use crate::store::file::{Opened, PeriodFile, hash_file, open_period_file};
use crate::store::ledger::Read;
use crate::store::publish::modified;
use crate::store::{FileEntry, Layout, Ledger, Period, StoreError};

/// Something recovery met and dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it was.
    pub kind: FindingKind,
    /// The file.
    pub path: PathBuf,
    /// What was wrong with it, or done about it.
    pub detail: String,
}

/// What recovery can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A file of ours that was damaged and now lies in quarantine; its windows are gaps.
    Quarantined,
    /// A file the ledger knew that is gone; its windows are gaps.
    Missing,
    /// A whole file the ledger did not know yet: a publish cut short, or a ledger lost.
    Adopted,
    /// A temporary file of a process that died.
    Swept,
}

/// Reads the ledger of a series and makes it agree with the folder. Says whether it changed.
///
/// # Errors
/// [`StoreError::Foreign`] where a file that is not ours lies at a path this series would write, or a
/// refusal of the operating system.
pub(crate) fn recover(layout: &Layout, series: &Series) -> Result<(Ledger, Vec<Finding>), StoreError> {
    let folder = layout.folder(series);
    let mut recovery =
        Recovery { layout, series, folder: &folder, ledger: Ledger::default(), findings: Vec::new() };
    recovery.read_ledger()?;
    let present = recovery.list()?;
    recovery.drop_missing(&present);
    for period in present {
        recovery.check(&period)?;
    }
    Ok((recovery.ledger, recovery.findings))
}

struct Recovery<'a> {
    layout: &'a Layout,
    series: &'a Series,
    folder: &'a Path,
    ledger: Ledger,
    findings: Vec<Finding>,
}

impl Recovery<'_> {
    fn read_ledger(&mut self) -> Result<(), StoreError> {
        let path = self.layout.ledger(self.series);
        match Ledger::look(&path, self.series)? {
            Read::Ledger(ledger) => self.ledger = *ledger,
            Read::Absent => {}
            Read::Damaged(reason) => self.set_aside(&path, reason)?,
        }
        Ok(())
    }

    /// The periods that have a file; temporary files of the dead are swept on the way.
    fn list(&mut self) -> Result<BTreeSet<Period>, StoreError> {
        let mut present = BTreeSet::new();
        let entries = match fs::read_dir(self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(present),
            Err(error) => return Err(StoreError::io("listing", self.folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io("listing", self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if atomic::is_aside(&name) {
                let path = entry.path();
                fs::remove_file(&path).map_err(StoreError::io("removing", &path))?;
                self.found(FindingKind::Swept, path, "a temporary file of a process that ended");
            } else if let Some(period) =
                name.strip_suffix(".parquet").and_then(|name| Period::named(self.series.kind(), name))
            {
                present.insert(period);
            }
        }
        Ok(present)
    }

    fn drop_missing(&mut self, present: &BTreeSet<Period>) {
        let gone: Vec<String> = self
            .ledger
            .files
            .keys()
            .filter(|name| !present.iter().any(|period| period.name == **name))
            .cloned()
            .collect();
        for name in gone {
            self.ledger.files.remove(&name);
            let path = self.folder.join(format!("{name}.parquet"));
            if let Some(period) = Period::named(self.series.kind(), &name) {
                self.ledger.forget(period.window, "its file was deleted");
            }
            self.found(
                FindingKind::Missing,
                path,
                "deleted since it was published; its windows are gaps now",
            );
        }
    }

    fn check(&mut self, period: &Period) -> Result<(), StoreError> {
        let path = self.folder.join(period.file_name());
        let known = self.ledger.files.get(&period.name).cloned();
        let bytes = fs::metadata(&path).map_err(StoreError::io("looking at", &path))?.len();
        let modified = modified(&path).map_err(StoreError::io("looking at", &path))?;
        if known.as_ref().is_some_and(|entry| entry.bytes == bytes && entry.modified == modified) {
            return Ok(());
        }
        let file = match open_period_file(&path, self.series.kind())? {
            Opened::Foreign => return Err(StoreError::Foreign { path }),
            Opened::Damaged(reason) => return self.lose(period, &path, reason),
            Opened::Ours(file) => file,
        };
        let hashes = hash_file(&path, file.footer().body_bytes).map_err(StoreError::io("reading", &path))?;
        if let Some(entry) = known.as_ref().filter(|entry| entry.sha256 == hashes.whole) {
            self.ledger.files.insert(period.name.clone(), FileEntry { modified, ..entry.clone() });
            return Ok(());
        }
        if hashes.body != file.footer().body_sha256 {
            return self.lose(period, &path, "its content is not what its digest says".to_owned());
        }
        if file.footer().series != self.series.to_string() || file.footer().period != period.name {
            return self.lose(
                period,
                &path,
                format!("it is a file of {}, period {}", file.footer().series, file.footer().period),
            );
        }
        if known.as_ref().is_some_and(|entry| entry.generation >= file.footer().generation) {
            return self.lose(
                period,
                &path,
                "it is an older file than the one that was published".to_owned(),
            );
        }
        self.adopt(
            period,
            &file,
            FileEntry {
                rows: file.footer().rows,
                bytes,
                sha256: hashes.whole,
                generation: file.footer().generation,
                first: 0,
                last: 0,
                modified,
            },
        )
    }

    /// Takes over a whole file that was published and not yet entered.
    fn adopt(&mut self, period: &Period, file: &PeriodFile, entry: FileEntry) -> Result<(), StoreError> {
        let mut ends: Option<(Micros, Micros)> = None;
        for index in 0..file.groups() {
            let rows = file.group(index)?;
            if let (Some(first), Some(last)) = (rows.ts().iter().min(), rows.ts().iter().max()) {
                let (oldest, newest) = ends.unwrap_or((Micros(*first), Micros(*last)));
                ends = Some((oldest.min(Micros(*first)), newest.max(Micros(*last))));
            }
        }
        let (first, last) = ends.unwrap_or_default();
        let covered = file.footer().windows();
        let generation = entry.generation;
        self.ledger.files.insert(period.name.clone(), FileEntry { first: first.0, last: last.0, ..entry });
        self.ledger.generation = self.ledger.generation.max(generation);
        covered.iter().for_each(|window| self.ledger.cover(window));
        // A ledger that was lost knows at least that these rows were wanted.
        let since = covered.first().map_or(first, |window| window.from);
        self.ledger.wanted_since = Some(self.ledger.wanted_since.map_or(since, |own| own.min(since)));
        self.found(FindingKind::Adopted, file.path().to_owned(), "whole, and newer than the ledger");
        Ok(())
    }

    /// A damaged file goes aside and its period becomes a gap.
    fn lose(&mut self, period: &Period, path: &Path, reason: String) -> Result<(), StoreError> {
        self.set_aside(path, reason)?;
        self.ledger.files.remove(&period.name);
        self.ledger.forget(period.window, "its file was damaged and set aside");
        Ok(())
    }

    fn set_aside(&mut self, path: &Path, reason: String) -> Result<(), StoreError> {
        let aside = quarantine(self.layout, path).map_err(StoreError::io("setting aside", path))?;
        let detail = format!("{reason}; set aside as {}", aside.display());
        self.found(FindingKind::Quarantined, path.to_owned(), &detail);
        Ok(())
    }

    fn found(&mut self, kind: FindingKind, path: PathBuf, detail: &str) {
        self.findings.push(Finding { kind, path, detail: detail.to_owned() });
    }
}

/// Moves a file into the quarantine under a name of its own, never over another.
fn quarantine(layout: &Layout, path: &Path) -> std::io::Result<PathBuf> {
    let folder = layout.quarantine();
    atomic::create_folder(&folder)?;
    let inside = path.strip_prefix(layout.root()).unwrap_or(path);
    let flat = inside.to_string_lossy().replace('/', "__");
    let free = (0..)
        .map(|n| folder.join(if n == 0 { flat.clone() } else { format!("{flat}.{n}") }))
        .find(|to| !to.exists());
    let to = free.unwrap_or_else(|| folder.join(&flat));
    fs::rename(path, &to)?;
    atomic::sync_folder(&folder)?;
    atomic::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    Ok(to)
}
