//! Whether the lock on a data path is still the one that was taken, and who has it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, open};

use crate::model::foreign;

/// Whether a lock is still the one that was taken. A clone watches the same lock.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    /// The lock file's path.
    path: PathBuf,
    /// The device and the number of the file that was locked.
    identity: (u64, u64),
    is_lost: AtomicBool,
}

impl Watch {
    /// Watches a lock file that was locked, by its device and its number.
    pub(super) fn new(path: PathBuf, identity: (u64, u64)) -> Self {
        Watch(Arc::new(Watched { path, identity, is_lost: AtomicBool::new(false) }))
    }

    /// How the lock was lost; `None` while this process holds it. Once lost it stays lost: another process may have
    /// written meanwhile.
    #[must_use]
    pub fn lost(&self) -> Option<Lost> {
        let Watched { path, identity, is_lost } = &*self.0;
        let found = std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
        let was_lost = is_lost.load(Ordering::Relaxed);
        let lost = |became, winner| Some(Lost { path: path.clone(), became, winner });
        let lost = match found {
            Ok(found) if found == *identity && !was_lost => None,
            Ok(found) if found == *identity => lost("was not there for a while", None),
            Ok(_) => lost("is another file than this process locked", signature_at(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => lost("is not there any more", None),
            // It cannot be told; the disk itself refuses writes then.
            Err(_) if !was_lost => None,
            Err(_) => lost("cannot be looked at any more", None),
        };
        if lost.is_some() {
            is_lost.store(true, Ordering::Relaxed);
        }
        lost
    }
}

/// A lock that is another process's, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    path: PathBuf,
    became: &'static str,
    /// Who has it now, where that is known.
    pub winner: Option<String>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.became)?;
        match &self.winner {
            Some(winner) => write!(f, "; {winner} owns this data path now, so this process writes no more"),
            None => f.write_str("; another process may own this data path now, so this one writes no more"),
        }
    }
}

/// The holder as the lock file names it, at most one line; `None` if the file is empty.
pub(super) fn signature(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(200).read_to_string(&mut text).ok()?;
    text.lines().next().filter(|line| !line.is_empty()).map(foreign)
}

/// The same by its path, where it is a plain file.
pub(super) fn signature_at(path: &Path) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(open(path, flags, Mode::empty()).ok()?);
    file.metadata().is_ok_and(|about| about.is_file()).then(|| signature(&mut file))?
}
