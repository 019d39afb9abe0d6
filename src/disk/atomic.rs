//! Files of the operating system that appear whole: written aside, synced, renamed, and the folder synced.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::disk::{Disk, Os, folder_of, is_aside};

pub use crate::disk::aside;

/// Removes the temporary files of a process that died from a folder; no other process may be writing there.
///
/// # Errors
/// Any refusal of the operating system.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for name in Os.list(folder)?.iter().filter(|name| is_aside(name)) {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

/// Replaces `path` by `bytes`, whole or not at all; its folder must exist.
///
/// # Errors
/// Any refusal of the operating system; `path` then is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Os.replace(path, bytes)
}

/// The same for a file that need not outlive a power cut: readers meet it whole, and the disk is not waited for.
///
/// # Errors
/// Any refusal of the operating system; `path` then is as it was.
pub fn show(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = aside(path);
    let written = Os.create_anew(&temporary).and_then(|file| file.append_all(bytes));
    written.and_then(|()| Os.rename(&temporary, path)).inspect_err(|_| {
        let _ = Os.remove(&temporary);
    })
}

/// Creates a temporary file anew, to be read and written anywhere.
///
/// # Errors
/// Any refusal of the operating system.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Opens one of our own files: a plain one, and never through a link, which may lead to what is not ours.
///
/// # Errors
/// Any refusal of the operating system, and where something else has the name.
pub fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // A pipe would be waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

/// Gives a synced temporary file its final name and makes the name durable.
///
/// # Errors
/// Any refusal of the operating system.
pub fn take_name(temporary: &Path, path: &Path) -> io::Result<()> {
    Os.take_name(temporary, path)
}

/// Gives a synced temporary file its final name and makes the name durable; where something has the name already
/// that stays, and so does the temporary file.
///
/// # Errors
/// Any other refusal of the operating system.
pub fn take_free_name(temporary: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => return Ok(()),
        // This file system knows no such rename.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::hard_link(temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(_) => fs::rename(temporary, path)?,
            Ok(()) => {}
        },
        renamed => renamed?,
    }
    Os.sync_folder(folder_of(path))
}

/// Makes the names in a folder durable.
///
/// # Errors
/// Any refusal of the operating system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    Os.sync_folder(folder)
}

/// Creates a folder with its parents, each name made durable in the folder above it.
///
/// # Errors
/// Any refusal of the operating system.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    Os.create_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeping_takes_temporary_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".metrics.json.tmp-4711", ".keep", "state.db"] {
            Os.create(&folder.path().join(name)).unwrap();
        }

        sweep(folder.path()).unwrap();

        assert_eq!(Os.list(folder.path()).unwrap(), [".keep", "state.db"]);
    }
}
