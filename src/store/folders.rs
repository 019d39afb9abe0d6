//! Folders whose names are known to be durable.
//!
//! A folder that is there need not be durable: the process that made it may have died before it synced the name.
//! So each is synced once by every process before anything is put into it.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, folder_of};

/// The folders under a data path that this process has made durable.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<HashSet<PathBuf>>);

impl Folders {
    /// Makes a folder under `root`, and every one between, durable. Callers that make the same one do not wait for each other.
    pub(crate) fn make(&self, disk: &dyn Disk, root: &Path, folder: &Path) -> io::Result<()> {
        if self.knows(folder) {
            return Ok(());
        }
        if !self.knows(root) {
            disk.create_folder(root)?;
            root.ancestors()
                .filter(|above| above.parent().is_some())
                .try_for_each(|above| sync(disk, above))?;
            self.known().insert(root.to_owned());
        }
        let below: Vec<&Path> = folder.ancestors().take_while(|above| *above != root).collect();
        for next in below.into_iter().rev().filter(|next| next.starts_with(root)) {
            if !self.knows(next) {
                disk.make_folder(next)?;
                disk.sync_folder(folder_of(next))?;
                self.known().insert(next.to_owned());
            }
        }
        Ok(())
    }

    fn knows(&self, folder: &Path) -> bool {
        self.known().contains(folder)
    }

    fn known(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the name of a folder durable. Where we may not even read the folder above, it is not ours and stood
/// there before us.
fn sync(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    match disk.sync_folder(folder_of(folder)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}
