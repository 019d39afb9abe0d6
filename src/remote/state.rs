//! The state of each remote, kept over restarts in `.dccd/remotes.json`. A cache: without it a sync finds out
//! again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::atomic;

/// The state of a remote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// When everything was last verified there, in microseconds since 1970.
    pub last_success: Option<i64>,
    /// Consecutive failed syncs since.
    pub consecutive_errors: u32,
    /// The error of the last sync.
    pub last_error: Option<String>,
    /// Files and ledgers not verified there.
    pub pending_files: u64,
    /// Their size in bytes.
    pub pending_bytes: u64,
}

/// Larger files are not ours: each remote takes some hundred bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The saved states by name; empty if the file cannot be read.
#[must_use]
pub fn read_known(own: &Path) -> BTreeMap<String, Known> {
    let mut bytes = Vec::new();
    let read = File::open(path(own)).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    read.ok().and_then(|_| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Saves the states.
///
/// # Errors
/// An I/O error.
pub fn write_known(own: &Path, known: &BTreeMap<String, Known>) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(known).map_err(io::Error::other)?;
    atomic::replace(&path(own), &text)
}

fn path(own: &Path) -> PathBuf {
    own.join("remotes.json")
}
