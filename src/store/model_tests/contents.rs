//! The content of a file of the modelled disk, of which a power cut keeps what was synced and any part of the rest.

use std::io;
use std::ops::Range;

use super::Dice;
use super::guard::Guard;
use crate::disk::Reading;

const BLOCK: usize = 512;

#[derive(Clone, Default)]
pub(super) struct Contents {
    pub(super) bytes: Vec<u8>,
    /// So many bytes from the start were synced.
    pub(super) synced: usize,
    /// Bytes a failed sync forgot: they count as clean, and are not on the disk.
    pub(super) forgotten: Range<usize>,
    pub(super) guard: Option<Guard>,
    pub(super) modified: i64,
}

impl Contents {
    /// Of what was not synced, any blocks and any length survive.
    pub(super) fn cut(&mut self, dice: &mut Dice) {
        let kept = self.synced + dice.below((self.bytes.len() - self.synced) as u64 + 1) as usize;
        self.bytes.truncate(kept);
        for block in (0..kept).step_by(BLOCK) {
            let unsynced = block.max(self.synced)..(block + BLOCK).min(kept);
            if !unsynced.is_empty() && dice.below(2) == 0 {
                self.bytes[unsynced].fill(0);
            }
        }
        let forgotten = self.forgotten.start.min(kept)..self.forgotten.end.min(kept);
        self.bytes[forgotten].fill(0);
        (self.synced, self.forgotten) = (kept, 0..0);
        self.modified += 1 << 20;
    }
}

#[derive(Debug)]
pub(super) struct Snapshot(pub(super) Vec<u8>);

impl Reading for Snapshot {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
