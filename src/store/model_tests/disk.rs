//! A disk in memory that keeps, at a power cut, what was synced and any part of the rest.
//!
//! Blocks of a file and names of a folder that were not synced may each survive or not. A failed sync forgets:
//! the blocks it should have written count as clean from then on, and are lost at a power cut.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::Dice;
use crate::disk::{Disk, Found, Reading, Writing, folder_of, is_aside};

const BLOCK: usize = 512;

/// A guarantee that can be left out, to see whether anything notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Guard {
    /// Frames of the journal.
    Frames,
    /// The name of a new segment.
    SegmentName,
    /// The content of a period's file.
    File,
    /// The content of an open file.
    OpenFile,
    /// The content of a ledger.
    Ledger,
    /// The name of a period's file.
    FileName,
    /// The name of an open file.
    OpenFileName,
    /// The name of a ledger.
    LedgerName,
    /// The name of a folder of a series, or above one.
    SeriesFolder,
    /// The name of the journal's folder, or of dccd's own.
    JournalFolder,
    /// The content of a file of rows that are set aside.
    SetAside,
    /// The name of such a file.
    SetAsideName,
    /// In a fold the file takes its name before the open file does.
    FoldOrder,
}

/// What happens to an operation to come.
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

#[derive(Clone)]
pub(super) struct ModelDisk(Arc<Mutex<World>>);

struct World {
    files: Vec<Contents>,
    now: Names,
    durable: Names,
    /// Changes of names that are not synced, by folder, oldest first.
    pending: Vec<(PathBuf, Change)>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    dead: bool,
    without: Option<Guard>,
    /// A rename held back by a fold in the wrong order.
    held_back: Option<(PathBuf, PathBuf)>,
    /// The operation at which it happens after all.
    release_at: u64,
    dice: Dice,
}

type Names = BTreeMap<PathBuf, Entry>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    File(usize),
}

#[derive(Clone, Debug)]
enum Change {
    Set(PathBuf, Entry),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

#[derive(Clone, Default)]
struct Contents {
    bytes: Vec<u8>,
    /// So many bytes from the start were synced.
    synced: usize,
    /// Bytes a failed sync forgot: they count as clean, and are not on the disk.
    forgotten: Range<usize>,
    guard: Option<Guard>,
    modified: i64,
}

impl fmt::Debug for ModelDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelDisk")
    }
}

