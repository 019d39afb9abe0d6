//! The buckets of this process: observations are folded into them, and they wait here until the store has them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::buckets::Buckets;
use super::error::UNIT_CHARS;
use super::slot::Slot;
use super::{Key, Kind, Point, Resolution, RollupError};
use crate::model::Micros;

/// The buckets of all metrics of one process.
#[derive(Debug)]
pub struct Fold {
    metrics: BTreeMap<Key, Metric>,
    /// Buckets held, over all metrics and resolutions.
    held: usize,
    most: usize,
}

#[derive(Debug)]
struct Metric {
    kind: Kind,
    unit: Box<str>,
    /// Its buckets, by resolution.
    buckets: [Buckets; Resolution::ALL.len()],
}

/// A bucket whose total the store does not have yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Unwritten {
    /// The metric.
    pub key: Key,
    /// Its kind.
    pub kind: Kind,
    /// Its unit; empty if it has none.
    pub unit: Box<str>,
    /// The width of the bucket.
    pub resolution: Resolution,
    /// The start of the bucket.
    pub bucket: Micros,
    /// The total, with what an earlier process stored.
    pub point: Point,
    /// Which state of the bucket this is.
    version: u64,
}

impl Fold {
    /// No buckets, of which `most` may be held.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Fold { metrics: BTreeMap::new(), held: 0, most }
    }

    /// Folds an observation into its bucket of each resolution.
    ///
    /// # Errors
    /// See [`RollupError`]; nothing changes then, except that a full fold still counts in the buckets that it holds.
    pub fn observe(
        &mut self,
        key: &str,
        (kind, unit): (Kind, &str),
        value: f64,
        at: Micros,
    ) -> Result<(), RollupError> {
        if !value.is_finite() {
            return Err(RollupError::NotFinite { key: key.chars().take(80).collect() });
        }
        let missing = match self.metrics.get(key) {
            Some(metric) => {
                metric.check(key, kind, unit)?;
                Resolution::ALL.iter().filter(|resolution| !metric.has(**resolution, at)).count()
            }
            None => {
                let key = Key::new(key)?;
                if unit.chars().count() > UNIT_CHARS {
                    return Err(RollupError::LongUnit { key: key.to_string() });
                }
                Resolution::ALL.len()
            }
        };
        let is_full = self.held + missing > self.most;
        if !is_full && !self.metrics.contains_key(key) {
            self.metrics.insert(Key::new(key)?, Metric::new(kind, unit));
        }
        if let Some(metric) = self.metrics.get_mut(key) {
            self.held += metric.observe(value, at, !is_full);
        }
        match is_full && missing > 0 {
            true => Err(RollupError::Full { key: key.to_owned(), most: self.most }),
            false => Ok(()),
        }
    }

    /// The buckets that the store does not have as they are now, and that have their base.
    #[must_use]
    pub fn unwritten(&self) -> Vec<Unwritten> {
        let mut found = Vec::new();
        for (key, metric) in &self.metrics {
            for (resolution, bucket, slot) in metric.slots() {
                if slot.is_based && !slot.is_written() {
                    let (point, version) = (slot.point.clone(), slot.version);
                    let (key, kind, unit) = (key.clone(), metric.kind, metric.unit.clone());
                    found.push(Unwritten { key, kind, unit, resolution, bucket, point, version });
                }
            }
        }
        found
    }

    /// The number of buckets that wait for the store.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let slots = self.metrics.values().flat_map(Metric::slots);
        slots.filter(|(_, _, slot)| !slot.is_written()).count()
    }

    /// The most buckets that may be held.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// The time over which buckets lack their base, by resolution.
    #[must_use]
    pub fn baseless(&self) -> Vec<(Resolution, Range<Micros>)> {
        let ranges = Resolution::ALL.into_iter().filter_map(|resolution| {
            let slots = self.metrics.values().flat_map(|metric| metric.buckets[resolution.index()].iter());
            let starts = slots.filter(|(_, slot)| !slot.is_based).map(|(start, _)| start);
            let (first, last) = starts.fold(None, |range: Option<(Micros, Micros)>, start| match range {
                None => Some((start, start)),
                Some((first, last)) => Some((first.min(start), last.max(start))),
            })?;
            Some((resolution, first..resolution.end(last)))
        });
        ranges.collect()
    }

    /// Adds what the store has of this worker to the buckets that lack their base; `stored` is all of it in `range`.
    pub fn rebase(
        &mut self,
        resolution: Resolution,
        range: &Range<Micros>,
        stored: &BTreeMap<(Key, Micros), Point>,
    ) {
        for (key, metric) in &mut self.metrics {
            let buckets = &mut metric.buckets[resolution.index()];
            for (bucket, slot) in buckets.range_mut(range).filter(|(_, slot)| !slot.is_based) {
                slot.rebase(stored.get(&(key.clone(), bucket)));
            }
        }
    }

    /// Notes that the store has these totals. Buckets that have changed since then still wait.
    pub fn wrote(&mut self, written: &[Unwritten]) {
        for one in written {
            let metric = self.metrics.get_mut(&one.key);
            let slot = metric.and_then(|metric| metric.buckets[one.resolution.index()].get_mut(one.bucket));
            if let Some(slot) = slot {
                slot.written = slot.written.max(one.version);
            }
        }
    }

    /// Drops a metric that the store knows as another; returns the number of its buckets.
    pub fn refuse(&mut self, key: &Key) -> usize {
        let dropped = self.metrics.remove(key).map_or(0, |metric| metric.slots().count());
        self.held -= dropped;
        dropped
    }

    /// Drops everything; returns the number of buckets that the store does not have.
    pub fn clear(&mut self) -> usize {
        let waiting = self.waiting();
        self.metrics.clear();
        self.held = 0;
        waiting
    }

    /// Drops buckets that have ended and are stored, and those that are too old to be kept anywhere.
    pub fn forget(&mut self, now: Micros) {
        for resolution in Resolution::ALL {
            let (oldest, open) = (resolution.oldest(now), resolution.bucket(now));
            for metric in self.metrics.values_mut() {
                let buckets = &mut metric.buckets[resolution.index()];
                let before = buckets.len();
                buckets.retain(|start, slot| start >= oldest && (start >= open || !slot.is_written()));
                self.held -= before - buckets.len();
            }
        }
        self.metrics.retain(|_, metric| !metric.buckets.iter().all(Buckets::is_empty));
    }
}

