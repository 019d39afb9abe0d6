//! The operating system's files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::{Disk, Found, Named, Reading, Writing};

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Os;

#[derive(Debug)]
struct OpenFile {
    file: File,
    bytes: u64,
}

impl Disk for Os {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Writing>> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o640).open(path)?;
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Reading>> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Arc::new(OpenFile { file, bytes }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Found>> {
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let modified = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let modified = i64::try_from(modified).unwrap_or(i64::MAX);
        Ok(Some(Found { is_folder: found.is_dir(), bytes: found.len(), modified }))
    }

    fn named(&self, path: &Path) -> io::Result<Option<Named>> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(Named::File)),
            Ok(found) if found.is_dir() => Ok(Some(Named::Folder)),
            Ok(_) => Ok(Some(Named::Other)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Writing for File {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync makes the length durable too; timestamps do not matter.
        self.sync_data()
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self, FallocateFlags::KEEP_SIZE, 0, bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Reading for OpenFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::aside;

    #[test]
    fn a_replaced_file_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        Os.replace(&path, b"old").unwrap();
        Os.replace(&path, b"new").unwrap();
        assert_eq!(Os.read(&path).unwrap(), b"new");
        assert_eq!(Os.list(folder.path()).unwrap(), ["metrics.json"]);
    }

    #[test]
    fn a_file_that_cannot_take_its_name_leaves_the_old_one_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        Os.make_folder(&path).unwrap();
        assert!(Os.replace(&path, b"new").is_err());
        assert!(Os.look(&path).unwrap().is_some_and(|found| found.is_folder));
        assert_eq!(Os.list(folder.path()).unwrap(), ["taken"]);
    }

    #[test]
    fn a_file_that_is_there_is_not_created_again_unless_it_is_a_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = aside(&folder.path().join("x"));
        Os.create(&path).unwrap().append_all(b"left behind").unwrap();
        assert_eq!(Os.create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);

        Os.create_anew(&path).unwrap().append_all(b"y").unwrap();

        assert_eq!(Os.read(&path).unwrap(), b"y");
    }

    #[test]
    fn room_set_aside_does_not_change_the_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let file = Os.create(&path).unwrap();
        file.reserve(1 << 16).unwrap();
        file.append_all(b"frame").unwrap();
        assert_eq!(Os.look(&path).unwrap().unwrap().bytes, 5);
    }
}
