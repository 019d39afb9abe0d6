//! Identifies the host and the data path a process runs on.

use std::path::Path;

use crate::clock::now;
use crate::disk::atomic;

/// The name of this host; each container has its own.
pub(crate) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

/// The identity of a data path: a number drawn once and kept in a file of its own.
pub(crate) fn place_id(own: &Path) -> String {
    let path = own.join("place");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if known.trim().len() == 16 {
        return known.trim().to_owned();
    }
    let mut bytes = [0_u8; 8];
    let drawn = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    let id = if drawn.is_ok() { u64::from_ne_bytes(bytes) } else { now().0.unsigned_abs() };
    let id = format!("{id:016x}");
    if let Err(error) = atomic::replace(&path, format!("{id}\n").as_bytes()) {
        tracing::warn!(%error, "{} cannot be written: after a crash tasks wait for their leases to end", path.display());
    }
    id
}

pub(crate) fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * rustix::param::page_size() as u64
}
