//! Recovery: making a series' ledger and its files agree again, whatever happened to either.
//!
//! Files are only moved aside, never deleted, but for our own temporary ones. Every step can be cut
//! short and done again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::is_aside;
use crate::model::{Kind, Micros, Window};
use crate::store::file::{Opened, PeriodFile};
use crate::store::fold::{Flush, Held};
use crate::store::ledger::Read;
use crate::store::place::Place;
use crate::store::{FileEntry, Ledger, Mark, Part, Period, StoreError};

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
    /// A change of both files of a period that was cut short after its first step, now brought to its end.
    Emptied,
    /// An open file that had the name of older versions, and has its own now.
    Renamed,
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
    /// The ledger is to be written, whether or not anything was found.
    pub(crate) is_changed: bool,
}

/// Reads the ledger of a series and makes it agree with the folder.
///
/// # Errors
/// [`StoreError::Foreign`] where a file that is not ours lies at a path this series would write, or a
/// refusal of the operating system.
pub(crate) fn recover(place: &Place) -> Result<Recovered, StoreError> {
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

struct Recovery<'a> {
    place: &'a Place,
    out: Recovered,
    /// Periods of which a file was taken over.
    adopted: BTreeSet<String>,
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

    /// Gives the open file of a period its name, where it has that of older versions; gives whether it has it now. Of
    /// two the newer one stands. What is not ours is left alone: nothing is written to that path any more.
    fn rename_older(&mut self, period: &Period) -> Result<bool, StoreError> {
        let (from, to) = (self.place.older_path(&period.name), self.place.path(&period.name, Part::Open));
        let look = |path: &Path| self.place.disk.look(path).map_err(StoreError::io("looking at", path));
        let bytes = look(&from)?.map(|found| found.bytes);
        let is_taken = look(&to)?.is_some();
        let opened = self.place.look_into(&from)?;
        let known = self.out.ledger.open_files.get(&period.name).filter(|entry| !entry.remote_only);
        match opened {
            Opened::Ours(older) if is_taken => {
                let is_newer = match self.place.look_into(&to)? {
                    Opened::Ours(own) => own.footer().generation < older.footer().generation,
                    Opened::Foreign => return Err(StoreError::Foreign { path: to }),
                    Opened::Damaged(_) => true,
                };
                let lesser = if is_newer { &to } else { &from };
                self.set_aside(lesser, "another open file of its period is newer".to_owned())?;
                if !is_newer {
                    return Ok(true);
                }
            }
            Opened::Ours(_) => {}
            // As long as the one published there: it is that one, and is judged under its name.
            Opened::Foreign | Opened::Damaged(_)
                if !is_taken && known.is_some_and(|entry| Some(entry.bytes) == bytes) => {}
            Opened::Foreign => return Ok(is_taken),
            Opened::Damaged(reason) => {
                self.set_aside(&from, reason)?;
                return Ok(is_taken);
            }
        }
        self.place.disk.take_name(&from, &to).map_err(StoreError::io("renaming", &from))?;
        self.found(FindingKind::Renamed, to, "it had the name of older versions");
        Ok(true)
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
            if part == Part::Open {
                self.out.ledger.copy_open_anew(&period.name);
            }
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
        self.adopted.insert(period.name.clone());
        let ledger = &mut self.out.ledger;
        ledger.saw_ord(file.last_ord());
        let beside = ledger.files.get(&period.name).map_or(0, |entry| entry.generation);
        let generation = entry.generation;
        ledger
            .part_mut(part)
            .insert(period.name.clone(), FileEntry { first: first.0, last: last.0, ..entry });
        ledger.generation = ledger.generation.max(generation);
        // An open file speaks for its period only together with the file it was written beside, or out of.
        let is_with = [file.footer().beside, file.footer().out_of].contains(&Some(beside));
        if part == Part::File || is_with {
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

    /// Brings every change of both files that was cut short after its first step to its end.
    fn finish_changes(&mut self) -> Result<(), StoreError> {
        let ledger = &self.out.ledger;
        let may_be_cut = |name: &String, open: &FileEntry, file: &FileEntry| {
            let is_here = !open.remote_only && !file.remote_only;
            is_here && (open.generation <= file.generation || self.adopted.contains(name))
        };
        let both =
            ledger.open_files.iter().filter_map(|(name, open)| Some((name, open, ledger.files.get(name)?)));
        let cut = both.filter(|(name, open, file)| may_be_cut(name, open, file));
        let cut: Vec<String> = cut.map(|(name, ..)| name.clone()).collect();
        for name in cut {
            let Some(period) = Period::named(self.place.series.kind(), &name) else { continue };
            let (file, open) = (self.whole(&period, Part::File)?, self.whole(&period, Part::Open)?);
            let (Some(file), Some(open)) = (file, open) else { continue };
            let (place, ledger) = (self.place, &self.out.ledger);
            let held = Held::of(Some(file), Some(open));
            let journal = ledger.mark_of(&name);
            let flush = Flush {
                place,
                period: &period,
                generation: ledger.generation.max(held.generation()),
                covered: &ledger.covered,
                journal,
                held: journal,
                small_rows: 0,
            };
            let finished = held.finish(&flush)?;
            if finished.files.is_empty() {
                continue;
            }
            finished.files.iter().for_each(|file| self.out.ledger.enter(file));
            let path = self.place.path(&name, Part::Open);
            self.found(
                FindingKind::Emptied,
                path,
                "rows were in the file beside it too: a fold was cut short",
            );
        }
        Ok(())
    }

    /// A file the ledger knows, whose digest is right; one that is damaged is set aside.
    fn whole(&mut self, period: &Period, part: Part) -> Result<Option<Box<PeriodFile>>, StoreError> {
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
        // What is on remotes only was numbered by the newest file alone, so it may be one ahead of that.
        let is_away = self.out.ledger.remote_only().next().is_some();
        self.out.ledger.saw_ord(last.map(|last| last + i64::from(is_away)));
        self.out.is_changed |= last.is_some();
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
    /// What the files of a period hold of the journal.
    pub(crate) fn mark_of(&self, period: &str) -> Option<Mark> {
        let mark = |part| self.part(part).get(period)?.journal;
        mark(Part::Open).or_else(|| mark(Part::File))
    }

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
