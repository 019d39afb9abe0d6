//! The buckets of one metric at one resolution: seldom more than two at a time, and there are thousands of metrics.

use std::ops::Range;

use super::slot::Slot;
use crate::model::Micros;

/// Buckets by their start, in order.
#[derive(Debug, Default)]
pub(super) struct Buckets(Vec<(Micros, Slot)>);

impl Buckets {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, start: Micros) -> bool {
        self.place(start).is_ok()
    }

    pub(super) fn get_mut(&mut self, start: Micros) -> Option<&mut Slot> {
        let place = self.place(start).ok()?;
        self.0.get_mut(place).map(|(_, slot)| slot)
    }

    /// Adds a bucket that is not there.
    pub(super) fn add(&mut self, start: Micros, slot: Slot) {
        let place = self.place(start).unwrap_or_else(|place| place);
        self.0.reserve_exact(1);
        self.0.insert(place, (start, slot));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Micros, &Slot)> {
        self.0.iter().map(|(start, slot)| (*start, slot))
    }

    pub(super) fn range_mut(&mut self, range: &Range<Micros>) -> impl Iterator<Item = (Micros, &mut Slot)> {
        let within = self.0.iter_mut().filter(|(start, _)| range.contains(start));
        within.map(|(start, slot)| (*start, slot))
    }

    pub(super) fn retain(&mut self, keep: impl Fn(Micros, &Slot) -> bool) {
        self.0.retain(|(start, slot)| keep(*start, slot));
    }

    /// Where a bucket is, or where it would be; most often it is the last.
    fn place(&self, start: Micros) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if *last == start => Ok(self.0.len() - 1),
            Some((last, _)) if *last < start => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&start, |(own, _)| *own),
        }
    }
}