impl ModelDisk {
    pub(super) fn new(seed: u64, without: Option<Guard>) -> Self {
        let names = Names::from([(PathBuf::from("/"), Entry::Folder)]);
        ModelDisk(Arc::new(Mutex::new(World {
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
            dice: Dice::new(seed),
        })))
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
        let mut world = self.world();
        (world.dead, world.fault, world.held_back) = (false, None, None);
        for (_, change) in std::mem::take(&mut world.pending) {
            if world.dice.below(2) == 0 {
                apply(&mut world.durable, &change);
            }
        }
        let orphans = |names: &Names| -> Vec<PathBuf> {
            let is_lost = |path: &&PathBuf| {
                path.ancestors().skip(1).any(|above| names.get(above) != Some(&Entry::Folder))
            };
            names.keys().filter(is_lost).cloned().collect()
        };
        for path in orphans(&world.durable) {
            world.durable.remove(&path);
        }
        world.now = world.durable.clone();
        let World { files, dice, .. } = &mut *world;
        files.iter_mut().for_each(|file| file.cut(dice));
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    /// Counts an operation; fails it where that is planned.
    fn operation(&self) -> io::Result<MutexGuard<'_, World>> {
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

impl World {
    /// Makes the names of a folder durable, unless that is what is left out.
    fn sync_names(&mut self, folder: &Path) {
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

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let Some(Entry::File(file)) = self.now.remove(from) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        self.now.insert(to.to_owned(), Entry::File(file));
        self.pending.push((folder_of(to).to_owned(), Change::Rename(from.to_owned(), to.to_owned(), file)));
        Ok(())
    }

    /// A fold in the wrong order ends here: the file takes its name after all.
    fn release(&mut self) {
        let is_time = self.operations >= self.release_at;
        if let Some((from, to)) = self.held_back.take_if(|_| is_time) {
            self.release_at = u64::MAX;
            let _ = self.rename(&from, &to);
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.now.get(path) {
            Some(Entry::File(file)) => Ok(*file),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn apply(names: &mut Names, change: &Change) {
    match change {
        Change::Set(path, entry) => {
            names.insert(path.clone(), *entry);
        }
        Change::Remove(path) => {
            names.remove(path);
        }
        Change::Rename(from, to, file) => {
            names.remove(from);
            names.insert(to.clone(), Entry::File(*file));
        }
    }
}

/// The open file beside a period's file.
fn open_beside(file: &Path) -> PathBuf {
    let period = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{period}_open.parquet"))
}

/// What a change of a name guards.
fn guard_of(change: &Change) -> Option<Guard> {
    match change {
        Change::Rename(_, to, _) => match guard_of_content(to) {
            Some(Guard::Frames) => Some(Guard::SegmentName),
            Some(Guard::File) => Some(Guard::FileName),
            Some(Guard::OpenFile) => Some(Guard::OpenFileName),
            Some(Guard::Ledger) => Some(Guard::LedgerName),
            Some(Guard::SetAside) => Some(Guard::SetAsideName),
            _ => None,
        },
        Change::Set(path, Entry::Folder) if path.components().any(|part| part.as_os_str() == ".dccd") => {
            Some(Guard::JournalFolder)
        }
        Change::Set(_, Entry::Folder) => Some(Guard::SeriesFolder),
        _ => None,
    }
}

fn guard_of_content(path: &Path) -> Option<Guard> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix('.').filter(|_| is_aside(name)).unwrap_or(name);
    let name = name.split(".tmp-").next()?;
    match name {
        "_series.json" => Some(Guard::Ledger),
        _ if name.ends_with(".jsonl") => Some(Guard::SetAside),
        _ if name.ends_with(".journal") => Some(Guard::Frames),
        _ if name.ends_with("_open.parquet") => Some(Guard::OpenFile),
        _ if name.ends_with(".parquet") => Some(Guard::File),
        _ => None,
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
        if world.without == Some(Guard::FoldOrder) {
            let is_fold =
                guard_of_content(to) == Some(Guard::File) && world.now.contains_key(&open_beside(to));
            if is_fold {
                world.file(from)?;
                world.held_back = Some((from.to_owned(), to.to_owned()));
                // Not before the open file has its name.
                world.release_at = u64::MAX;
                return Ok(());
            }
        }
        let is_open_file = guard_of_content(to) == Some(Guard::OpenFile);
        if is_open_file && world.fault.take_if(|fault| fault.1 == Fault::RefusalOfOpenFile).is_some() {
            return Err(io::ErrorKind::Other.into());
        }
        world.rename(from, to)?;
        if is_open_file {
            // Once the folder is synced and the file looked at, which come next.
            world.release_at = world.operations + 3;
            if matches!(world.fault, Some((_, Fault::DeathAtOpenFile))) {
                world.fault = Some((world.operations + 1, Fault::Death));
            }
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

impl Contents {
    /// Of what was not synced, any blocks and any length survive.
    fn cut(&mut self, dice: &mut Dice) {
        let kept = self.synced + dice.below((self.bytes.len() - self.synced) as u64 + 1) as usize;
        self.bytes.truncate(kept);
        for block in (0..kept).step_by(BLOCK) {
            let unsynced = block.max(self.synced)..(block + BLOCK).min(kept);
            if !unsynced.is_empty() && dice.below(2) == 0 {
                self.bytes[unsynced].fill(0);
            }
        }
        let forgotten = self.forgotten.start.min(kept)..self.forgotten.end.min(kept);
        self.bytes[forgotten].fill(0);
        (self.synced, self.forgotten) = (kept, 0..0);
        self.modified += 1 << 20;
    }
}

#[derive(Debug)]
struct Handle {
    disk: Weak<Mutex<World>>,
    file: usize,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
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

#[derive(Debug)]
struct Snapshot(Vec<u8>);

impl Reading for Snapshot {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
