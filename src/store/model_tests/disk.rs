//! A disk in memory that keeps, at a power cut, what was synced and any part of the rest.
//!
//! Blocks of a file and names of a folder that were not synced may each survive or not. A failed sync forgets:
//! the blocks it should have written count as clean from then on, and are lost at a power cut.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::Dice;
use super::contents::{Contents, Snapshot};
use super::guard::{Guard, aside_of_other, guard_of_content};
use super::names::{Change, Entry};
use super::world::{Amid, Fault, World};
use crate::disk::{Disk, Found, Reading, Writing, folder_of, is_aside};

#[derive(Clone)]
pub(super) struct ModelDisk(Arc<Mutex<World>>);

impl fmt::Debug for ModelDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelDisk")
    }
}

impl ModelDisk {
    pub(super) fn new(seed: u64, without: Option<Guard>) -> Self {
        ModelDisk(Arc::new(Mutex::new(World::new(seed, without))))
    }

    /// A file has another name, as if it always had.
    pub(super) fn rename_durably(&self, from: &Path, to: &Path) {
        let mut world = self.world();
        let World { now, durable, .. } = &mut *world;
        for names in [now, durable] {
            if let Some(entry) = names.remove(from) {
                names.insert(to.to_owned(), entry);
            }
        }
    }

    /// A file has another content, as if it always had.
    pub(super) fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut world = self.world();
        if let Ok(file) = world.file(path) {
            let file = &mut world.files[file];
            (file.synced, file.bytes) = (bytes.len(), bytes);
        }
    }

    /// One byte of the journal is another, as if it had always been; says whether there is any.
    pub(super) fn damage_journal(&self, dice: &mut Dice) -> bool {
        let mut world = self.world();
        let segments = world.now.iter().filter_map(|(path, entry)| match entry {
            Entry::File(file) if guard_of_content(path) == Some(Guard::Frames) => Some(*file),
            _ => None,
        });
        let segments: Vec<usize> = segments.filter(|file| world.files[*file].bytes.len() > 40).collect();
        let Some(file) = segments.get(dice.below(segments.len() as u64) as usize) else { return false };
        let bytes = &mut world.files[*file].bytes;
        let at = dice.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << dice.below(8);
        true
    }

    /// The files of periods that have their names now; those that take them from here on are kept.
    pub(super) fn begin_to_look(&self) -> BTreeMap<PathBuf, Arc<dyn Reading>> {
        let mut world = self.world();
        world.seen.clear();
        let is_period = |path: &&PathBuf| {
            matches!(guard_of_content(path), Some(Guard::File | Guard::OpenFile))
                && !path.file_name().is_some_and(|name| is_aside(&name.to_string_lossy()))
        };
        let paths: Vec<PathBuf> = world.now.keys().filter(is_period).cloned().collect();
        paths
            .into_iter()
            .filter_map(|path| Some((path.clone(), world.content(world.file(&path).ok()?))))
            .collect()
    }

    /// The files of periods that took their names since, in the order they did.
    pub(super) fn seen(&self) -> Vec<(PathBuf, Arc<dyn Reading>)> {
        let world = self.world();
        let content = |entry: &Option<Entry>| match entry {
            Some(Entry::File(file)) => Some(world.content(*file)),
            _ => None,
        };
        world.seen.iter().filter_map(|(path, entry)| Some((path.clone(), content(entry)?))).collect()
    }

    /// Something happens at the operation that many operations from now.
    pub(super) fn plan(&self, after: u64, fault: Fault) {
        let mut world = self.world();
        world.fault = Some((world.operations + after, fault));
    }

    /// Whether the process has died.
    pub(super) fn is_dead(&self) -> bool {
        self.world().dead
    }

    /// The process ended; what the operating system holds stays.
    pub(super) fn revive(&self) {
        let mut world = self.world();
        (world.dead, world.fault, world.held_back) = (false, None, None);
    }

    /// The power went: what was not synced survives in part.
    pub(super) fn cut_power(&self) {
        self.world().cut_power();
    }

    /// Something happens amid the operations to come: after so many of them, and again as often as it says.
    pub(super) fn amid(&self, after: u64, act: Box<dyn FnMut() -> Option<u64> + Send>) {
        let mut world = self.world();
        world.amid = Some(Amid { at: world.operations + after, act });
    }

    /// From here on nothing happens amid anything.
    pub(super) fn end_amid(&self) {
        let amid = self.world().amid.take();
        // Dropping it may use the disk, which is unlocked only now.
        drop(amid);
    }

    /// Does what is due now, without anything happening amid it.
    fn happen(&self) {
        let due = {
            let mut world = self.world();
            let now = world.operations;
            world.amid.take_if(|amid| amid.at <= now)
        };
        let Some(mut amid) = due else { return };
        if let Some(after) = (amid.act)() {
            self.amid(after, amid.act);
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    /// Counts an operation; fails it where that is planned.
    fn operation(&self) -> io::Result<MutexGuard<'_, World>> {
        self.happen();
        let mut world = self.world();
        world.operations += 1;
        if world.dead {
            return Err(io::Error::other("the process is dead"));
        }
        world.release();
        let Some((at, fault)) = world.fault else { return Ok(world) };
        if world.operations < at {
            return Ok(world);
        }
        match fault {
            Fault::Death => {
                world.dead = true;
                Err(io::Error::other("the process dies"))
            }
            Fault::DeathAtOpenFile | Fault::RefusalOfOpenFile => Ok(world),
            Fault::Refusal(kind, more) => {
                if world.operations >= at + u64::from(more) {
                    world.fault = None;
                }
                Err(kind.into())
            }
        }
    }
}

