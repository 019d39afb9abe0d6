//! Doubts about a running candle: a frame that was lost, and words that contradict one another.

use std::cmp::Ordering;

use crate::model::{Candle, Grid, Micros};

/// A frame that may have changed candles could not be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doubt {
    /// The first open that it may concern.
    pub(crate) from: Micros,
    /// When it came, by the exchange's time.
    pub(crate) at: Micros,
}

impl Doubt {
    /// Where those begin that it does not concern: behind the one that ran when the frame came.
    pub(crate) fn concerned(self, grid: Grid) -> Micros {
        grid.next(grid.floor(self.at))
    }

    /// The rest of it once all before an open is known.
    pub(crate) fn behind(self, open: Micros, grid: Grid) -> Option<Self> {
        (open < self.concerned(grid)).then_some(Doubt { from: open.max(self.from), ..self })
    }
}

/// The second of two words on one candle, compared with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// It has more in it.
    Newer,
    /// It has less in it, or is the same.
    Older,
    /// Each has more in it by one measure.
    Contradict,
}

/// Compares two words; candles only grow.
pub(crate) fn words(before: &Candle, after: &Candle) -> Words {
    match (after.trades.cmp(&before.trades), after.volume.total_cmp(&before.volume)) {
        (Ordering::Less | Ordering::Equal, Ordering::Less | Ordering::Equal) => Words::Older,
        (Ordering::Greater | Ordering::Equal, Ordering::Greater | Ordering::Equal) => Words::Newer,
        _ => Words::Contradict,
    }
}
