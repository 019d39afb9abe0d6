//! Judging one file of a period by its bytes, its footer and its entry in the ledger.

use crate::model::Micros;
use crate::store::file::{Opened, PeriodFile};
use crate::store::recover::files::Recovery;
use crate::store::{FileEntry, FindingKind, Part, Period, StoreError};

impl Recovery<'_> {
    pub(super) fn check(&mut self, period: &Period, part: Part) -> Result<(), StoreError> {
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
        } else if let Some(open) = ledger.open_files.get_mut(&period.name) {
            open.journal = None;
        }
        // A ledger that was lost knows at least that these rows were wanted.
        if file.footer().rows > 0 {
            let since = file.footer().windows().first().map_or(first, |window| window.from);
            ledger.wanted_since = Some(ledger.wanted_since.map_or(since, |own| own.min(since)));
        }
        self.found(FindingKind::Adopted, file.path().to_owned(), "whole, and newer than the ledger");
        Ok(())
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
