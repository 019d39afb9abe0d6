//! Every amount that the prices near the best ones of a book had over a while: an answer of an instant in that while, which
//! no number places, has one of them at each price.

use std::collections::BTreeMap;

use crate::exchange::live::book::Level;
use crate::exchange::live::book::audit_outcome::AuditOutcome;
use crate::exchange::live::book::change::Change;
use crate::exchange::live::book::kept::Book;
use crate::model::Side;

/// The best levels of an answer that are held to a book.
const COMPARED: usize = 10;

/// The levels of each side that are known from the beginning.
const REMEMBERED: usize = 50;

/// The most amounts that are remembered: past that too much changed to compare.
const MOST: usize = 20_000;

/// The amounts of one price.
#[derive(Clone, Debug, Default)]
struct Seen {
    amounts: Vec<f64>,
    /// The level left the depth that is told, and may since have had any.
    is_unknown: bool,
}

/// The prices of one side.
#[derive(Clone, Debug)]
struct Prices {
    side: Side,
    /// By the bits of the price, which order as positive prices do.
    seen: BTreeMap<u64, Seen>,
    /// The worst price down to which everything was known in the beginning; `None` if all was.
    reach: Option<f64>,
}

/// A book over a while.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    sides: [Prices; 2],
    count: usize,
    /// The best levels of each side of the answer, best first.
    answer: Option<[Vec<Level>; 2]>,
}

impl Witness {
    /// From now on; whether the book is cut where its depth ends.
    pub(crate) fn of(book: &Book, is_cut: bool) -> Self {
        let sides = book.sides().map(|side| {
            let mut seen = BTreeMap::new();
            for level in side.levels().take(REMEMBERED) {
                let own = Seen { amounts: vec![level.amount], is_unknown: false };
                seen.insert(level.price.to_bits(), own);
            }
            let ends = is_cut || side.has_floor() || side.len() > REMEMBERED;
            let reach = side.levels().take(REMEMBERED).last().map(|level| level.price).filter(|_| ends);
            Prices { side: side.side(), seen, reach }
        });
        Witness { sides, count: 0, answer: None }
    }

    /// The book was changed, and these levels left its depth.
    pub(crate) fn changed(&mut self, change: &Change, pushed_out: &[(Side, Level)]) {
        for prices in &mut self.sides {
            let levels = change.side(prices.side);
            self.count += levels.len();
            if self.count > MOST {
                return;
            }
            for level in levels {
                prices.price(level.price).amounts.push(level.amount);
            }
            let side = prices.side;
            for (_, level) in pushed_out.iter().filter(|(own, _)| *own == side) {
                prices.price(level.price).is_unknown = true;
            }
        }
    }

    /// The answer came; updates up to its instant may still be on their way.
    pub(crate) fn answered(&mut self, whole: &Change) {
        self.answer = Some([Side::Bid, Side::Ask].map(|side| {
            let mut levels = whole.side(side).to_vec();
            levels.sort_by(|one, other| match side {
                Side::Bid => other.price.total_cmp(&one.price),
                _ => one.price.total_cmp(&other.price),
            });
            levels.truncate(COMPARED);
            levels
        }));
    }

    /// Whether the answer can have been the book's at an instant of the while.
    pub(crate) fn outcome(&self) -> AuditOutcome {
        let Some(answer) = self.answer.as_ref().filter(|_| self.count <= MOST) else {
            return AuditOutcome::Undecided;
        };
        match self.sides.iter().zip(answer).all(|(prices, levels)| prices.may_be(levels)) {
            true => AuditOutcome::Same,
            false => AuditOutcome::Differs,
        }
    }
}

impl Prices {
    fn is_worse(&self, price: f64, than: f64) -> bool {
        if self.side == Side::Bid { price < than } else { price > than }
    }

    /// Whether it was not known in the beginning what a price has.
    fn is_beyond(&self, price: f64) -> bool {
        self.reach.is_some_and(|reach| self.is_worse(price, reach))
    }

    fn price(&mut self, price: f64) -> &mut Seen {
        let is_unknown = self.is_beyond(price);
        let absent = || Seen { amounts: vec![0.0], is_unknown };
        self.seen.entry(price.to_bits()).or_insert_with(absent)
    }

