//! Open files that have the name of older versions.

use std::path::Path;

use crate::store::file::Opened;
use crate::store::recover::files::Recovery;
use crate::store::{FindingKind, Part, Period, StoreError};

impl Recovery<'_> {
    /// Gives the open file of a period its name, where it has that of older versions; returns whether it has it now. Of
    /// two the newer one stands. What is not ours is left alone: nothing is written to that path any more.
    pub(super) fn rename_older(&mut self, period: &Period) -> Result<bool, StoreError> {
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
}
