//! A simulated order book as a pure function of symbol and time.
//!
//! Prices have slots of three cents, and a slot keeps its price for good and its amount for a while; the middle moves every
//! few seconds. So few levels change at an update, and the book at each update can be told without those before it.

use std::collections::BTreeMap;

use super::hash::{below, draw};
use super::path::Path;
use crate::model::Micros;

/// How often the book changes.
pub(super) const UPDATE_MS: i64 = 100;

/// How many updates the middle stays where it is.
const STAYS: i64 = 30;

/// How many updates a slot keeps its amount.
const KEEPS: i64 = 40;

/// The most levels of a side.
const LEVELS: usize = 5_000;

/// A book at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimBook {
    /// Increments with every change.
    pub update_id: i64,
    middle: i64,
    seed: u64,
}

/// Levels that changed: price in cents and amount in 10^-8, which is zero where the level went.
pub(super) type Changed = Vec<(i64, i64)>;

impl SimBook {
    /// The book around a price at an instant.
    pub(super) fn of(path: &Path, at: Micros) -> Self {
        SimBook::at_update(path, at.millis_floor().div_euclid(UPDATE_MS))
    }

    /// The book after an update.
    pub(super) fn at_update(path: &Path, update_id: i64) -> Self {
        let middle_cents = path.cents(update_id.div_euclid(STAYS) * STAYS * UPDATE_MS);
        SimBook { update_id, middle: middle_cents / 3, seed: path.seed() ^ 5 }
    }

    /// When it became so.
    #[must_use]
    pub fn at(&self) -> Micros {
        Micros::from_millis(self.update_id * UPDATE_MS)
    }

    /// Price in cents and amount in 10^-8 of the best bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        self.levels(-1)
    }

    /// Price in cents and amount in 10^-8 of the best asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        self.levels(1)
    }

    /// The bids and asks that differ from those of an earlier book. Of `depth` levels a side: one that was pushed out of
    /// them is not told.
    pub(super) fn since(&self, before: &SimBook, depth: Option<usize>) -> (Changed, Changed) {
        let most = depth.unwrap_or(LEVELS);
        let pushed = |price: i64, worst: Option<i64>, towards: i64| {
            depth.is_some() && worst.is_some_and(|worst| (price - worst) * towards > 0)
        };
        let of = |towards: i64| {
            let old: BTreeMap<i64, i64> = before.levels(towards).take(most).collect();
            let new: BTreeMap<i64, i64> = self.levels(towards).take(most).collect();
            let worst = self.levels(towards).take(most).last().map(|(price, _)| price);
            let gone =
                old.keys().filter(|price| !new.contains_key(price) && !pushed(**price, worst, towards));
            let mut changed: Changed = gone.map(|price| (*price, 0)).collect();
            changed.extend(new.into_iter().filter(|(price, amount)| old.get(price) != Some(amount)));
            changed
        };
        (of(-1), of(1))
    }

    fn levels(&self, towards: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let book = *self;
        let first = if towards > 0 { book.middle + 1 } else { book.middle };
        let slots = (0_i64..).map(move |level| first + towards * level).take(LEVELS);
        slots.map_while(move |slot| {
            let drawn = draw(book.seed, slot.cast_unsigned());
            let price = slot * 3 + below(drawn, 3);
            let kept = (book.update_id + below(drawn >> 8, KEEPS)).div_euclid(KEEPS);
            let amount = 1_000 + below(draw(drawn, kept.cast_unsigned()), 500_000_000);
            (price > 0).then_some((price, amount))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_levels_change_at_an_update_and_with_them_each_book_becomes_the_next() {
        let path = Path::of("BTCUSDT");
        let mut own: [BTreeMap<i64, i64>; 2] = Default::default();
        let mut before = SimBook::at_update(&path, 17_000_000_000);
        (own[0], own[1]) = (before.bids().collect(), before.asks().collect());
        for update_id in 17_000_000_001..17_000_000_100 {
            let book = SimBook::at_update(&path, update_id);
            let (bids, asks) = book.since(&before, None);
            assert!(bids.len() + asks.len() < 3_000, "{} levels", bids.len() + asks.len());
            for (side, changed) in own.iter_mut().zip([bids, asks]) {
                side.extend(changed);
                side.retain(|_, amount| *amount > 0);
            }
            assert_eq!((&own[0], &own[1]), (&book.bids().collect(), &book.asks().collect()));
            assert!(book.bids().next() < book.asks().next());
            before = book;
        }
    }

    #[test]
    fn a_level_that_is_pushed_out_of_the_depth_is_not_told() {
        let path = Path::of("BTCUSDT");
        let cut = |side: &mut BTreeMap<i64, i64>, towards: i64| {
            while side.len() > 10 {
                if towards > 0 {
                    side.pop_last()
                } else {
                    side.pop_first()
                };
            }
        };
        let mut before = SimBook::at_update(&path, 17_000_000_000);
        let mut bids: BTreeMap<i64, i64> = before.bids().take(10).collect();
        for update_id in 17_000_000_001..17_000_000_400 {
            let book = SimBook::at_update(&path, update_id);
            bids.extend(book.since(&before, Some(10)).0);
            bids.retain(|_, amount| *amount > 0);
            cut(&mut bids, -1);
            assert_eq!(bids, book.bids().take(10).collect());
            before = book;
        }
    }
}
