//! Recovery: making a series' ledger and its files agree again, whatever happened to either.
//!
//! Files are only moved aside, never deleted, but for our own temporary ones. Every step can be cut
//! short and done again.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::is_aside;
use crate::model::Kind;
use crate::store::file::{Opened, PeriodFile};
use crate::store::ledger::Read;
use crate::store::series_folder::SeriesFolder;
use crate::store::{Finding, FindingKind, Ledger, Part, Period, StoreError};

/// A series' account as it is on disk now.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) ledger: Ledger,
    pub(crate) findings: Vec<Finding>,
    /// The ledger is to be written, whether or not anything was found.
    pub(crate) is_changed: bool,
}

/// Reads the ledger of a series and makes it agree with the folder.
///
/// # Errors
/// [`StoreError::Foreign`] where a file that is not ours lies at a path this series would write, or a
/// refusal of the operating system.
pub(crate) fn recover(place: &SeriesFolder) -> Result<Recovered, StoreError> {
    let mut recovery = Recovery { place, out: Recovered::default(), adopted: BTreeSet::new() };
    recovery.read_ledger()?;
    let knows_ord = recovery.out.ledger.last_ord.is_some();
    let present = recovery.list()?;
    recovery.drop_missing(&present);
    for (period, part) in &present {
        recovery.check(period, *part)?;
    }
    recovery.finish_changes()?;
    if place.series.kind() == Kind::OrderBook && !knows_ord {
        recovery.find_last_ord()?;
    }
    recovery.out.is_changed |= recovery.out.ledger.leave_older_names();
    Ok(recovery.out)
}

/// The files and the ledger of a series while they are compared.
pub(super) struct Recovery<'a> {
    pub(super) place: &'a SeriesFolder,
    pub(super) out: Recovered,
    /// Periods of which a file was taken over.
    pub(super) adopted: BTreeSet<String>,
}

impl Recovery<'_> {
    fn read_ledger(&mut self) -> Result<(), StoreError> {
        let path = self.place.ledger();
        match Ledger::look(&*self.place.disk, &path, &self.place.series)? {
            Read::Ledger(ledger) => self.out.ledger = *ledger,
            Read::Absent => {}
            Read::Damaged(reason) => self.set_aside(&path, reason)?,
        }
        Ok(())
    }

    /// The files of periods, each period's own before its open one; temporary files of the dead are swept on the way.
    fn list(&mut self) -> Result<BTreeSet<(Period, Part)>, StoreError> {
        let (disk, folder) = (&self.place.disk, &self.place.folder);
        let (mut present, mut older) = (BTreeSet::new(), Vec::new());
        let kind = self.place.series.kind();
        let names = match disk.list(folder) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(present),
            Err(error) => return Err(StoreError::io("listing", folder)(error)),
        };
        for name in names {
            if is_aside(&name) {
                let path = folder.join(&name);
                disk.remove(&path).map_err(StoreError::io("removing", &path))?;
                self.found(FindingKind::Swept, path, "a temporary file of a process that ended");
            } else if let Some(period) = Part::of_older_name(&name, kind) {
                older.push(period);
            } else {
                present.extend(Part::of(&name, kind));
            }
        }
        for period in older {
            if self.rename_older(&period)? {
                present.insert((period, Part::Open));
            }
        }
        Ok(present)
    }

    fn drop_missing(&mut self, present: &BTreeSet<(Period, Part)>) {
        let is_there =
            |name: &str, part| present.iter().any(|(period, own)| period.name == name && *own == part);
        let ledger = &self.out.ledger;
        let here = |part: Part| ledger.part(part).iter().filter(|(_, entry)| !entry.remote_only);
        let named = |part: Part| here(part).map(move |(name, _)| (name.clone(), part));
        let gone: Vec<_> = named(Part::File)
            .chain(named(Part::Open))
            .filter(|(name, part)| !is_there(name, *part))
            .collect();
        for (name, part) in gone {
            let path = self.place.path(&name, part);
            match Period::named(self.place.series.kind(), &name) {
                Some(period) => self.out.ledger.drop_file(&period, part, "its file was deleted"),
                None => {
                    self.out.ledger.part_mut(part).remove(&name);
                }
            }
            let is_held = self.out.ledger.part(part).contains_key(&name);
            let detail = match is_held {
                true => "deleted since it was published; it is on remotes only now",
                false => "deleted since it was published; its windows are gaps now",
            };
            self.found(FindingKind::Missing, path, detail);
        }
    }

    /// A file the ledger knows, whose digest is right; one that is damaged is set aside.
    pub(super) fn whole(
        &mut self,
        period: &Period,
        part: Part,
    ) -> Result<Option<Box<PeriodFile>>, StoreError> {
        let Some(file) = self.readable(period, part)? else { return Ok(None) };
        if file.hashes()?.body == file.footer().body_sha256 {
            return Ok(Some(file));
        }
        self.lose(period, part, "its content is not what its digest says".to_owned())?;
        Ok(None)
    }

    /// A file the ledger knows; one whose footer cannot be read is set aside.
    fn readable(&mut self, period: &Period, part: Part) -> Result<Option<Box<PeriodFile>>, StoreError> {
        let reason = match self.place.look_into(&self.place.path(&period.name, part))? {
            Opened::Ours(file) => return Ok(Some(file)),
            Opened::Foreign => "our entry in its footer cannot be found".to_owned(),
            Opened::Damaged(reason) => reason,
        };
        self.lose(period, part, reason)?;
        Ok(None)
    }

    /// The ledger of a book that was written before ledgers knew the number of the last update learns it from the files.
    fn find_last_ord(&mut self) -> Result<(), StoreError> {
        let here = [Part::File, Part::Open].map(|part| {
            let names = self.out.ledger.entries_of(part).map(|(name, _)| name.clone());
            names.map(|name| (name, part)).collect::<Vec<_>>()
        });
        let mut last = None;
        for (name, part) in here.into_iter().flatten() {
            let Some(period) = Period::named(self.place.series.kind(), &name) else { continue };
            last = last.max(self.readable(&period, part)?.and_then(|file| file.last_ord()));
        }
        // Files that are on remotes only were numbered by the newest file alone, so they may be one ahead of it.
        let is_away = self.out.ledger.remote_only().next().is_some();
        self.out.ledger.saw_ord(last.map(|last| last + i64::from(is_away)));
        self.out.is_changed |= last.is_some();
        Ok(())
    }

    /// A damaged file goes aside and what it covered becomes a gap.
    pub(super) fn lose(&mut self, period: &Period, part: Part, reason: String) -> Result<(), StoreError> {
        self.set_aside(&self.place.path(&period.name, part), reason)?;
        self.out.ledger.drop_file(period, part, "its file was damaged and set aside");
        Ok(())
    }

    pub(super) fn set_aside(&mut self, path: &Path, reason: String) -> Result<(), StoreError> {
        let aside = self.place.set_aside(path)?;
        let detail = format!("{reason}; set aside as {}", aside.display());
        self.found(FindingKind::Quarantined, path.to_owned(), &detail);
        Ok(())
    }

    pub(super) fn found(&mut self, kind: FindingKind, path: PathBuf, detail: &str) {
        self.out.findings.push(Finding { kind, path, detail: detail.to_owned() });
    }
}
