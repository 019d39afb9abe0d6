//! The disk as dccd uses it: a few plain operations, and atomic replacement of files.
//!
//! Everything that must survive a crash goes through [`Disk`], so that the same code runs on the operating
//! system's files and on a simulated disk that loses what was not synced.

pub mod atomic;
mod os;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use os::Os;

/// A place for files. Paths are those of the operating system.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Creates a file that does not exist yet, readable by the owner and the group.
    ///
    /// # Errors
    /// Any I/O error, also where the file is there.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Writing>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Any I/O error.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Reading>>;

    /// Renames a file, replacing an existing one.
    ///
    /// # Errors
    /// Any I/O error.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Any I/O error.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Creates one folder, unless it exists.
    ///
    /// # Errors
    /// Any I/O error.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Any I/O error.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// Any I/O error.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// The kind of file at a path; `None` if there is nothing.
    ///
    /// # Errors
    /// Any other I/O error.
    fn look(&self, path: &Path) -> io::Result<Option<Found>>;

    /// The kind of an entry itself, without following links; `None` if there is none.
    ///
    /// # Errors
    /// Any other I/O error.
    fn named(&self, path: &Path) -> io::Result<Option<Named>> {
        let named = |found: Found| if found.is_folder { Named::Folder } else { Named::File };
        Ok(self.look(path)?.map(named))
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// Any I/O error.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let mut bytes = vec![0; usize::try_from(file.bytes()).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Creates a temporary file, replacing an existing one.
    ///
    /// # Errors
    /// Any I/O error.
    fn create_anew(&self, path: &Path) -> io::Result<Arc<dyn Writing>> {
        match self.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.create(path),
        }
    }

    /// Returns a synced temporary file its final name and makes the name durable.
    ///
    /// # Errors
    /// Any I/O error.
    fn take_name(&self, temporary: &Path, path: &Path) -> io::Result<()> {
        self.rename(temporary, path)?;
        self.sync_folder(folder_of(path))
    }

    /// Replaces `path` by `bytes`, whole or not at all; its folder must exist.
    ///
    /// # Errors
    /// Any I/O error; `path` is unchanged then.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = aside(path);
        let written = self.create_anew(&temporary).and_then(|file| {
            file.append_all(bytes)?;
            file.sync()
        });
        written.and_then(|()| self.take_name(&temporary, path)).inspect_err(|_| {
            let _ = self.remove(&temporary);
        })
    }

    /// Creates a folder with its parents, each name made durable in the folder above it.
    ///
    /// # Errors
    /// Any I/O error.
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if self.look(folder)?.is_some_and(|found| found.is_folder) {
            return Ok(());
        }
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.create_folder(parent)?;
        }
        self.make_folder(folder)?;
        self.sync_folder(folder_of(folder))
    }
}

/// A file open for appending. Shared, so that one thread may sync while another appends.
pub trait Writing: fmt::Debug + Send + Sync {
    /// Appends some of `bytes` and returns how many.
    ///
    /// # Errors
    /// Any I/O error.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes the content and length durable.
    ///
    /// # Errors
    /// Any I/O error. What was written since the last success may be lost; asking again proves nothing.
    fn sync(&self) -> io::Result<()>;

    /// Reserves disk space for a file of this size, without changing its length. Does nothing if the file
    /// system does not support it.
    ///
    /// # Errors
    /// If there is no such room.
    fn reserve(&self, bytes: u64) -> io::Result<()>;

    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// Any I/O error; part of it may be there.
    fn append_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.append(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A file open for reading. Replacing it under its name does not affect this.
pub trait Reading: fmt::Debug + Send + Sync {
    /// Its length.
    fn bytes(&self) -> u64;

    /// Reads from `offset` and returns the number of bytes; 0 at the end.
    ///
    /// # Errors
    /// Any I/O error.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// The kind of file at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its length.
    pub bytes: u64,
    /// When it was last modified, in microseconds since the epoch.
    pub modified: i64,
}

/// The kind of a directory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link, wherever it leads, or a pipe or the like.
    Other,
}

/// The temporary path for new content of `path`.
///
/// Temporary names begin with a dot and contain `.tmp-`, so that readers of `*.parquet` never see them and
/// recovery recognizes them.
#[must_use]
pub fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp-{}", std::process::id()))
}

/// Whether a file name was made by [`aside`].
#[must_use]
pub fn is_aside(name: &str) -> bool {
    name.starts_with('.') && name.contains(".tmp-")
}

/// The folder of a path.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
