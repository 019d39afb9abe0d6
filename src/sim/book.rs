//! A simulated order book as a pure function of symbol and time.
//!
//! Prices have slots of three cents, or of a 200,000th of the usual price, so that a thousand levels reach about half a
//! percent, as they do at real exchanges. A slot keeps its price for good and its amount for a while; the middle moves every
//! few seconds. So few levels change at an update, and the book at each update can be told without those before it.

use super::hash::{below, draw};
use super::path::Path;
use crate::model::Micros;

/// How often the book changes.
pub(super) const UPDATE_MS: i64 = 100;

/// The narrowest slot, in cents.
const NARROWEST: i64 = 3;

/// The slots below the usual price of a market whose slots are wider.
const SLOTS: i64 = 200_000;

/// How many updates the middle stays where it is.
const STAYS: i64 = 30;

/// How many updates a slot keeps its amount.
const KEEPS: i64 = 40;

/// The most levels of a side.
pub(super) const LEVELS: usize = 5_000;

/// A book at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimBook {
    /// Increments with every change.
    pub update_id: i64,
    middle: i64,
    /// The width of a slot in cents.
    slot: i64,
    seed: u64,
    levels: usize,
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
        let slot = (path.base_cents() / SLOTS).max(NARROWEST);
        SimBook { update_id, middle: middle_cents / slot, slot, seed: path.seed() ^ 5, levels: LEVELS }
    }

    /// The same book with so many levels a side.
    pub(super) fn of_levels(self, levels: usize) -> Self {
        SimBook { levels, ..self }
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
        let most = depth.unwrap_or(self.levels) as i64;
        let of = |towards: i64| {
            let (old, new) = (before.first(towards), self.first(towards));
            let is_held = |first: i64, slot: i64| (0..most).contains(&((slot - first) * towards));
            let is_pushed_out = |slot: i64| depth.is_some() && (slot - new) * towards >= most;
            let mut changed: Changed = Vec::new();
            for slot in (0..most).map(|level| old + towards * level) {
                if !is_held(new, slot) && !is_pushed_out(slot) {
                    changed.push((self.price(slot, self.drawn(slot)), 0));
                }
            }
            for slot in (0..most).map(|level| new + towards * level) {
                let drawn = self.drawn(slot);
                if !is_held(old, slot) || self.kept(drawn) != before.kept(drawn) {
                    changed.push((self.price(slot, drawn), self.amount(drawn)));
                }
            }
            changed.retain(|(price, _)| *price > 0);
            changed
        };
        (of(-1), of(1))
    }

    fn levels(&self, towards: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let book = *self;
        let slots = (0_i64..).map(move |level| book.first(towards) + towards * level).take(book.levels);
        slots.map_while(move |slot| {
            let drawn = book.drawn(slot);
            let price = book.price(slot, drawn);
            (price > 0).then(|| (price, book.amount(drawn)))
        })
    }

    /// The slot of the best level.
    fn first(&self, towards: i64) -> i64 {
        if towards > 0 { self.middle + 1 } else { self.middle }
    }

    fn drawn(&self, slot: i64) -> u64 {
        draw(self.seed, slot.cast_unsigned())
    }

    fn price(&self, slot: i64, drawn: u64) -> i64 {
        slot * self.slot + below(drawn, self.slot)
    }

    /// The number of the amount that a slot has now.
    fn kept(&self, drawn: u64) -> i64 {
        (self.update_id + below(drawn >> 8, KEEPS)).div_euclid(KEEPS)
    }

    fn amount(&self, drawn: u64) -> i64 {
        1_000 + below(draw(drawn, self.kept(drawn).cast_unsigned()), 500_000_000)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
