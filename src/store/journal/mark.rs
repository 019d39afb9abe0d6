//! Places in a journal, and how far it has come.

use serde::{Deserialize, Serialize};

/// A place in a journal: everything of a series up to it is in the file, or accounted for in the ledger,
/// that carries the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which journal.
    pub journal: u64,
    /// The position of the frame.
    pub position: u64,
}

impl Mark {
    /// Whether a mark of the same journal stands at or before this one.
    pub(crate) fn holds(self, other: Mark) -> bool {
        self.journal == other.journal && self.position >= other.position
    }
}

/// How far the journal has come, and how much it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Frames accepted by this process.
    pub accepted_frames: u64,
    /// Frames of them that are durable.
    pub durable_frames: u64,
    /// Position of the last durable frame.
    pub durable: u64,
    /// Bytes accepted and not durable.
    pub unsynced_bytes: u64,
    /// Segments on disk.
    pub segments: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// How often a failed sync made it write frames anew.
    pub rewrites: u64,
}
