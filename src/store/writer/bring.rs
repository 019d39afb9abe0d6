//! Files that come back from where only copies are, before they are written.

use std::path::{Path, PathBuf};

use super::Writer;
use crate::disk::aside;
use crate::store::file::Opened;
use crate::store::{FileEntry, NotBrought, Part, Period, StoreError};

impl Writer {
    /// Brings a file back that is on remotes only.
    pub(super) fn bring(&mut self, period: &Period, part: Part) -> Result<(), StoreError> {
        let entry = self.ledger.part(part).get(&period.name);
        let Some(entry) = entry.filter(|entry| entry.remote_only).cloned() else { return Ok(()) };
        let to = self.aside(period, part)?;
        let later = || Err(NotBrought::Later("no remote is configured".to_owned()));
        let name = part.file_name(&period.name);
        let brought = self
            .shared
            .bring()
            .map_or_else(later, |bring| bring.bring(&self.place.series, &name, &entry, &to));
        let reason = match brought {
            Ok(()) => return self.take_in(period, part, entry, &to),
            Err(NotBrought::Later(reason)) => reason,
            Err(NotBrought::Gone(reason)) => {
                self.ledger.part_mut(part).entry(period.name.clone()).or_default().remotes.clear();
                self.ledger.drop_file(period, part, "its copies on the remotes are gone");
                self.write_ledger()?;
                format!("{reason}; its windows are gaps now")
            }
        };
        let _ = self.place.disk.remove(&to);
        Err(self.remote_only(period, part, reason))
    }

    /// Where a file of a period is written before it takes its name.
    ///
    /// # Errors
    /// Where the folder of the series cannot be created.
    pub fn aside(&self, period: &Period, part: Part) -> Result<PathBuf, StoreError> {
        self.place.create_folder()?;
        Ok(aside(&self.place.path(&period.name, part)))
    }

    /// Takes in a file from elsewhere that lies at `from`, if it is the one its entry speaks of; the ledger is
    /// written by the next flush.
    ///
    /// # Errors
    /// [`StoreError::RemoteOnly`] where it is another one, which is removed, or a refusal of the operating system.
    pub fn take_in(
        &mut self,
        period: &Period,
        part: Part,
        entry: FileEntry,
        from: &Path,
    ) -> Result<(), StoreError> {
        let came = match self.place.look_into(from)? {
            Opened::Ours(file) if file.hashes()?.whole == entry.sha256 => Some(file),
            Opened::Ours(_) | Opened::Foreign | Opened::Damaged(_) => None,
        };
        let Some(file) = came else {
            let _ = self.place.disk.remove(from);
            let reason = "what came is not what the ledger's hash says".to_owned();
            return Err(self.remote_only(period, part, reason));
        };
        let path = self.place.path(&period.name, part);
        self.place.disk.take_name(from, &path).map_err(StoreError::io("renaming", &path))?;
        let found = self.place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
        let modified = found.map_or(0, |found| found.modified);
        self.ledger.generation = self.ledger.generation.max(entry.generation);
        self.ledger.saw_ord(file.last_ord());
        let entry = FileEntry { modified, remote_only: false, ..entry };
        self.ledger.part_mut(part).insert(period.name.clone(), entry);
        if part == Part::Open {
            self.ledger.copy_open_anew(&period.name);
        }
        self.unwritten = true;
        Ok(())
    }

    pub(super) fn remote_only(&self, period: &Period, part: Part, reason: String) -> StoreError {
        let path = self.place.path(&period.name, part);
        StoreError::RemoteOnly { series: self.place.series.to_string(), path, reason }
    }
}
