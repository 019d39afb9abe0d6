//! The rules of exchanges about their books, as data.

use crate::exchange::live::book::checksum::Checksum;
use crate::exchange::live::book::ids::Ids;

/// How updates are known to follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// Each names its first and last change; the next begins behind the last.
    Ranges,
    /// Each names the one before it. Numbers may fall.
    Previous,
    /// Each has the next number.
    OneMore,
    /// They have no numbers of their own.
    Nothing,
}

/// Where whole books come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The connection sends one when it is asked for the book.
    Socket,
    /// One is asked for over REST. The first update behind one of number `n` holds the change `n + next`.
    Request {
        /// One, or zero where that update may end with the number of the whole book.
        next: i64,
    },
}

/// How checksums come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// With every message.
    Always(Checksum),
    /// With some messages; those without are proven by their number.
    Sometimes(Checksum),
    /// In messages of their own.
    Apart(Checksum),
}

/// The rules of one kind of book of one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BookRules {
    pub(crate) chain: Chain,
    pub(crate) source: Source,
    pub(crate) proof: Option<Proof>,
    /// The number of an update that is a whole book, whatever it is called.
    pub(crate) begins_anew: Option<i64>,
    /// Whether only the levels of the depth that was asked for are told: one that leaves them goes without a word.
    pub(crate) is_cut: bool,
}

/// The relation of an update to the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one.
    Next,
    /// It is the last one once more.
    Repeated,
    /// Something is missing between them.
    Hole,
    /// Numbers say nothing about it.
    Silent,
}

impl BookRules {
    /// The common case, to be overridden by struct update.
    pub(crate) const USUAL: BookRules = BookRules {
        chain: Chain::Nothing,
        source: Source::Socket,
        proof: None,
        begins_anew: None,
        is_cut: false,
    };

    /// The checksum, however it comes.
    pub(crate) fn checksum(&self) -> Option<Checksum> {
        match self.proof {
            Some(Proof::Always(checksum) | Proof::Sometimes(checksum) | Proof::Apart(checksum)) => {
                Some(checksum)
            }
            None => None,
        }
    }

    /// Compares an update with the number of the last one.
    pub(crate) fn follows(&self, last: Option<i64>, ids: Ids) -> Verdict {
        let is_numbered = match self.chain {
            Chain::Nothing => return Verdict::Silent,
            Chain::Ranges => ids.first.is_some() && ids.last >= ids.first,
            Chain::Previous => ids.previous.is_some() && ids.last.is_some(),
            Chain::OneMore => ids.last.is_some(),
        };
        let Some(last) = last else {
            // The whole book had no number either: where updates have none, a checksum has to do.
            return if ids == Ids::default() { Verdict::Silent } else { Verdict::Hole };
        };
        if !is_numbered {
            return Verdict::Hole;
        }
        let follows = match self.chain {
            Chain::Ranges => ids.first == last.checked_add(1),
            Chain::Previous => ids.previous == Some(last),
            Chain::OneMore => ids.last == last.checked_add(1),
            Chain::Nothing => true,
        };
        match follows {
            true => Verdict::Next,
            false if ids.last == Some(last) => Verdict::Repeated,
            false => Verdict::Hole,
        }
    }

    /// Compares the first update behind a whole book that was asked for with its number: an older one is repeated.
    pub(crate) fn joins(&self, whole: i64, ids: Ids) -> Verdict {
        let next = match self.source {
            Source::Request { next } => next,
            Source::Socket => 1,
        };
        let (Some(first), Some(last), Some(wanted)) = (ids.first, ids.last, whole.checked_add(next)) else {
            return Verdict::Hole;
        };
        match () {
            () if last < first => Verdict::Hole,
            () if last < wanted => Verdict::Repeated,
            () if first <= wanted => Verdict::Next,
            () => Verdict::Hole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(first: i64, last: i64, previous: i64) -> Ids {
        Ids { first: Some(first), last: Some(last), previous: Some(previous) }
    }

    fn of(chain: Chain) -> BookRules {
        BookRules { chain, ..BookRules::USUAL }
    }

    #[test]
    fn ranges_follow_where_one_begins_behind_the_other_and_a_doubled_one_is_repeated() {
        let ranges = of(Chain::Ranges);
        assert_eq!(ranges.follows(Some(10), ids(11, 15, 0)), Verdict::Next);
        assert_eq!(ranges.follows(Some(10), ids(8, 10, 0)), Verdict::Repeated);
        for (first, last) in [(12, 15), (10, 15), (8, 9), (11, 10), (5, 5)] {
            assert_eq!(ranges.follows(Some(10), ids(first, last, 0)), Verdict::Hole, "{first} {last}");
        }
        assert_eq!(ranges.follows(Some(10), Ids::default()), Verdict::Hole);
    }

    #[test]
    fn numbers_that_name_the_one_before_may_fall() {
        let previous = of(Chain::Previous);
        assert_eq!(previous.follows(Some(10), ids(0, 3, 10)), Verdict::Next);
        assert_eq!(previous.follows(Some(10), ids(0, 10, 10)), Verdict::Next, "nothing changed");
        assert_eq!(previous.follows(Some(10), ids(0, 10, 9)), Verdict::Repeated);
        assert_eq!(previous.follows(Some(10), ids(0, 12, 11)), Verdict::Hole);
        assert_eq!(previous.follows(None, ids(0, 12, 11)), Verdict::Hole);
        assert_eq!(previous.follows(None, Ids::default()), Verdict::Silent);
    }

    #[test]
    fn one_more_is_the_next_and_every_other_number_a_hole() {
        let one_more = of(Chain::OneMore);
        assert_eq!(one_more.follows(Some(10), ids(0, 11, 0)), Verdict::Next);
        assert_eq!(one_more.follows(Some(10), ids(0, 10, 0)), Verdict::Repeated);
        for last in [9, 12, 1, i64::MAX] {
            assert_eq!(one_more.follows(Some(10), ids(0, last, 0)), Verdict::Hole, "{last}");
        }
        assert_eq!(one_more.follows(Some(i64::MAX), ids(0, 1, 0)), Verdict::Hole);
        assert_eq!(of(Chain::Nothing).follows(Some(10), ids(0, 99, 0)), Verdict::Silent);
    }

    #[test]
    fn the_first_update_behind_a_whole_book_holds_the_change_that_follows_it() {
        let spot = BookRules { source: Source::Request { next: 1 }, ..of(Chain::Ranges) };
        let futures = BookRules { source: Source::Request { next: 0 }, ..of(Chain::Previous) };
        for (first, last, on_spot, on_futures) in [
            (1, 9, Verdict::Repeated, Verdict::Repeated),
            (5, 10, Verdict::Repeated, Verdict::Next),
            (5, 12, Verdict::Next, Verdict::Next),
            (11, 12, Verdict::Next, Verdict::Hole),
            (12, 14, Verdict::Hole, Verdict::Hole),
            (12, 11, Verdict::Hole, Verdict::Hole),
        ] {
            assert_eq!(spot.joins(10, ids(first, last, 0)), on_spot, "{first} {last}");
            assert_eq!(futures.joins(10, ids(first, last, 0)), on_futures, "{first} {last}");
        }
    }
}
