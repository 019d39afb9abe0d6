//! The content of frames since the last hand-over: rows by topic, events and counts.

use crate::exchange::live::{Event, TopicId};
use crate::model::{Batch, Kind, Micros};

/// Rows of a book from so many on are taken for a whole one.
const WHOLE_ROWS: u64 = 64;

/// The content of frames since the last hand-over. One belongs to one connection and is used again and again, so
/// that a row costs no allocation.
#[derive(Debug, Default)]
pub struct Received {
    batches: Vec<Option<Batch>>,
    /// The topics with rows, in the order of their first.
    filled: Vec<TopicId>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Counts of the rest.
    pub counts: Counts,
}

/// Counts of things that need no event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames.
    pub frames: u64,
    /// Rows.
    pub rows: u64,
    /// Frames that are known and were not asked for.
    pub unasked: u64,
    /// Frames of a kind that is not known.
    pub unknown: u64,
    /// Rows that were left out because they had come before.
    pub repeated: u64,
    /// Whole books that did not bring a book into step.
    pub failed_resyncs: u64,
}

impl Received {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Received::default()
    }

    /// Whether there are neither rows nor events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty() && self.events.is_empty()
    }

    /// The rows of each topic that has any, in the order in which they came: rows that the exchange sent late stand
    /// behind newer ones.
    pub fn batches(&self) -> impl Iterator<Item = (TopicId, &Batch)> {
        self.filled.iter().filter_map(|id| Some((*id, self.batches.get(id.0 as usize)?.as_ref()?)))
    }

    /// The rows of one topic.
    #[must_use]
    pub fn batch(&self, topic: TopicId) -> Option<&Batch> {
        self.batches.get(topic.0 as usize)?.as_ref().filter(|batch| !batch.is_empty())
    }

    /// Takes the rows of one topic out.
    #[doc(hidden)]
    pub fn take(&mut self, topic: TopicId) -> Option<Batch> {
        self.filled.retain(|filled| *filled != topic);
        self.batches.get_mut(topic.0 as usize)?.take().filter(|batch| !batch.is_empty())
    }

    /// Leaves out the rows of one topic from an instant on.
    pub(crate) fn leave_out_from(&mut self, topic: TopicId, from: Micros) {
        let Some(batch) = self.batches.get_mut(topic.0 as usize).and_then(Option::as_mut) else { return };
        if batch.ts().iter().all(|ts| *ts < from.0) {
            return;
        }
        let kept: Vec<usize> = (0..batch.len()).filter(|row| batch.ts()[*row] < from.0).collect();
        self.counts.rows -= (batch.len() - kept.len()) as u64;
        *batch = batch.gather(&kept);
        if batch.is_empty() {
            self.filled.retain(|filled| *filled != topic);
        }
    }

    /// Forgets all of it, once it was handed over. The room of its rows is kept, but not that of whole books: they come seldom,
    /// and there may be a thousand of them.
    pub fn clear(&mut self) {
        for id in self.filled.drain(..) {
            let Some(own) = self.batches.get_mut(id.0 as usize) else { continue };
            if own.as_ref().is_some_and(is_of_whole_books) {
                *own = None;
            } else if let Some(batch) = own {
                batch.truncate(0);
            }
        }
        self.events.clear();
        self.counts = Counts::default();
    }

    /// Frees the room of one topic that is no longer listened to.
    #[doc(hidden)]
    pub fn forget(&mut self, topic: TopicId) {
        drop(self.take(topic));
    }

    /// The batch to append a row of a topic to.
    pub fn row_of(&mut self, topic: TopicId, kind: Kind) -> &mut Batch {
        self.rows_of(topic, kind, 1)
    }

    /// The batch to append so many rows of a topic to.
    pub fn rows_of(&mut self, topic: TopicId, kind: Kind, rows: u64) -> &mut Batch {
        let place = topic.0 as usize;
        if place >= self.batches.len() {
            self.batches.resize_with(place + 1, || None);
        }
        self.counts.rows += rows;
        let batch = self.batches[place].get_or_insert_with(|| Batch::of(kind));
        if batch.is_empty() {
            self.filled.push(topic);
        }
        if rows >= WHOLE_ROWS {
            batch.reserve_close(usize::try_from(rows).unwrap_or_default());
        }
        batch
    }
}

fn is_of_whole_books(batch: &Batch) -> bool {
    batch.kind() == Kind::OrderBook && batch.len() as u64 >= WHOLE_ROWS
}
