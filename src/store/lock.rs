//! The lock on a data path: one process writes it at a time.
//!
//! It is taken three times over, since each can be got round: on the lock file, which says who holds it; on the
//! folder the file lies in, for a lock file that was removed or replaced; and by asking whether a process still
//! listens on the daemon's socket, for file systems that do not tell two machines of each other's locks. A holder
//! whose file is another one than it locked has [lost](crate::store::Watch::lost) it and must write no more.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags, open, openat, statat};
use rustix::io::Errno;

use crate::disk::{Disk, Os};
use crate::store::guarded::Guarded;
use crate::store::listener::is_listened_to;
use crate::store::watch::{Watch, signature, signature_at};
use crate::store::{Layout, StoreError};

const NAME: &str = "lock";
/// How long a holder that lost its lock file may take to end: as long as a stop takes, and to notice.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// How often a lock file that was replaced between two steps is opened again.
const TRIES: usize = 5;

/// The held lock; it is given back when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
    _folder: File,
    watch: Watch,
}

impl DataLock {
    /// Takes the lock of a data path, creating the path where it is missing. Where a holder lost its lock file, its
    /// end is waited for.
    ///
    /// # Errors
    /// [`StoreError::InUse`] naming the holder, [`StoreError::Linked`], or a refusal of the operating system.
    pub fn take(layout: &Layout, command: &str) -> Result<Self, StoreError> {
        DataLock::take_within(layout, command, ENDS_WITHIN)
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the wait is short and on a thread that only takes the lock"
    )]
    fn take_within(layout: &Layout, command: &str, patience: Duration) -> Result<Self, StoreError> {
        let own = layout.own();
        let folder = open_folder(&own)?;
        let path = own.join(NAME);
        let mut file = lock_file(&folder, &path).map_err(|refusal| refusal.of(layout, &path))?;
        // Before the wait: the holder that lost its file reads here who has it now.
        sign(&mut file, command).map_err(StoreError::io("writing", &path))?;
        let began = Instant::now();
        while let Some(holder) = other(&folder, &own) {
            if began.elapsed() >= patience {
                return Err(StoreError::InUse { path: layout.root().to_owned(), holder });
            }
            sleep(LOOK);
        }
        let about = file.metadata().map_err(StoreError::io("looking at", &path))?;
        let watch = Watch::new(path, (about.dev(), about.ino()));
        Ok(DataLock { _file: file, _folder: folder, watch })
    }

    /// The holder of the lock of a data path, if it is locked.
    #[must_use]
    pub fn holder(root: &Path) -> Option<String> {
        let own = Layout::new(root).own();
        let folder = open_folder_there(&own).ok()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if let Ok(file) = openat(&folder, NAME, flags, Mode::empty()) {
            let mut file = File::from(file);
            if let Err(TryLockError::WouldBlock) = file.try_lock_shared() {
                return Some(signature(&mut file).unwrap_or_else(|| locker(&file)));
            }
        }
        match folder.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(locker(&folder)),
            _ => None,
        }
    }

    /// Tells when the lock is lost.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// The disk of the operating system, which takes nothing more once the lock is lost.
    #[must_use]
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(Guarded::new(Arc::new(Os), self.watch.clone()))
    }
}

/// Why the lock file is not locked.
enum NotLocked {
    Held(String),
    Linked,
    Refused(&'static str, io::Error),
}

impl NotLocked {
    fn of(self, layout: &Layout, path: &Path) -> StoreError {
        match self {
            NotLocked::Held(holder) => StoreError::InUse { path: layout.root().to_owned(), holder },
            NotLocked::Linked => StoreError::Linked { path: path.to_owned() },
            NotLocked::Refused(action, source) => StoreError::io(action, path)(source),
        }
    }
}

/// Our own folder, created where it is missing, and never through a link.
fn open_folder(own: &Path) -> Result<File, StoreError> {
    if is_link(own) {
        return Err(StoreError::Linked { path: own.to_owned() });
    }
    Os.create_folder(own).map_err(StoreError::io("creating", own))?;
    open_folder_there(own).map_err(StoreError::io("opening", own))
}

fn open_folder_there(own: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(open(own, flags, Mode::empty())?))
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// Opens and locks the lock file of a folder, and makes sure that it still is that.
fn lock_file(folder: &File, path: &Path) -> Result<File, NotLocked> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let file = match openat(folder, NAME, flags, Mode::from_raw_mode(0o640)) {
            Err(Errno::LOOP) => return Err(NotLocked::Linked),
            opened => File::from(opened.map_err(|error| NotLocked::Refused("opening", error.into()))?),
        };
        let about = file.metadata().map_err(|error| NotLocked::Refused("looking at", error))?;
        if !about.is_file() {
            return Err(NotLocked::Refused("locking", io::Error::other("it is no plain file")));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(NotLocked::Held(signature_at(path).unwrap_or_else(|| locker(&file))));
            }
            Err(TryLockError::Error(source)) => return Err(NotLocked::Refused("locking", source)),
        }
        let there = statat(folder, NAME, AtFlags::SYMLINK_NOFOLLOW);
        if there.is_ok_and(|there| (there.st_dev, there.st_ino) == (about.dev(), about.ino())) {
            return Ok(file);
        }
    }
    Err(NotLocked::Refused("locking", io::Error::other("somebody replaces it again and again")))
}

