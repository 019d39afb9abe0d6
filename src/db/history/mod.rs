//! The history of metrics in the state store: written in one transaction for all metrics, merged over the workers when it
//! is read, and pruned by age.
//!
//! **A worker's row is the total of its bucket, and is replaced.** A write whose answer was lost may therefore be repeated.
//! One process at a time writes for a worker on a data path; one that was overtaken is refused.

mod point;
mod prune;
mod read;
mod sql;
mod write;

pub use read::{HistoryPage, HistoryQuery, KeptMetric};
pub use write::{HistoryWriter, WriteEnd};
