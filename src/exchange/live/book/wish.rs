//! The rows that are wanted of a book.

use std::time::Duration;

/// The rows that a session makes of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookWish {
    /// The levels of each side of a snapshot.
    pub depth: u32,
    /// The exchange's time between two snapshots.
    pub every: Duration,
    /// Whether every update becomes rows, beside the whole book each hour and each day, instead of snapshots.
    pub deltas: bool,
}

impl Default for BookWish {
    fn default() -> Self {
        BookWish { depth: 50, every: Duration::from_secs(60), deltas: false }
    }
}