/// Who else works on the data path, though the lock file is ours. On the way the folder is locked, where its file
/// system can do that.
fn other(folder: &File, own: &Path) -> Option<String> {
    if let Err(TryLockError::WouldBlock) = folder.try_lock() {
        return Some(locker(folder));
    }
    is_listened_to(own).then(|| "the daemon that listens on its daemon.sock".to_owned())
}

fn sign(file: &mut File, command: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "dccd {command} (process {})", std::process::id())
}

/// The process that holds a lock on an open file, as the kernel lists it.
fn locker(file: &File) -> String {
    let known = || {
        let about = file.metadata().ok()?;
        let (major, minor) = (rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
        let place = format!("{major:02x}:{minor:02x}:{}", about.ino());
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        let mut held = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let own =
            held.find(|words| words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&place.as_str()))?;
        own.get(4).filter(|process| **process != "0").map(|process| format!("process {process}"))
    };
    known().unwrap_or_else(|| "another process".to_owned())
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test may break a file on purpose")]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn a_second_holder_is_told_who_is_first_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let first = DataLock::take(&layout, "start").unwrap();

        let refused = DataLock::take(&layout, "backfill").unwrap_err().to_string();
        assert!(refused.contains(&format!("dccd start (process {})", std::process::id())), "{refused}");
        assert!(DataLock::holder(folder.path()).is_some());

        drop(first);
        assert_eq!(DataLock::holder(folder.path()), None);
        DataLock::take(&layout, "backfill").unwrap();
    }

    #[test]
    fn a_holder_whose_file_was_removed_has_lost_it_and_nobody_is_let_in_before_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let lock = layout.own().join("lock");
        let first = DataLock::take(&layout, "start").unwrap();
        assert_eq!(first.watch().lost(), None);

        std::fs::remove_file(&lock).unwrap();
        let refused = DataLock::take_within(&layout, "backfill", AT_ONCE).unwrap_err().to_string();

        assert!(refused.contains(&format!("in use by process {}", std::process::id())), "{refused}");
        assert_eq!(DataLock::holder(folder.path()), Some(format!("process {}", std::process::id())));
        let lost = first.watch().lost().unwrap();
        assert_eq!(lost.winner, Some(format!("dccd backfill (process {})", std::process::id())), "{lost}");
        let watch = first.watch();
        drop(first);
        let second = DataLock::take_within(&layout, "backfill", AT_ONCE).unwrap();
        assert_eq!(second.watch().lost(), None);
        assert!(watch.lost().is_some());
    }

    #[test]
    fn a_lock_that_was_lost_once_stays_lost_though_its_file_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let (lock, away) = (layout.own().join("lock"), folder.path().join("away"));
        let held = DataLock::take(&layout, "start").unwrap();
        let disk = held.disk();
        let journal = disk.create(&layout.own().join("segment")).unwrap();
        journal.append_all(b"accepted").unwrap();

        std::fs::rename(&lock, &away).unwrap();
        let refused = journal.append_all(b"one more").unwrap_err().to_string();
        std::fs::rename(&away, &lock).unwrap();

        assert!(refused.contains("is not there any more"), "{refused}");
        assert!(held.watch().lost().is_some());
        assert!(
            journal.append_all(b"one more").is_err() && disk.remove(&layout.own().join("segment")).is_err()
        );
        assert_eq!(std::fs::read(layout.own().join("segment")).unwrap(), b"accepted");
    }

    #[test]
    fn the_folder_may_be_moved_and_linked_under_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let (data, moved) = (folder.path().join("data"), folder.path().join("moved"));
        let first = DataLock::take(&Layout::new(&data), "start").unwrap();

        std::fs::rename(&data, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &data).unwrap();

        assert_eq!(first.watch().lost(), None);
        for place in [&data, &moved] {
            let refused = DataLock::take_within(&Layout::new(place), "start", AT_ONCE).unwrap_err();
            assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
        }
    }

    #[test]
    fn nothing_is_opened_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (layout, victim) = (Layout::new(folder.path()), folder.path().join("victim"));
        std::fs::create_dir(layout.own()).unwrap();
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, layout.own().join("lock")).unwrap();
        let refused = DataLock::take(&layout, "start").unwrap_err().to_string();
        assert!(refused.contains("lock is a symbolic link"), "{refused}");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");

        std::fs::rename(layout.own(), folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", layout.own()).unwrap();
        let refused = DataLock::take(&layout, "start").unwrap_err().to_string();
        assert!(refused.contains(".dccd is a symbolic link"), "{refused}");
        assert_eq!(DataLock::holder(folder.path()), None);
    }
}
