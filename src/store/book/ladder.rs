//! The levels of a book, both sides in price order.

use crate::model::Side;

/// A price and the amount that rests there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Price.
    pub price: f64,
    /// Amount resting there.
    pub amount: f64,
    /// Number of orders, if the exchange sends it.
    pub count: Option<i32>,
}

/// Both sides of a book. The best level is the last of its list, since most changes are near it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ladder {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Ladder {
    /// The bids, the highest first.
    pub(super) fn bids(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.bids.iter().rev()
    }

    /// The asks, the lowest first.
    pub(super) fn asks(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.asks.iter().rev()
    }

    /// Takes a whole book in the place of what was; of two levels at one price the last counts.
    pub(super) fn replace(&mut self, levels: impl Iterator<Item = (Side, Level)>) {
        self.bids.clear();
        self.asks.clear();
        for (side, level) in levels.filter(|(_, level)| level.amount > 0.0) {
            if side == Side::Bid { self.bids.push(level) } else { self.asks.push(level) }
        }
        self.bids.sort_by(|a, b| a.price.total_cmp(&b.price));
        self.asks.sort_by(|a, b| b.price.total_cmp(&a.price));
        for side in [&mut self.bids, &mut self.asks] {
            side.dedup_by(|next, kept| {
                let is_same = next.price == kept.price;
                if is_same {
                    *kept = *next;
                }
                is_same
            });
        }
    }

    /// Sets a level; an amount of zero removes it.
    pub(super) fn set(&mut self, side: Side, level: Level) {
        let is_bid = side == Side::Bid;
        let levels = if is_bid { &mut self.bids } else { &mut self.asks };
        let place = match is_bid {
            true => levels.partition_point(|own| own.price < level.price),
            false => levels.partition_point(|own| own.price > level.price),
        };
        let is_there = levels.get(place).is_some_and(|own| own.price == level.price);
        match (is_there, level.amount > 0.0) {
            (true, true) => levels[place] = level,
            (true, false) => drop(levels.remove(place)),
            (false, true) => levels.insert(place, level),
            (false, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_best_first_and_an_amount_of_zero_removes_one() {
        let mut ladder = Ladder::default();
        let level = |price, amount| Level { price, amount, count: None };
        ladder.set(Side::Bid, level(7.0, 1.0));
        let bids = [(Side::Bid, level(3.0, 9.0)), (Side::Bid, level(1.0, 1.0)), (Side::Bid, level(3.0, 1.0))];
        ladder.replace(bids.into_iter().chain([10.0, 12.0].map(|price| (Side::Ask, level(price, 1.0)))));
        ladder.set(Side::Ask, level(11.0, 1.0));
        ladder.set(Side::Bid, level(2.0, 5.0));
        ladder.set(Side::Ask, level(10.0, 0.0));
        ladder.set(Side::Ask, level(99.0, 0.0));

        let bids: Vec<Level> = ladder.bids().copied().collect();
        let asks: Vec<f64> = ladder.asks().map(|level| level.price).collect();

        assert_eq!(bids, [level(3.0, 1.0), level(2.0, 5.0), level(1.0, 1.0)]);
        assert_eq!(asks, [11.0, 12.0]);
    }
}