impl Metric {
    fn new(kind: Kind, unit: &str) -> Self {
        Metric { kind, unit: unit.into(), buckets: Default::default() }
    }

    fn check(&self, key: &str, kind: Kind, unit: &str) -> Result<(), RollupError> {
        if self.kind != kind {
            return Err(RollupError::OtherKind { key: key.to_owned(), known: self.kind, given: kind });
        }
        if *self.unit != *unit {
            let given = unit.chars().take(UNIT_CHARS).collect();
            return Err(RollupError::OtherUnit { key: key.to_owned(), known: self.unit.to_string(), given });
        }
        Ok(())
    }

    fn has(&self, resolution: Resolution, at: Micros) -> bool {
        self.buckets[resolution.index()].has(resolution.bucket(at))
    }

    /// Folds an observation in; returns the number of buckets made.
    fn observe(&mut self, value: f64, at: Micros, may_grow: bool) -> usize {
        let mut made = 0;
        for resolution in Resolution::ALL {
            let (buckets, start) = (&mut self.buckets[resolution.index()], resolution.bucket(at));
            if let Some(slot) = buckets.get_mut(start) {
                slot.observe(value, at);
            } else if may_grow {
                buckets.add(start, Slot::of(self.kind, value, at));
                made += 1;
            }
        }
        made
    }

    fn slots(&self) -> impl Iterator<Item = (Resolution, Micros, &Slot)> {
        Resolution::ALL.into_iter().flat_map(|resolution| {
            let buckets = &self.buckets[resolution.index()];
            buckets.iter().map(move |(start, slot)| (resolution, start, slot))
        })
    }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
