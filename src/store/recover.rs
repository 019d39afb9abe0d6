//! Recovery: making a series' ledger and its files agree again, whatever happened to either.
//!
//! Files are only moved aside, never deleted, but for our own temporary ones. Every step can be cut
//! short and done again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::is_aside;
use crate::model::{Micros, Window};
use crate::store::file::{Opened, PeriodFile};
use crate::store::fold::Flush;
use crate::store::ledger::Read;
use crate::store::place::Place;
use crate::store::{FileEntry, Ledger, Part, Period, StoreError};

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
    /// An open file whose rows are all in the file beside it, now empty: a fold cut short.
    Emptied,
    /// A temporary file of a process that died.
    Swept,
    /// A stretch of the journal that is no frame; its bytes lie in quarantine.
    Torn,
}

/// A series' account as it is on disk now.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) ledger: Ledger,
    pub(crate) findings: Vec<Finding>,
}

/// Reads the ledger of a series and makes it agree with the folder.
///
/// # Errors
/// [`StoreError::Foreign`] where a file that is not ours lies at a path this series would write, or a
/// refusal of the operating system.
pub(crate) fn recover(place: &Place) -> Result<Recovered, StoreError> {
    let mut recovery = Recovery { place, out: Recovered::default() };
    recovery.read_ledger()?;
    let present = recovery.list()?;
    recovery.drop_missing(&present);
    for (period, part) in &present {
        recovery.check(period, *part)?;
    }
    recovery.empty_dead()?;
    Ok(recovery.out)
}

struct Recovery<'a> {
    place: &'a Place,
    out: Recovered,
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
        let mut present = BTreeSet::new();
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
            } else if let Some((period, part)) = Part::of_name(&name) {
                let period = Period::named(self.place.series.kind(), period);
                present.extend(period.map(|period| (period, part)));
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

    fn check(&mut self, period: &Period, part: Part) -> Result<(), StoreError> {
        let path = self.place.path(&period.name, part);
        let known = self.out.ledger.part(part).get(&period.name).cloned();
        let found = self.place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
        let Some(found) = found else { return Ok(()) };
        // One that was dropped here and is back all the same is hashed like any other that changed.
        let is_as_published = |entry: &FileEntry| {
            entry.bytes == found.bytes && entry.modified == found.modified && !entry.remote_only
        };
        if known.as_ref().is_some_and(is_as_published) {
            return Ok(());
        }
        let file = match self.place.look_into(&path)? {
            // As long as the one published there: it is that one, and what says so in its footer is damaged.
            Opened::Foreign if known.as_ref().is_some_and(|entry| entry.bytes == found.bytes) => {
                return self.lose(period, part, "our entry in its footer cannot be found".to_owned());
            }
            Opened::Foreign => return Err(StoreError::Foreign { path }),
            Opened::Damaged(reason) => return self.lose(period, part, reason),
            Opened::Ours(file) => file,
        };
        let hashes = file.hashes()?;
        let footer = file.footer();
        if let Some(entry) = known.as_ref().filter(|entry| entry.sha256 == hashes.whole) {
            let entry = FileEntry { modified: found.modified, remote_only: false, ..entry.clone() };
            self.out.ledger.part_mut(part).insert(period.name.clone(), entry);
            return Ok(());
        }
        if hashes.body != footer.body_sha256 {
            return self.lose(period, part, "its content is not what its digest says".to_owned());
        }
        let is_open = footer.beside.is_some();
        if footer.series != self.place.series.to_string()
            || footer.period != period.name
            || is_open != (part == Part::Open)
        {
            let reason = format!("it is a file of {}, period {}", footer.series, footer.period);
            return self.lose(period, part, reason);
        }
        let file_generation = self.out.ledger.files.get(&period.name).map_or(0, |file| file.generation);
        let is_dead = part == Part::Open && footer.generation <= file_generation;
        if !is_dead && known.as_ref().is_some_and(|entry| entry.generation >= footer.generation) {
            let reason = "it is an older file than the one that was published".to_owned();
            return self.lose(period, part, reason);
        }
        let entry = FileEntry {
            rows: footer.rows,
            bytes: hashes.bytes,
            sha256: hashes.whole,
            generation: footer.generation,
            modified: found.modified,
            journal: footer.journal,
            ..FileEntry::default()
        };
        self.adopt(period, part, &file, entry)
    }

    /// Takes over a whole file that was published and not yet entered.
    fn adopt(
        &mut self,
        period: &Period,
        part: Part,
        file: &PeriodFile,
        entry: FileEntry,
    ) -> Result<(), StoreError> {
        let (first, last) = ends_of(file)?.unwrap_or_default();
        let ledger = &mut self.out.ledger;
        let beside = ledger.files.get(&period.name).map_or(0, |entry| entry.generation);
        let generation = entry.generation;
        ledger
            .part_mut(part)
            .insert(period.name.clone(), FileEntry { first: first.0, last: last.0, ..entry });
        ledger.generation = ledger.generation.max(generation);
        // An open file speaks for its period only together with the file it was written beside.
        if part == Part::File || file.footer().beside == Some(beside) {
            file.footer().windows().iter().for_each(|window| ledger.cover(window));
        }
        // A ledger that was lost knows at least that these rows were wanted.
        if file.footer().rows > 0 {
            let since = file.footer().windows().first().map_or(first, |window| window.from);
            ledger.wanted_since = Some(ledger.wanted_since.map_or(since, |own| own.min(since)));
        }
        self.found(FindingKind::Adopted, file.path().to_owned(), "whole, and newer than the ledger");
        Ok(())
    }

    /// An open file that is not newer than the file beside it is dead: a fold was cut short after its first step.
    fn empty_dead(&mut self) -> Result<(), StoreError> {
        let ledger = &self.out.ledger;
        let is_dead = |(name, open): &(&String, &FileEntry)| {
            ledger.files.get(*name).is_some_and(|file| open.generation <= file.generation)
        };
        let dead: Vec<String> =
            ledger.open_files.iter().filter(is_dead).map(|(name, _)| name.clone()).collect();
        for name in dead {
            let Some(period) = Period::named(self.place.series.kind(), &name) else { continue };
            let ledger = &self.out.ledger;
            let flush = Flush {
                place: self.place,
                period: &period,
                generation: ledger.generation,
                covered: &ledger.covered,
                journal: None,
                small_rows: 0,
            };
            let beside = ledger.files.get(&name).map_or(0, |file| file.generation);
            let emptied = flush.empty_open(1, beside)?;
            self.out.ledger.enter(&emptied);
            let path = self.place.path(&name, Part::Open);
            self.found(
                FindingKind::Emptied,
                path,
                "its rows are in the file beside it: a fold was cut short",
            );
        }
        Ok(())
    }

    /// A damaged file goes aside and what it covered becomes a gap.
    fn lose(&mut self, period: &Period, part: Part, reason: String) -> Result<(), StoreError> {
        self.set_aside(&self.place.path(&period.name, part), reason)?;
        self.out.ledger.drop_file(period, part, "its file was damaged and set aside");
        Ok(())
    }

    fn set_aside(&mut self, path: &Path, reason: String) -> Result<(), StoreError> {
        let aside = self.place.set_aside(path)?;
        let detail = format!("{reason}; set aside as {}", aside.display());
        self.found(FindingKind::Quarantined, path.to_owned(), &detail);
        Ok(())
    }

    fn found(&mut self, kind: FindingKind, path: PathBuf, detail: &str) {
        self.out.findings.push(Finding { kind, path, detail: detail.to_owned() });
    }
}

