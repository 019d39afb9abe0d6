//! Files that appear whole: written aside, synced, renamed, and the folder synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where the new content of `path` is written before it takes its name.
///
/// Temporary names begin with a dot and hold `.tmp-`, so that readers of `*.parquet` never meet them
/// and recovery knows them as its own.
#[must_use]
pub fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp-{}", std::process::id()))
}

/// Whether a file name is one of [`aside`]'s.
#[must_use]
pub fn is_aside(name: &str) -> bool {
    name.starts_with('.') && name.contains(".tmp-")
}

/// Removes what a process that died left of its temporary files in a folder; nobody else may be writing there.
///
/// # Errors
/// Any refusal of the operating system.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_aside(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Replaces `path` by `bytes`, whole or not at all; its folder must exist.
///
/// # Errors
/// Any refusal of the operating system; `path` then is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = aside(path);
    let written = create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| take_name(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Creates a temporary file anew, readable by the owner and the group.
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

/// Gives a synced temporary file its final name and makes the name durable.
///
/// # Errors
/// Any refusal of the operating system.
pub fn take_name(temporary: &Path, path: &Path) -> io::Result<()> {
    fs::rename(temporary, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable.
///
/// # Errors
/// Any refusal of the operating system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Creates a folder with its parents, each name made durable in the folder above it.
///
/// # Errors
/// Any refusal of the operating system.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(folder.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.json");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn sweeping_takes_temporary_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        create(&folder.path().join(".metrics.json.tmp-4711")).unwrap();
        create(&folder.path().join(".keep")).unwrap();
        create(&folder.path().join("state.db")).unwrap();

        sweep(folder.path()).unwrap();

        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".keep", "state.db"]);
    }

    #[test]
    fn a_file_that_cannot_take_its_name_leaves_the_old_one_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
