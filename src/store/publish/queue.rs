//! Rows in order on their way into row groups. They are borrowed where they lie: a row group is several megabytes, and
//! a copy of it costs as much as its check sums.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use crate::model::Batch;
use crate::store::merge::keys;
use crate::store::rows::GROUP_ROWS;

/// Rows that wait to be written, the first ones first.
#[derive(Default)]
pub(super) struct Queue<'a> {
    pieces: VecDeque<(Cow<'a, Batch>, Range<usize>)>,
    rows: usize,
}

impl<'a> Queue<'a> {
    /// Adds rows that come after all that are here.
    pub(super) fn push(&mut self, batch: Cow<'a, Batch>, rows: Range<usize>) {
        if !rows.is_empty() {
            self.rows += rows.len();
            self.pieces.push_back((batch, rows));
        }
    }

    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// How many of the first rows make the next row group. Rows of one key stay in one group, so that a merge into it
    /// meets all of them; where more may follow, the rows of the last key are not known to be all.
    pub(super) fn group(&self, is_all: bool) -> usize {
        let until = self.rows.min(GROUP_ROWS);
        let Some(last) = until.checked_sub(1).and_then(|at| self.key(at)) else { return 0 };
        let is_whole = self.key(until).map_or(is_all, |next| next != last);
        if is_whole {
            return until;
        }
        match self.count(|key| key < last) {
            0 => self.count(|key| key <= last),
            before => before,
        }
    }

    /// The first rows, as they lie.
    pub(super) fn first(&self, mut rows: usize) -> Vec<(&Batch, Range<usize>)> {
        let mut first = Vec::new();
        for (batch, own) in &self.pieces {
            let taken = own.len().min(rows);
            if taken == 0 {
                break;
            }
            first.push((&**batch, own.start..own.start + taken));
            rows -= taken;
        }
        first
    }

    /// Forgets the first rows.
    pub(super) fn advance(&mut self, mut rows: usize) {
        self.rows -= rows;
        while let Some((_, own)) = self.pieces.front_mut() {
            if own.len() > rows {
                own.start += rows;
                return;
            }
            rows -= own.len();
            self.pieces.pop_front();
        }
    }

    fn key(&self, mut at: usize) -> Option<i64> {
        for (batch, own) in &self.pieces {
            if at < own.len() {
                return Some(keys(batch)[own.start + at]);
            }
            at -= own.len();
        }
        None
    }

    /// How many rows have keys for which this holds; it does for the first ones, if for any.
    fn count(&self, holds: impl Fn(i64) -> bool) -> usize {
        let of = |(batch, own): &(Cow<'_, Batch>, Range<usize>)| {
            keys(batch)[own.clone()].partition_point(|key| holds(*key))
        };
        self.pieces.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Micros, Trade};

    fn trades(ts: impl IntoIterator<Item = i64>) -> Batch {
        let mut batch = Batch::of(Kind::Trades);
        for ts in ts {
            let (ts_recv, id, side) = (None, None, None);
            batch.trades_mut().push(Trade { ts: Micros(ts), ts_recv, id, price: 1.0, amount: 1.0, side });
        }
        batch
    }

    fn instants(parts: &[(&Batch, Range<usize>)]) -> Vec<i64> {
        parts.iter().flat_map(|(batch, rows)| batch.ts()[rows.clone()].iter().copied()).collect()
    }

    #[test]
    fn rows_come_out_as_they_came_in_over_the_borders_of_their_batches() {
        let (borrowed, owned) = (trades(0..10), trades(10..15));
        let mut queue = Queue::default();
        queue.push(Cow::Borrowed(&borrowed), 2..10);
        queue.push(Cow::Owned(owned), 0..5);

        assert_eq!(instants(&queue.first(3)), [2, 3, 4]);
        queue.advance(3);
        assert_eq!(instants(&queue.first(7)), [5, 6, 7, 8, 9, 10, 11]);
        queue.advance(7);
        assert_eq!((queue.len(), instants(&queue.first(99))), (3, vec![12, 13, 14]));
    }

    #[test]
    fn rows_of_one_instant_stay_in_one_group_whichever_batches_they_are_of() {
        let full = GROUP_ROWS as i64;
        let (first, second) = (trades(0..full - 1), trades([full - 2, full - 2, full]));
        let mut queue = Queue::default();
        queue.push(Cow::Borrowed(&first), 0..first.len());
        queue.push(Cow::Borrowed(&second), 0..3);

        assert_eq!(queue.group(false), GROUP_ROWS - 2, "the instant goes on beyond a full group");
        queue.advance(GROUP_ROWS - 2);
        assert_eq!(queue.group(false), 3, "the row of a later instant may not be the last of it");
        assert_eq!(queue.group(true), 4);
    }

    #[test]
    fn a_group_is_full_where_the_next_instant_is_another() {
        let all = trades(0..GROUP_ROWS as i64 + 1);
        let mut queue = Queue::default();
        queue.push(Cow::Borrowed(&all), 0..all.len());

        assert_eq!(queue.group(false), GROUP_ROWS);
        queue.advance(GROUP_ROWS);
        assert_eq!((queue.group(false), queue.group(true)), (1, 1));
    }

    #[test]
    fn one_instant_may_be_more_than_a_group() {
        let all = trades(std::iter::repeat_n(7, GROUP_ROWS + 5).chain([8]));
        let mut queue = Queue::default();
        queue.push(Cow::Borrowed(&all), 0..all.len());

        assert_eq!(queue.group(false), GROUP_ROWS + 5);
    }
}
