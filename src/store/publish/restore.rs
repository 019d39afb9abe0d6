//! Files that come back from where only copies are, before they are written.

use std::path::PathBuf;

use crate::disk::aside;
use crate::store::accept::Written;
use crate::store::file::{Opened, PeriodFile};
use crate::store::{FileEntry, Ledger, NotRestored, Part, Period, StoreError, Writer};

/// A file of a period that came from elsewhere.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Which of the period's files it is.
    pub part: Part,
    /// The file it must be, by its hash.
    pub entry: FileEntry,
    /// Where it lies, durable, on the disk of the data path.
    pub path: PathBuf,
}

impl Writer {
    /// Brings a file back that is on remotes only.
    pub(super) fn restore(&self, period: &Period, part: Part, files: &Written) -> Result<(), StoreError> {
        let entry = self.ledger().part(part).get(&period.name).cloned();
        let Some(entry) = entry.filter(|entry| entry.remote_only) else { return Ok(()) };
        self.own.place.create_folder()?;
        let path = aside(&self.own.place.path(&period.name, part));
        let later = || Err(NotRestored::Later("no remote is configured".to_owned()));
        let name = part.file_name(&period.name);
        let restore = self.shared.restore.get();
        let restored = restore.map_or_else(later, |own| own.restore(self.series(), &name, &entry, &path));
        let reason = match restored {
            Ok(()) => {
                let file = Incoming { part, entry, path };
                let verified = self.verified(period, &file).inspect_err(|_| {
                    let _ = self.own.place.disk.remove(&file.path);
                })?;
                return self.enter(period, &file, &verified);
            }
            Err(NotRestored::Later(reason)) => reason,
            Err(NotRestored::Gone(reason)) => {
                self.own.intake().account(|ledger| {
                    ledger.part_mut(part).entry(period.name.clone()).or_default().remotes.clear();
                    ledger.drop_file(period, part, "its copies on the remotes are gone");
                });
                self.own.write_ledger(files)?;
                format!("{reason}; its windows are gaps now")
            }
        };
        let _ = self.own.place.disk.remove(&path);
        Err(self.remote_only(period, part, reason))
    }

    /// Where a file of a period may be written before it is [restored](Writer::restore_period): a path that nothing else
    /// writes to.
    ///
    /// # Errors
    /// Where the folder of the series cannot be created.
    pub fn aside(&self, period: &Period, part: Part) -> Result<PathBuf, StoreError> {
        self.own.place.create_folder()?;
        let (name, number) = (part.file_name(&period.name), self.shared.next_aside());
        Ok(aside(&self.own.place.folder.join(format!("{name}.{number}"))))
    }

    /// Gives files of a period that came from elsewhere their names, if each is the one its entry describes and none
    /// took its place meanwhile; then changes the ledger, which the next flush writes.
    ///
    /// # Errors
    /// [`StoreError::RemoteOnly`] where that is not so, or a refusal of the operating system. The files that came are
    /// removed then.
    pub fn restore_period(
        &self,
        period: &Period,
        incoming: &[Incoming],
        account: impl FnOnce(&mut Ledger),
    ) -> Result<(), StoreError> {
        let _files = self.own.files();
        let verified = self.may_come(period, incoming).and_then(|()| {
            let verified = incoming.iter().map(|file| self.verified(period, file));
            verified.collect::<Result<Vec<_>, _>>()
        });
        let entered = verified.and_then(|verified| {
            let mut both = incoming.iter().zip(&verified);
            both.try_for_each(|(file, verified)| self.enter(period, file, verified))
        });
        match entered {
            Ok(()) => self.own.intake().account(account),
            Err(error) => {
                incoming.iter().for_each(|file| drop(self.own.place.disk.remove(&file.path)));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether files may take their names: what is here of a period keeps its own.
    fn may_come(&self, period: &Period, incoming: &[Incoming]) -> Result<(), StoreError> {
        let ledger = self.ledger();
        let known = |part: Part| ledger.part(part).get(&period.name);
        let is_as_known = |file: &Incoming| {
            known(file.part).is_some_and(|own| own.remote_only && own.sha256 == file.entry.sha256)
        };
        let is_unknown = known(Part::File).or(known(Part::Open)).is_none();
        let refused = incoming.iter().find(|file| !is_unknown && !is_as_known(file));
        refused.map_or(Ok(()), |file| {
            let reason = "the period was written meanwhile".to_owned();
            Err(self.remote_only(period, file.part, reason))
        })
    }

    /// A file that came, where it is the one its entry describes.
    fn verified(&self, period: &Period, file: &Incoming) -> Result<Box<PeriodFile>, StoreError> {
        match self.own.place.look_into(&file.path)? {
            Opened::Ours(came) if came.hashes()?.whole == file.entry.sha256 => Ok(came),
            Opened::Ours(_) | Opened::Foreign | Opened::Damaged(_) => {
                let reason = "what came is not what the ledger's hash says".to_owned();
                Err(self.remote_only(period, file.part, reason))
            }
        }
    }

    fn enter(&self, period: &Period, file: &Incoming, verified: &PeriodFile) -> Result<(), StoreError> {
        let (part, place) = (file.part, &self.own.place);
        let path = place.path(&period.name, part);
        place.disk.take_name(&file.path, &path).map_err(StoreError::io("renaming", &path))?;
        let found = place.disk.look(&path).map_err(StoreError::io("looking at", &path))?;
        let modified = found.map_or(0, |found| found.modified);
        let entry = FileEntry { modified, remote_only: false, ..file.entry.clone() };
        self.own.intake().account(|ledger| {
            ledger.generation = ledger.generation.max(entry.generation);
            ledger.saw_ord(verified.last_ord());
            ledger.part_mut(part).insert(period.name.clone(), entry);
            if part == Part::Open {
                ledger.copy_open_anew(&period.name);
            }
        });
        Ok(())
    }

    fn remote_only(&self, period: &Period, part: Part, reason: String) -> StoreError {
        let path = self.own.place.path(&period.name, part);
        StoreError::RemoteOnly { series: self.series().to_string(), path, reason }
    }
}
