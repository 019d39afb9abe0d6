//! How a store keeps accepted rows.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};

use crate::model::Micros;
use crate::store::rows::GROUP_ROWS;
use crate::store::{Layout, StoreError};

/// How accepted rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Every frame is made durable before it counts as accepted.
    pub sync_each: bool,
    /// Tells this journal from every other; random.
    pub journal_id: u64,
    /// The present, for the reasons of gaps.
    pub now: Micros,
    /// When something is large.
    pub bounds: Bounds,
}

/// From which size on things are done otherwise; the tests bring them within reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// A period's file of up to so many rows is simply rewritten; beside a larger one stands an open file.
    pub small_rows: u64,
    /// A segment of the journal that is this long is closed and the next begun.
    pub segment_bytes: u64,
    /// Frames that are not durable stay in memory; past this much of them accepting waits for a sync.
    pub unsynced_bytes: usize,
    /// Rows of a series that replay keeps in memory before it publishes them.
    pub replayed_rows: usize,
}

/// Rows up to which rewriting a file costs no more than all else an append does: a year of hours has 8 784.
pub const SMALL_ROWS: u64 = 10_000;

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            small_rows: SMALL_ROWS,
            segment_bytes: 16 << 20,
            unsynced_bytes: 8 << 20,
            replayed_rows: 4 * GROUP_ROWS,
        }
    }
}

impl StoreSettings {
    /// The usual ones of a journal that syncs now and then.
    #[must_use]
    pub fn of(journal_id: u64, now: Micros) -> Self {
        StoreSettings { sync_each: false, journal_id, now, bounds: Bounds::default() }
    }

    /// The usual ones, with an id for the journal that no other has.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn drawn(layout: &Layout, now: Micros, sync_each: bool) -> Result<Self, StoreError> {
        let mut id = [0; 8];
        let drawn = SystemRandom::new().fill(&mut id).map_err(|_| io::Error::other("there is no randomness"));
        drawn.map_err(StoreError::io("drawing an id for", &layout.journal()))?;
        // 53 bits: JSON readers of the ledger hold those exactly.
        let journal_id = u64::from_le_bytes(id) >> 11;
        Ok(StoreSettings { sync_each, ..StoreSettings::of(journal_id, now) })
    }
}
