//! Rollups of counters, gauges and histograms. Pure: the caller gives the time, and stores what is folded.
//!
//! Decisions:
//!
//! * **Every observation is folded into a bucket of each resolution at once**, so that no resolution is derived from
//!   another later, and each is complete while it is open.
//! * **A worker stores the total of its bucket and replaces it**, so that a write that is repeated counts once. Before
//!   the first write of a bucket it adds what an earlier process of the same worker stored there.
//! * **Workers are merged when they are read**: counts and sums add, the newest sample of a gauge is its value, and
//!   sketches add bin by bin. The order does not matter.
//! * **The sketch is ours**: sparse, so that a minute with one value takes a few bytes in the store.

mod buckets;
mod error;
mod fold;
mod key;
mod point;
mod resolution;
mod sketch;
mod slot;

pub use error::RollupError;
pub use fold::{Fold, Unwritten};
pub use key::{Key, matches_prefix};
pub use point::{Kind, Point};
pub use resolution::{Resolution, UnknownResolution};
pub use sketch::Sketch;
