//! One file of the journal: a head that says whose it is, then frames.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, Writing, aside};
use crate::store::journal::frame;

/// The first bytes of every segment; the last is the format.
const MAGIC: &[u8; 8] = b"dccdwal\x01";
/// Bytes of the head: magic, journal, first position, check sum.
pub(super) const HEAD_BYTES: usize = 28;
/// Suffix of segment files.
const SUFFIX: &str = ".journal";

/// A segment that is being written.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn Writing>,
    /// Seeds the check sums of its frames.
    pub(super) seed: u32,
    pub(super) bytes: u64,
    most_bytes: u64,
}

impl Segment {
    /// Makes a segment whose first frame will stand at position `first`, with room set aside for all of it, so
    /// that a full disk shows here rather than amid a frame.
    pub(super) fn create(
        disk: &dyn Disk,
        folder: &Path,
        journal: u64,
        first: u64,
        most_bytes: u64,
    ) -> io::Result<Self> {
        let path = free_name(disk, folder, journal, first)?;
        let temporary = aside(&path);
        let made = disk.create_anew(&temporary).and_then(|file| {
            file.reserve(most_bytes)?;
            file.append_all(&head(journal, first))?;
            file.sync()?;
            disk.take_name(&temporary, &path)?;
            Ok(file)
        });
        let file = made.inspect_err(|_| {
            let _ = disk.remove(&temporary);
        })?;
        let seed = frame::seed(journal, first);
        Ok(Segment { path, file, seed, bytes: HEAD_BYTES as u64, most_bytes })
    }

    pub(super) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.append_all(frame)?;
        self.bytes += frame.len() as u64;
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.most_bytes
    }
}

/// Parses a segment's head: its journal and the position of its first frame.
pub(super) fn parse_head(bytes: &[u8]) -> Option<(u64, u64)> {
    let head = bytes.get(..HEAD_BYTES)?;
    let journal = u64::from_le_bytes(head[8..16].try_into().ok()?);
    let first = u64::from_le_bytes(head[16..24].try_into().ok()?);
    (*head == self::head(journal, first)).then_some((journal, first))
}

/// The journal and the first position from a segment's name, should its head be damaged.
pub(super) fn parse_name(name: &str) -> Option<(u64, u64)> {
    let mut parts = name.strip_suffix(SUFFIX)?.split('-');
    let first = u64::from_str_radix(parts.next()?, 16).ok()?;
    let journal = u64::from_str_radix(parts.nth(1)?, 16).ok()?;
    Some((journal, first))
}

pub(super) fn head(journal: u64, first: u64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&journal.to_le_bytes());
    head[16..24].copy_from_slice(&first.to_le_bytes());
    let crc = crc32fast::hash(&head[..24]);
    head[24..].copy_from_slice(&crc.to_le_bytes());
    head
}

/// A name in the order of positions. Two segments may begin at one position, where the first of them failed.
fn free_name(disk: &dyn Disk, folder: &Path, journal: u64, first: u64) -> io::Result<PathBuf> {
    for again in 0_u32.. {
        let path = folder.join(format!("{first:016x}-{again:04x}-{journal:014x}{SUFFIX}"));
        if disk.look(&path)?.is_none() {
            return Ok(path);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
