//! The files that seeds are made of: payloads written by hand, recorded answers and frames, files of older versions.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer files make every round slow and find no more.
const MOST_BYTES: usize = 64 << 10;

/// The folder of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The recorded answers of exchanges, if they are here.
pub(super) fn recordings() -> PathBuf {
    std::env::var_os("DCCD_FIXTURES").map_or_else(|| root().join("../shared/fixtures"), PathBuf::from)
}

/// The files of a folder that are not long, by name; none where there is no folder.
pub(super) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(String, Vec<u8>)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((name, fs::read(entry.path()).ok()?))
        })
        .filter(|(_, bytes)| bytes.len() <= MOST_BYTES)
        .collect();
    files.sort();
    files
}

/// The files below a folder whose names end so.
pub(super) fn below(folder: &Path, end: &str) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> =
        files(folder).into_iter().filter(|(name, _)| name.ends_with(end)).map(|(_, bytes)| bytes).collect();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).collect();
    folders.sort();
    found.extend(folders.iter().flat_map(|folder| below(folder, end)));
    found
}

/// The first lines of a text, up to so many bytes.
pub(super) fn head(bytes: &[u8], most: usize) -> &[u8] {
    let head = &bytes[..bytes.len().min(most)];
    let end = head.iter().rposition(|byte| *byte == b'\n').unwrap_or(head.len());
    &head[..end]
}
