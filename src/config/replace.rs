//! Atomic replacement of whole files: readers see the old bytes or the new ones, even after a power cut.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Replaces the file at `path`, following a link, and keeps its mode and owner.
///
/// # Errors
/// If a step fails; the file is unchanged then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let old = fs::metadata(&target)?;
    let aside = Aside::new(&target);
    // Private until it has the mode of the file it replaces, which may be private too.
    let file = aside.write(bytes, 0o600)?;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    file.sync_all()?;
    fs::rename(&aside.path, &target)?;
    sync_folder(&target)
}

/// Creates the file at `path` and its parent folders.
///
/// # Errors
/// If the file already exists, or a step fails.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder(path))?;
    let aside = Aside::new(path);
    aside.write(bytes, 0o666)?.sync_all()?;
    // Unlike a rename, a link never replaces another file.
    fs::hard_link(&aside.path, path)?;
    sync_folder(path)
}

/// Replaces a file and sets its mode. Its folder must exist.
///
/// # Errors
/// If a step fails; the previous file is unchanged then.
pub fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let aside = Aside::new(path);
    let file = aside.write(bytes, mode)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&aside.path, path)?;
    sync_folder(path)
}

/// A temporary file beside the target, removed on drop unless it was renamed.
struct Aside {
    path: PathBuf,
}

impl Aside {
    fn new(target: &Path) -> Self {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}.tmp", std::process::id()));
        Aside { path: target.with_file_name(name) }
    }

    fn write(&self, bytes: &[u8], mode: u32) -> io::Result<File> {
        // Remove what a killed process with the same id may have left.
        let _ = fs::remove_file(&self.path);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&self.path)?;
        file.write_all(bytes)?;
        Ok(file)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_the_link_that_leads_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let real = file(folder.path(), "real.yml", "old");
        fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.yml");
        std::os::unix::fs::symlink("real.yml", &link).unwrap();

        replace(&link, b"new").unwrap();

        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn creating_never_overwrites_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/config.yml");

        create(&path, b"first").unwrap();
        let again = create(&path, b"second").unwrap_err();

        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
