//! Updates that wait for a whole book, the oldest of which go where they are too many.

use std::collections::VecDeque;

use crate::exchange::live::book::Level;
use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::ids::Ids;
use crate::model::Micros;

/// The most levels that wait for one book. What went is missing where the whole book is older: it is asked for again.
const MOST_LEVELS: usize = 5_000;

/// Updates in the order in which they came. Their texts are not kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    updates: VecDeque<Update>,
    levels: VecDeque<Level>,
}

#[derive(Clone, Copy, Debug)]
struct Update {
    ids: Ids,
    ts: Option<Micros>,
    bids: usize,
    asks: usize,
}

impl Waiting {
    pub(crate) fn clear(&mut self) {
        *self = Waiting::default();
    }

    /// Gives its room back where none waits.
    pub(crate) fn give_back(&mut self) {
        if self.updates.is_empty() {
            self.clear();
        }
    }

    pub(crate) fn push(&mut self, change: &Change) {
        let Change { ids, ts, bids, asks, .. } = change;
        self.levels.extend(bids.iter().chain(asks));
        self.updates.push_back(Update { ids: *ids, ts: *ts, bids: bids.len(), asks: asks.len() });
        while self.levels.len() > MOST_LEVELS || self.updates.len() > MOST_LEVELS {
            let Some(oldest) = self.updates.pop_front() else { return };
            self.levels.drain(..oldest.bids + oldest.asks);
        }
    }

    /// The memory they take, in bytes, with the room for more of them.
    pub(crate) fn bytes(&self) -> usize {
        self.updates.capacity() * size_of::<Update>() + self.levels.capacity() * size_of::<Level>()
    }

    /// Takes the oldest out.
    pub(crate) fn pop(&mut self, into: &mut Change) -> bool {
        let Some(oldest) = self.updates.pop_front() else { return false };
        into.clear();
        into.bids.extend(self.levels.drain(..oldest.bids));
        into.asks.extend(self.levels.drain(..oldest.asks));
        (into.ids, into.ts) = (oldest.ids, oldest.ts);
        true
    }

    /// Puts one back in front.
    pub(crate) fn put_back(&mut self, change: &Change) {
        for level in change.bids.iter().chain(&change.asks).rev() {
            self.levels.push_front(*level);
        }
        let (bids, asks) = (change.bids.len(), change.asks.len());
        self.updates.push_front(Update { ids: change.ids, ts: change.ts, bids, asks });
    }
}
