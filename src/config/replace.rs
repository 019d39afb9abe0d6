//! Putting a whole file in place: a reader sees the old bytes or the new ones, also after a power cut.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Replaces the file at `path`, which may be a link to it, and keeps its mode and owner.
///
/// # Errors
/// When a step fails; the file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let old = fs::metadata(&target)?;
    let aside = Aside::new(&target);
    // Private until it has the mode of the file it replaces, as that may be private too.
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

/// Creates the file at `path` and the folders above it.
///
/// # Errors
/// When there is a file already, or a step fails.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder(path))?;
    let aside = Aside::new(path);
    aside.write(bytes, 0o666)?.sync_all()?;
    // Unlike a rename, a link never takes the place of another file.
    fs::hard_link(&aside.path, path)?;
    sync_folder(path)
}

/// Puts a file in place with a mode of its own, whatever was there. Its folder must exist.
///
/// # Errors
/// When a step fails; what was there is then as it was.
pub fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let aside = Aside::new(path);
    let file = aside.write(bytes, mode)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&aside.path, path)?;
    sync_folder(path)
}

/// A file beside the one to be written, removed when it is dropped unless it was renamed away.
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
        // A file that a killed process of the same number left behind must not stand in the way.
        let _ = fs::remove_file(&self.path);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&self.path)?;
        file.write_all(bytes)?;
        Ok(file)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After a rename there is nothing to remove, which is as good.
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
