//! A disk that refuses writes once the lock of the data path is lost, so that the new owner never finds its files
//! replaced or its journal removed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, Found, Reading, Writing};
use crate::store::watch::Watch;

/// A disk under a lock.
#[derive(Debug)]
pub(super) struct Guarded {
    inner: Arc<dyn Disk>,
    watch: Watch,
}

#[derive(Debug)]
struct GuardedFile {
    inner: Arc<dyn Writing>,
    watch: Watch,
}

impl Guarded {
    pub(super) fn new(inner: Arc<dyn Disk>, watch: Watch) -> Self {
        Guarded { inner, watch }
    }
}

fn held(watch: &Watch) -> io::Result<()> {
    watch.lost().map_or(Ok(()), |why| Err(io::Error::other(why.to_string())))
}

impl Disk for Guarded {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Writing>> {
        held(&self.watch)?;
        Ok(Arc::new(GuardedFile { inner: self.inner.create(path)?, watch: self.watch.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Reading>> {
        self.inner.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        held(&self.watch)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        held(&self.watch)?;
        self.inner.remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        held(&self.watch)?;
        self.inner.make_folder(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.inner.sync_folder(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.inner.list(folder)
    }

    fn look(&self, path: &Path) -> io::Result<Option<Found>> {
        self.inner.look(path)
    }
}

impl Writing for GuardedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        held(&self.watch)?;
        self.inner.append(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.inner.reserve(bytes)
    }
}
