//! A folder of this process for targets that read files.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Disk, Os};

/// A folder that is removed with its owner.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dccd-fuzz-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder of temporary files can be written");
        Folder(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        let written = Os.create_anew(&path).and_then(|file| file.append_all(bytes));
        written.expect("the folder of temporary files can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder left behind is one of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lends the folder of this thread.
pub(super) fn with<T>(act: impl FnOnce(&Folder) -> T) -> T {
    thread_local! {
        static OWN: RefCell<Folder> = RefCell::new(Folder::new());
    }
    OWN.with(|own| act(&own.borrow()))
}
