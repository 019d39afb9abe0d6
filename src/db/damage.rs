//! Detects damage to the files of the embedded store before anything else uses them, and sets damaged ones aside;
//! nothing is deleted.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::disk::atomic;
use crate::model::Micros;

/// The store and SQLite's helper files beside it, the store first.
const FILES: [&str; 4] = ["state.db", "state.db-wal", "state.db-shm", "state.db-journal"];
/// The first bytes of every SQLite file, and the length of its header.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEAD_BYTES: usize = 100;
/// The position of its two format versions.
const VERSIONS: std::ops::Range<usize> = 18..20;

/// A damaged store that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its new path.
    pub to: PathBuf,
    /// The damage.
    pub why: String,
    /// When it was set aside.
    pub at: Micros,
}

/// Damage to a store's files that is visible without opening them.
///
/// # Errors
/// If they cannot be examined.
pub(super) fn visible(own: &Path) -> io::Result<Option<String>> {
    let mut there = Vec::new();
    for name in FILES {
        match plain(&own.join(name)) {
            Ok(true) => there.push(name),
            Ok(false) => return Ok(Some(format!("{name} is no file"))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    match there.first() {
        None => Ok(None),
        Some(&"state.db") => head(&own.join("state.db")),
        Some(left) => Ok(Some(format!("{left} is there without it"))),
    }
}

/// Whether a path leads to a plain file. A dangling or circular link counts as missing.
fn plain(path: &Path) -> io::Result<bool> {
    let is_link = fs::symlink_metadata(path)?.is_symlink();
    match fs::metadata(path) {
        Ok(found) => Ok(found.is_file()),
        Err(_) if is_link => Ok(false),
        Err(error) => Err(error),
    }
}

fn head(path: &Path) -> io::Result<Option<String>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let said = if head.is_empty() {
        "it is empty"
    } else if head.len() < HEAD_BYTES {
        "it is cut off within its head"
    } else if !head.starts_with(MAGIC) {
        "it does not begin as a file of SQLite does"
    } else if !head[VERSIONS].iter().all(|version| matches!(version, 1 | 2)) {
        "its head is damaged"
    } else {
        return Ok(None);
    };
    Ok(Some(said.to_owned()))
}

/// Moves the files of a store to the quarantine.
///
/// # Errors
/// Any I/O error.
pub(super) fn set_aside(own: &Path, why: &str, at: Micros) -> io::Result<SetAside> {
    let folder = own.join("quarantine");
    // If the quarantine cannot be created, or is on another disk, a name beside the store will do.
    let folders =
        if atomic::create_folder(&folder).is_ok() { vec![folder.as_path(), own] } else { vec![own] };
    let mut to = None;
    for name in FILES {
        match moved(&own.join(name), &folders, &format!("{name}.{}", at.0)) {
            Ok(moved) => drop(to.get_or_insert(moved)),
            // SQLite may remove its helper files when the last connection closes.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    folders.iter().try_for_each(|folder| atomic::sync_folder(folder))?;
    atomic::sync_folder(own)?;
    let to = to.ok_or_else(|| io::Error::other("there is nothing to set aside"))?;
    Ok(SetAside { to, why: why.split_whitespace().collect::<Vec<_>>().join(" "), at })
}

fn moved(from: &Path, folders: &[&Path], name: &str) -> io::Result<PathBuf> {
    let mut refused = io::Error::from(ErrorKind::NotFound);
    for folder in folders {
        let to = folder.join(name);
        match fs::rename(from, &to) {
            Ok(()) => return Ok(to),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// When a store of this data path was last set aside, by any process, if ever.
pub(super) fn last(own: &Path) -> Option<Micros> {
    let names =
        |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let stamps = names(own.join("quarantine")).chain(names(own.to_owned())).filter_map(|name| {
        let name = name.into_string().ok()?;
        name.strip_prefix("state.db")?.rsplit_once('.')?.1.parse::<i64>().ok()
    });
    stamps.max().map(Micros)
}
