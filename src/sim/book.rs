//! A simulated order book as a pure function of symbol and time.

use super::hash::{below, draw};
use super::path::Path;
use crate::model::Micros;

/// How often the book changes.
const UPDATE_MS: i64 = 100;

/// A book at one instant, of any depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimBook {
    /// Increments with every change.
    pub update_id: i64,
    middle_cents: i64,
    seed: u64,
}

impl SimBook {
    /// The book around a price at an instant.
    pub(super) fn of(path: &Path, at: Micros) -> Self {
        let update_id = at.millis_floor() / UPDATE_MS;
        SimBook {
            update_id,
            middle_cents: path.cents(update_id * UPDATE_MS),
            seed: draw(path.seed() ^ 5, update_id.cast_unsigned()),
        }
    }

    /// Price in cents and amount in 10^-8 of the best bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        self.levels(-1)
    }

    /// Price in cents and amount in 10^-8 of the best asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        self.levels(1)
    }

    fn levels(&self, towards: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let book = *self;
        (0_i64..).map_while(move |level| {
            let drawn = draw(book.seed, (level * 2 + i64::from(towards > 0)).cast_unsigned());
            let price = book.middle_cents + towards * (1 + level * 3 + below(drawn, 3));
            (price > 0).then(|| (price, 1_000 + below(drawn >> 8, 500_000_000)))
        })
    }
}