    /// Whether the best levels can have been these.
    fn may_be(&self, levels: &[Level]) -> bool {
        let had = |level: &Level| match self.seen.get(&level.price.to_bits()) {
            Some(seen) => seen.is_unknown || seen.amounts.contains(&level.amount),
            None => self.is_beyond(level.price),
        };
        // Of fewer levels than that all are there.
        let worst = levels.last().filter(|_| levels.len() == COMPARED).map(|level| level.price);
        let is_told = |price: f64| levels.iter().any(|level| level.price == price);
        let lacks = |(price, seen): (&u64, &Seen)| {
            let price = f64::from_bits(*price);
            let is_within = worst.is_none_or(|worst| !self.is_worse(price, worst));
            is_within && !seen.is_unknown && !seen.amounts.contains(&0.0) && !is_told(price)
        };
        levels.iter().all(had) && !self.seen.iter().any(lacks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(bids: &[(f64, f64)], asks: &[(f64, f64)]) -> Change {
        let mut change = Change::default();
        for (side, levels) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for (price, amount) in levels {
                change.append(side, Level { price: *price, amount: *amount, count: None });
            }
        }
        change
    }

    fn book() -> Book {
        let mut book = Book::new(None);
        assert!(book.replace(&change(&[(99.0, 1.0), (98.0, 2.0)], &[(101.0, 1.0), (102.0, 2.0)])));
        book
    }

    fn outcome(is_cut: bool, changes: &[Change], bids: &[(f64, f64)], asks: &[(f64, f64)]) -> AuditOutcome {
        let mut witness = Witness::of(&book(), is_cut);
        assert_eq!(witness.outcome(), AuditOutcome::Undecided, "there is no answer");
        changes.iter().for_each(|change| witness.changed(change, &[]));
        witness.answered(&change(bids, asks));
        witness.outcome()
    }

    const ASKS: [(f64, f64); 2] = [(101.0, 1.0), (102.0, 2.0)];

    #[test]
    fn an_answer_of_any_moment_of_the_while_is_the_same_book() {
        let changes = [change(&[(99.0, 0.0), (97.0, 3.0)], &[]), change(&[(99.0, 7.0)], &[])];
        let of = |bids: &[(f64, f64)]| outcome(false, &changes, bids, &ASKS);
        assert_eq!(of(&[(99.0, 1.0), (98.0, 2.0)]), AuditOutcome::Same, "before");
        assert_eq!(of(&[(98.0, 2.0), (97.0, 3.0)]), AuditOutcome::Same, "between");
        assert_eq!(of(&[(97.0, 3.0), (99.0, 7.0), (98.0, 2.0)]), AuditOutcome::Same, "after, in any order");
    }

    #[test]
    fn an_amount_that_no_update_told_and_a_level_too_many_or_too_few_differ() {
        let of = |bids: &[(f64, f64)]| outcome(false, &[], bids, &ASKS);
        assert_eq!(of(&[(99.0, 1.0), (98.0, 2.0)]), AuditOutcome::Same);
        assert_eq!(of(&[(99.0, 1.5), (98.0, 2.0)]), AuditOutcome::Differs);
        assert_eq!(of(&[(98.0, 2.0)]), AuditOutcome::Differs, "99 never went");
        assert_eq!(of(&[(99.0, 1.0), (98.5, 1.0), (98.0, 2.0)]), AuditOutcome::Differs);
    }

    #[test]
    fn what_lies_behind_a_book_that_is_cut_is_not_judged() {
        let deeper = [(99.0, 1.0), (98.0, 2.0), (97.0, 9.0)];
        assert_eq!(outcome(true, &[], &deeper, &ASKS), AuditOutcome::Same);
        assert_eq!(outcome(false, &[], &deeper, &ASKS), AuditOutcome::Differs);
        let beyond = change(&[(97.0, 4.0)], &[]);
        assert_eq!(outcome(true, &[beyond], &deeper, &ASKS), AuditOutcome::Same, "9 may have been before");
    }

    #[test]
    fn a_level_that_left_the_depth_may_have_any_amount() {
        let mut witness = Witness::of(&book(), true);
        let gone = Level { price: 98.0, amount: 2.0, count: None };
        witness.changed(&change(&[(99.5, 1.0)], &[]), &[(Side::Bid, gone)]);
        witness.answered(&change(&[(99.5, 1.0), (99.0, 1.0), (98.0, 8.0)], &ASKS));
        assert_eq!(witness.outcome(), AuditOutcome::Same);
    }
}