/// `ts` of the oldest and of the newest row.
fn ends_of(file: &PeriodFile) -> Result<Option<(Micros, Micros)>, StoreError> {
    let mut ends: Option<(Micros, Micros)> = None;
    for index in 0..file.groups() {
        let rows = file.group(index)?;
        if let (Some(first), Some(last)) = (rows.ts().iter().min(), rows.ts().iter().max()) {
            let (oldest, newest) = ends.unwrap_or((Micros(*first), Micros(*last)));
            ends = Some((oldest.min(Micros(*first)), newest.max(Micros(*last))));
        }
    }
    Ok(ends)
}

impl Ledger {
    pub(crate) fn part(&self, part: Part) -> &BTreeMap<String, FileEntry> {
        match part {
            Part::File => &self.files,
            Part::Open => &self.open_files,
        }
    }

    pub(crate) fn part_mut(&mut self, part: Part) -> &mut BTreeMap<String, FileEntry> {
        match part {
            Part::File => &mut self.files,
            Part::Open => &mut self.open_files,
        }
    }

    /// Forgets a file that is no longer there, and the windows its rows stood for: all of the period for its
    /// file, for an open one everything from the last row of the file beside it on. One that a remote holds is on
    /// remotes only from now on, and stays covered.
    pub(crate) fn drop_file(&mut self, period: &Period, part: Part, reason: &str) {
        let known = self.part_mut(part).get_mut(&period.name);
        if let Some(entry) = known.filter(|entry| !entry.remotes.is_empty()) {
            entry.remote_only = true;
            return;
        }
        let dropped = self.part_mut(part).remove(&period.name);
        let beside = self.files.get(&period.name).filter(|_| part == Part::Open);
        let from = beside.map_or(period.window.from, |file| Micros(file.last));
        let is_empty = part == Part::Open && dropped.is_some_and(|open| open.rows == 0);
        if !is_empty {
            Window::new(from, period.window.until).into_iter().for_each(|lost| self.forget(lost, reason));
        }
    }
}
