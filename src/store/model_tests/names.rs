//! The names of the modelled disk, and how they change.

use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) type Names = BTreeMap<PathBuf, Entry>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File(usize),
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Set(PathBuf, Entry),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

/// Makes a change.
pub(super) fn apply(names: &mut Names, change: &Change) {
    match change {
        Change::Set(path, entry) => {
            names.insert(path.clone(), *entry);
        }
        Change::Remove(path) => {
            names.remove(path);
        }
        Change::Rename(from, to, file) => {
            names.remove(from);
            names.insert(to.clone(), Entry::File(*file));
        }
    }
}