impl Disk for ModelDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Writing>> {
        let mut world = self.operation()?;
        if world.now.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if world.now.get(folder_of(path)) != Some(&Entry::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = world.files.len();
        let modified = world.operations as i64;
        world.files.push(Contents { guard: guard_of_content(path), modified, ..Contents::default() });
        world.now.insert(path.to_owned(), Entry::File(file));
        world.pending.push((folder_of(path).to_owned(), Change::Set(path.to_owned(), Entry::File(file))));
        Ok(Arc::new(Handle { disk: Arc::downgrade(&self.0), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Reading>> {
        let world = self.operation()?;
        let file = world.file(path)?;
        Ok(Arc::new(Snapshot(world.files[file].bytes.clone())))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.operation()?;
        let is_open_file = guard_of_content(to) == Some(Guard::OpenFile);
        let is_file = guard_of_content(to) == Some(Guard::File);
        let is_first = match world.without {
            Some(Guard::FoldOrder) => is_file,
            Some(Guard::TakeOutOrder) => is_open_file,
            _ => false,
        };
        if is_first && aside_of_other(to).is_some_and(|other| world.now.contains_key(&other)) {
            world.file(from)?;
            world.held_back = Some((from.to_owned(), to.to_owned()));
            // Not before the other one has its name.
            world.release_at = u64::MAX;
            return Ok(());
        }
        if is_open_file && world.fault.take_if(|fault| fault.1 == Fault::RefusalOfOpenFile).is_some() {
            return Err(io::ErrorKind::Other.into());
        }
        world.rename(from, to)?;
        if is_file || is_open_file {
            let entry = world.now.get(to).copied();
            world.seen.push((to.to_owned(), entry));
            // Once the folder is synced and the file looked at, which come next.
            world.release_at = world.operations + 3;
        }
        if is_open_file && matches!(world.fault, Some((_, Fault::DeathAtOpenFile))) {
            world.fault = Some((world.operations + 1, Fault::Death));
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.operation()?;
        world.file(path)?;
        world.now.remove(path);
        world.pending.push((folder_of(path).to_owned(), Change::Remove(path.to_owned())));
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut world = self.operation()?;
        if world.now.contains_key(path) {
            return Ok(());
        }
        if world.now.get(folder_of(path)) != Some(&Entry::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        world.now.insert(path.to_owned(), Entry::Folder);
        world.pending.push((folder_of(path).to_owned(), Change::Set(path.to_owned(), Entry::Folder)));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.operation()?;
        world.sync_names(folder);
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let world = self.operation()?;
        if world.now.get(folder) != Some(&Entry::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = world.now.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn look(&self, path: &Path) -> io::Result<Option<Found>> {
        let world = self.operation()?;
        Ok(world.now.get(path).map(|entry| match entry {
            Entry::Folder => Found { is_folder: true, bytes: 0, modified: 0 },
            Entry::File(file) => {
                let file = &world.files[*file];
                Found { is_folder: false, bytes: file.bytes.len() as u64, modified: file.modified }
            }
        }))
    }
}

#[derive(Debug)]
struct Handle {
    disk: Weak<Mutex<World>>,
    file: usize,
}

impl Writing for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let disk = ModelDisk(self.disk.upgrade().ok_or(io::ErrorKind::NotFound)?);
        let refused = disk.operation().err();
        let mut world = disk.world();
        // A write that is refused may have written some of it all the same.
        let count = match refused {
            None => bytes.len(),
            Some(_) => world.dice.below(bytes.len() as u64 + 1) as usize,
        };
        if refused.is_some() && world.dice.below(2) == 0 {
            return Err(refused.unwrap_or_else(|| io::ErrorKind::Other.into()));
        }
        let file = &mut world.files[self.file];
        file.bytes.extend(&bytes[..count]);
        refused.map_or(Ok(count), Err)
    }

    fn sync(&self) -> io::Result<()> {
        let disk = ModelDisk(self.disk.upgrade().ok_or(io::ErrorKind::NotFound)?);
        let refused = disk.operation().err();
        let mut world = disk.world();
        let without = world.without;
        let file = &mut world.files[self.file];
        match refused {
            Some(error) => {
                file.forgotten = file.synced..file.bytes.len();
                Err(error)
            }
            None => {
                if without.is_none() || file.guard != without {
                    file.synced = file.bytes.len();
                }
                Ok(())
            }
        }
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        let disk = ModelDisk(self.disk.upgrade().ok_or(io::ErrorKind::NotFound)?);
        disk.operation().map(drop)
    }
}
