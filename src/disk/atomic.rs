//! Atomic replacement of files: written aside, synced, renamed, and the folder synced.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::disk::{Disk, Os, folder_of, is_aside};

pub use crate::disk::aside;

/// Removes the temporary files and folders that a dead process left in a folder; no other process may be writing there.
///
/// # Errors
/// An I/O error.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for name in Os.list(folder)?.iter().filter(|name| is_aside(name)) {
        let path = folder.join(name);
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Replaces `path` by `bytes`, whole or not at all; its folder must exist.
///
/// # Errors
/// Any I/O error; `path` is unchanged then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Os.replace(path, bytes)
}

/// The same for a file that need not survive a power cut: readers see it whole, but the disk is not waited for.
///
/// # Errors
/// Any I/O error; `path` is unchanged then.
pub fn show(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = aside(path);
    let written = Os.create_anew(&temporary).and_then(|file| file.append_all(bytes));
    written.and_then(|()| Os.rename(&temporary, path)).inspect_err(|_| {
        let _ = Os.remove(&temporary);
    })
}

/// Creates a temporary file, replacing an existing one, for reading and writing.
///
/// # Errors
/// An I/O error.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Opens one of our own files: a plain one, and never through a link, which might lead elsewhere.
///
/// # Errors
/// An I/O error, and where something else has the name.
pub fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Opening a pipe would block.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no plain file")) }
}

/// Returns a synced temporary file its final name and makes the name durable.
///
/// # Errors
/// An I/O error.
pub fn take_name(temporary: &Path, path: &Path) -> io::Result<()> {
    Os.take_name(temporary, path)
}

/// Gives a synced temporary file its final name and makes the name durable. An existing file stays, and so does
/// the temporary one then.
///
/// # Errors
/// Any other I/O error.
pub fn take_free_name(temporary: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => return Ok(()),
        // This file system does not support that rename.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::hard_link(temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(_) => fs::rename(temporary, path)?,
            Ok(()) => {}
        },
        renamed => renamed?,
    }
    Os.sync_folder(folder_of(path))
}

/// Gives a file a second name, under which it stays as it is when another takes the first. What has that name goes. The
/// second one is a copy where the file system has no such names.
///
/// # Errors
/// Any I/O error; there is no second name then.
pub fn link(path: &Path, second: &Path) -> io::Result<()> {
    match fs::remove_file(second) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match fs::hard_link(path, second) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let copied = fs::copy(path, second).inspect_err(|_| drop(fs::remove_file(second)));
            copied.map(drop)
        }
        linked => linked,
    }
}

/// Makes the names in a folder durable.
///
/// # Errors
/// An I/O error.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    Os.sync_folder(folder)
}

/// Creates a folder with its parents, each name made durable in the folder above it.
///
/// # Errors
/// An I/O error.
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
        Os.create_folder(&folder.path().join(".links-0.tmp-4711")).unwrap();
        Os.create(&folder.path().join(".links-0.tmp-4711/2024.parquet")).unwrap();

        sweep(folder.path()).unwrap();

        assert_eq!(Os.list(folder.path()).unwrap(), [".keep", "state.db"]);
    }
}
