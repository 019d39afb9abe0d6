//! The feed: the latest events, for those who follow along.
//!
//! One ring for all readers, bounded by events and by bytes. A reader has a place in it and takes the events behind; one
//! that does not keep up finds that its place is gone. So nothing here waits for a reader, and none costs memory.

mod item;
mod tap;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::now;
use crate::model::{Micros, Series};
pub use item::{FeedEvent, FeedItem, RunState};
pub use tap::{Tap, Watch};

/// The most events that are kept.
const MOST_EVENTS: usize = 4_096;
/// The most bytes of them, about.
const MOST_BYTES: usize = 4 << 20;

/// The feed of a process.
pub struct Feed {
    /// Tells this process from others.
    epoch: u64,
    ring: Mutex<Ring>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
}

struct Ring {
    events: VecDeque<Arc<FeedEvent>>,
    bytes: usize,
    most_events: usize,
    most_bytes: usize,
    /// The number of the next event.
    next: u64,
    /// Rows accepted since they were last told.
    rows: BTreeMap<Series, u64>,
}

/// Events that a reader takes at once.
#[derive(Debug)]
pub struct Taken {
    /// The events behind its place.
    pub events: Vec<Arc<FeedEvent>>,
    /// Events behind its place that are gone.
    pub missed: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Feed::bounded(MOST_EVENTS, MOST_BYTES)
    }
}

impl Feed {
    /// A feed that keeps so many events, and so many bytes of them, about.
    fn bounded(most_events: usize, most_bytes: usize) -> Self {
        let (events, rows) = (VecDeque::new(), BTreeMap::new());
        let ring = Ring { events, bytes: 0, most_events, most_bytes, next: 1, rows };
        let epoch = u64::try_from(now().0).unwrap_or(0);
        Feed { epoch, ring: Mutex::new(ring), newest: watch::Sender::new(0) }
    }

    /// Puts an event on the feed.
    pub(super) fn put(&self, item: FeedItem, at: Micros) {
        let number = self.ring().push(item, at);
        self.newest.send_replace(number);
    }

    /// Forgets the events that are kept; the next one is numbered on from them.
    fn clear(&self) {
        let mut ring = self.ring();
        (ring.events, ring.bytes) = (VecDeque::new(), 0);
    }

    /// Counts rows, which are told together.
    pub(super) fn count_rows(&self, series: &Series, rows: u64) {
        if rows == 0 {
            return;
        }
        let mut ring = self.ring();
        match ring.rows.get_mut(series) {
            Some(own) => *own += rows,
            None => drop(ring.rows.insert(series.clone(), rows)),
        }
    }

    /// The rows that were counted since the last time; none where nothing was.
    pub(super) fn take_rows(&self) -> Option<BTreeMap<Series, u64>> {
        let rows = std::mem::take(&mut self.ring().rows);
        (!rows.is_empty()).then_some(rows)
    }

    /// Tells the numbers of this process from those of another.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of the newest event; 0 before the first.
    #[must_use]
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Wakes when there is a newer event.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// The next events behind a place, `most` of them.
    #[must_use]
    pub fn behind(&self, place: u64, most: usize) -> Taken {
        let ring = self.ring();
        let oldest = ring.next - ring.events.len() as u64;
        let missed = oldest.saturating_sub(place.saturating_add(1));
        let from = usize::try_from((place + 1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        let events = ring.events.iter().skip(from).take(most).cloned().collect();
        Taken { events, missed }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, item: FeedItem, at: Micros) -> u64 {
        let event = FeedEvent::new(self.next, item, at);
        self.bytes += event.bytes();
        self.events.push_back(Arc::new(event));
        self.next += 1;
        while self.events.len() > self.most_events || (self.bytes > self.most_bytes && self.events.len() > 1)
        {
            let gone = self.events.pop_front();
            self.bytes -= gone.map_or(0, |gone| gone.bytes());
        }
        self.next - 1
    }
}
