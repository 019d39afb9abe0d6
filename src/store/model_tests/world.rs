//! The files and names of the modelled disk, as they are now and as a power cut would leave them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Dice;
use super::contents::{Contents, Snapshot};
use super::guard::{Guard, guard_of};
use super::names::{Change, Entry, Names, apply};
use crate::disk::{Reading, folder_of};

/// A fault of an operation to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It and everything after it fails: the process is dead.
    Death,
    /// As that, at the operation that follows the next open file to take its name: amid a fold, where it is one.
    DeathAtOpenFile,
    /// The next open file is refused its name: in a fold, the file beside it has its own by then.
    RefusalOfOpenFile,
    /// It fails like this, and so do as many after it.
    Refusal(io::ErrorKind, u32),
}

/// Something that happens amid what the process does, between two operations of the disk.
pub(super) struct Amid {
    /// Not before this operation.
    pub(super) at: u64,
    /// Returns after how many operations it is to happen again, if it is.
    pub(super) act: Box<dyn FnMut() -> Option<u64> + Send>,
}

pub(super) struct World {
    pub(super) files: Vec<Contents>,
    pub(super) now: Names,
    pub(super) durable: Names,
    /// Changes of names that are not synced, by folder, oldest first.
    pub(super) pending: Vec<(PathBuf, Change)>,
    pub(super) operations: u64,
    pub(super) fault: Option<(u64, Fault)>,
    pub(super) dead: bool,
    pub(super) without: Option<Guard>,
    /// A rename held back where two take their names in the wrong order.
    pub(super) held_back: Option<(PathBuf, PathBuf)>,
    /// The operation at which it happens after all.
    pub(super) release_at: u64,
    pub(super) amid: Option<Amid>,
    /// The files of periods as they took their names, one after the other, since the lookout began.
    pub(super) seen: Vec<(PathBuf, Option<Entry>)>,
    pub(super) dice: Dice,
}

impl World {
    pub(super) fn new(seed: u64, without: Option<Guard>) -> Self {
        let names = Names::from([(PathBuf::from("/"), Entry::Folder)]);
        World {
            files: Vec::new(),
            now: names.clone(),
            durable: names,
            pending: Vec::new(),
            operations: 0,
            fault: None,
            dead: false,
            without,
            held_back: None,
            release_at: u64::MAX,
            amid: None,
            seen: Vec::new(),
            dice: Dice::new(seed),
        }
    }

    /// The power went: what was not synced survives in part.
    pub(super) fn cut_power(&mut self) {
        (self.dead, self.fault, self.held_back) = (false, None, None);
        for (_, change) in std::mem::take(&mut self.pending) {
            if self.dice.below(2) == 0 {
                apply(&mut self.durable, &change);
            }
        }
        let orphans = |names: &Names| -> Vec<PathBuf> {
            let is_lost = |path: &&PathBuf| {
                path.ancestors().skip(1).any(|above| names.get(above) != Some(&Entry::Folder))
            };
            names.keys().filter(is_lost).cloned().collect()
        };
        for path in orphans(&self.durable) {
            self.durable.remove(&path);
        }
        self.now = self.durable.clone();
        let World { files, dice, .. } = self;
        files.iter_mut().for_each(|file| file.cut(dice));
    }

    /// Makes the names of a folder durable, unless that is what is left out.
    pub(super) fn sync_names(&mut self, folder: &Path) {
        let without = self.without;
        let (mut kept, mut applied) = (Vec::new(), Vec::new());
        for (at, change) in std::mem::take(&mut self.pending) {
            if at != folder {
                kept.push((at, change));
            } else if without.is_some() && guard_of(&change) == without {
                // Never asked for, so it stays in doubt.
                kept.push((at, change));
            } else {
                applied.push(change);
            }
        }
        applied.iter().for_each(|change| apply(&mut self.durable, change));
        self.pending = kept;
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let Some(Entry::File(file)) = self.now.remove(from) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        self.now.insert(to.to_owned(), Entry::File(file));
        self.pending.push((folder_of(to).to_owned(), Change::Rename(from.to_owned(), to.to_owned(), file)));
        Ok(())
    }

    /// A fold in the wrong order ends here: the file takes its name after all.
    pub(super) fn release(&mut self) {
        let is_time = self.operations >= self.release_at;
        if let Some((from, to)) = self.held_back.take_if(|_| is_time) {
            self.release_at = u64::MAX;
            let _ = self.rename(&from, &to);
        }
    }

    pub(super) fn content(&self, file: usize) -> Arc<dyn Reading> {
        Arc::new(Snapshot(self.files[file].bytes.clone()))
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<usize> {
        match self.now.get(path) {
            Some(Entry::File(file)) => Ok(*file),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}
