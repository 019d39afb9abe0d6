//! The lock on a data path: one process writes it at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::disk::{Disk, Os};
use crate::model::foreign;
use crate::store::{Layout, StoreError};

/// The held lock; it is given back when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the lock of a data path, creating the path where it is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] naming the holder, or a refusal of the operating system.
    pub fn take(layout: &Layout, command: &str) -> Result<Self, StoreError> {
        let own = layout.own();
        Os.create_folder(&own).map_err(StoreError::io("creating", &own))?;
        let path = own.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("opening", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: layout.root().to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::io("locking", &path)(source)),
        }
        sign(&mut file, command).map_err(StoreError::io("writing", &path))?;
        Ok(DataLock { _file: file })
    }

    /// Who holds the lock of a data path, if somebody does.
    #[must_use]
    pub fn holder(root: &Path) -> Option<String> {
        let mut file = File::open(Layout::new(root).own().join("lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
            _ => None,
        }
    }
}

fn sign(file: &mut File, command: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "dccd {command} (process {})", std::process::id())
}

/// What the lock file says of its holder; at most a line of it.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    match text.lines().next() {
        Some(line) if read.is_ok() && !line.is_empty() => foreign(line),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
