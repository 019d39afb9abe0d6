//! A book: two sides, changed by messages, cut to its depth.

use crate::exchange::live::book::Level;
use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::side::{BookSide, Effect};
use crate::model::Side;

/// How the best bid and the best ask stand to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The bid is below the ask, or a side is empty.
    Open,
    /// They are one price.
    Locked,
    /// The bid is above the ask.
    Crossed,
}

/// A book as it was kept so far.
#[derive(Clone, Debug)]
pub struct Book {
    bids: BookSide,
    asks: BookSide,
    /// The most levels of each side, where the exchange tells no more.
    depth: Option<usize>,
    /// The levels that the last change pushed out of the depth.
    pushed_out: Vec<(Side, Level)>,
}

impl Book {
    /// An empty book; `depth` is that of the levels the exchange tells.
    pub(crate) fn new(depth: Option<usize>) -> Self {
        let (bids, asks) = (BookSide::new(Side::Bid), BookSide::new(Side::Ask));
        Book { bids, asks, depth, pushed_out: Vec::new() }
    }

    /// The bids.
    #[must_use]
    pub fn bids(&self) -> &BookSide {
        &self.bids
    }

    /// The asks.
    #[must_use]
    pub fn asks(&self) -> &BookSide {
        &self.asks
    }

    /// Both sides, bids first.
    #[must_use]
    pub fn sides(&self) -> [&BookSide; 2] {
        [&self.bids, &self.asks]
    }

    /// Whether a side ends where a whole book was cut, so that nothing is known behind its last level.
    #[must_use]
    pub fn is_cut_off(&self, side: Side) -> bool {
        self.side(side).has_floor()
    }

    /// Whether it is crossed or locked.
    #[must_use]
    pub fn spread(&self) -> Spread {
        match (self.bids.best(), self.asks.best()) {
            (Some(bid), Some(ask)) if bid.price > ask.price => Spread::Crossed,
            (Some(bid), Some(ask)) if bid.price == ask.price => Spread::Locked,
            _ => Spread::Open,
        }
    }

    /// The levels that the last change pushed out of the depth, beside those it names.
    pub(crate) fn pushed_out(&self) -> &[(Side, Level)] {
        &self.pushed_out
    }

    /// The side with its bids or asks.
    pub(crate) fn side(&self, side: Side) -> &BookSide {
        if side == Side::Bid { &self.bids } else { &self.asks }
    }

    pub(crate) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.pushed_out.clear();
    }

    /// Replaces it by a whole book. Returns whether that can be one: no price is there twice, and none without an amount.
    pub(crate) fn replace(&mut self, whole: &Change) -> bool {
        self.clear();
        let mut is_whole = !whole.is_empty();
        for side in [Side::Bid, Side::Ask] {
            let levels = whole.side(side);
            let own = if side == Side::Bid { &mut self.bids } else { &mut self.asks };
            own.make_room(levels.len(), whole.written(side, 0).is_some());
            let mut set = |place: usize| {
                let effect = own.set(levels[place], whole.written(side, place));
                is_whole &= effect == Effect::Added;
            };
            // The worst first, so that each is appended.
            let is_best_first = match levels {
                [first, .., last] => (first.price > last.price) == (side == Side::Bid),
                _ => true,
            };
            if is_best_first {
                (0..levels.len()).rev().for_each(set)
            } else {
                (0..levels.len()).for_each(&mut set)
            }
            if whole.asked.is_some_and(|asked| levels.len() >= asked) {
                own.end_here();
            }
        }
        self.cut();
        self.pushed_out.clear();
        is_whole
    }

    /// Changes levels, in the order of the message.
    #[inline]
    pub(crate) fn apply(&mut self, change: &Change) {
        self.pushed_out.clear();
        for (place, level) in change.bids.iter().enumerate() {
            self.bids.set(*level, change.written(Side::Bid, place));
        }
        for (place, level) in change.asks.iter().enumerate() {
            self.asks.set(*level, change.written(Side::Ask, place));
        }
        self.cut();
    }

    fn cut(&mut self) {
        let Some(depth) = self.depth else { return };
        let Book { bids, asks, pushed_out, .. } = self;
        bids.cut(depth, |level| pushed_out.push((Side::Bid, *level)));
        asks.cut(depth, |level| pushed_out.push((Side::Ask, *level)));
    }

    /// Whether a side is known to fewer levels than these, though there are more.
    pub(crate) fn is_shallow(&self, depth: usize) -> bool {
        self.sides().into_iter().any(|side| side.has_floor() && side.len() < depth)
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
