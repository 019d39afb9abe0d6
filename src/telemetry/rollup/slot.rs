//! One bucket of one metric in memory, between the first observation and the last write.

use super::{Kind, Point};
use crate::model::Micros;

/// A bucket and how much of it the store has.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) point: Point,
    /// Whether `point` includes what an earlier process of this worker stored.
    pub(super) is_based: bool,
    /// Counts the changes of `point`.
    pub(super) version: u64,
    /// The version that the store has.
    pub(super) written: u64,
}

impl Slot {
    pub(super) fn of(kind: Kind, value: f64, at: Micros) -> Self {
        Slot { point: Point::of(kind, value, at), is_based: false, version: 1, written: 0 }
    }

    pub(super) fn observe(&mut self, value: f64, at: Micros) {
        self.point.observe(value, at);
        self.version += 1;
    }

    /// Adds what is stored, once.
    pub(super) fn rebase(&mut self, stored: Option<&Point>) {
        if !self.is_based {
            stored.inspect(|stored| self.point.merge(stored));
            self.is_based = true;
        }
    }

    pub(super) fn is_written(&self) -> bool {
        self.written == self.version
    }
}
