//! The newest trades of a series that is listened to, so that one that comes by two ways with two instants is one.
//!
//! An id tells trades of one instant apart (`store/merge`). At two instants it names one trade only where price, amount
//! and side agree too: archives are known in which two trades share an id over a midnight. The first to come stays, so
//! nothing has to be taken out of a file. Trades are compared within an hour of the newest, and of a busy series within
//! the newest 4 096, about 200 kB; while no session listens nothing is kept.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use crate::model::{Batch, Kind, Values};

const HOUR_MICROS: i64 = 3_600_000_000;
const MOST: usize = 4_096;

/// Trades that were accepted, by their ids.
#[derive(Debug, Default)]
pub(super) struct RecentTrades {
    hashes: RandomState,
    by_id: HashMap<u64, Seen, BuildHasherDefault<Hashed>>,
    /// Hashed ids, as they came.
    order: VecDeque<u64>,
    newest: i64,
}

/// Takes what is a hash already as it is.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    ts: i64,
    /// Price, amount and side, hashed.
    values: u64,
}

impl RecentTrades {
    /// The rows that are not held at another instant, and how many are.
    pub(super) fn without_held(&self, rows: Batch) -> (Batch, u64) {
        match self.others(&rows) {
            None => (rows, 0),
            Some(others) => {
                let held = rows.len() - others.len();
                (others, held as u64)
            }
        }
    }

    /// The rows that are not held at another instant; `None` where no row is.
    pub(super) fn others(&self, rows: &Batch) -> Option<Batch> {
        if !self.may_hold(rows) {
            return None;
        }
        let first = (0..rows.len()).find(|row| self.is_held(rows, *row))?;
        let others = (first + 1..rows.len()).filter(|row| !self.is_held(rows, *row));
        let kept: Vec<usize> = (0..first).chain(others).collect();
        Some(rows.gather(&kept))
    }

    fn may_hold(&self, rows: &Batch) -> bool {
        let ends = rows.ends().filter(|_| rows.kind() == Kind::Trades && !self.order.is_empty());
        ends.is_some_and(|(first, last)| {
            last.0 >= self.newest - HOUR_MICROS && first.0 <= self.newest + HOUR_MICROS
        })
    }

    fn is_held(&self, rows: &Batch, row: usize) -> bool {
        let ts = rows.ts()[row];
        let held = self.id_of(rows, row).and_then(|id| self.by_id.get(&id));
        held.is_some_and(|held| {
            held.ts != ts
                && held.ts.abs_diff(ts) <= HOUR_MICROS.unsigned_abs()
                && held.values == values_of(rows, row)
        })
    }

    /// The id of a trade, hashed: a number so that no two share one.
    fn id_of(&self, rows: &Batch, row: usize) -> Option<u64> {
        let column = &rows.columns()[2];
        let Values::Text(ids) = &column.values else { return None };
        let id = Some(ids.bytes(row)).filter(|_| column.has(row))?;
        Some(number(id).map_or_else(|| self.hashes.hash_one(id), |number| number.wrapping_mul(SPREAD)))
    }

    /// Keeps trades that were accepted; those of a session, and of others where one listens.
    pub(super) fn keep(&mut self, rows: &Batch, is_live: bool) {
        if rows.kind() != Kind::Trades || !(is_live || self.may_hold(rows)) {
            return;
        }
        let from = rows.len().saturating_sub(MOST);
        for row in from..rows.len() {
            let Some(id) = self.id_of(rows, row) else { continue };
            let seen = Seen { ts: rows.ts()[row], values: values_of(rows, row) };
            if self.by_id.insert(id, seen).is_none() {
                self.order.push_back(id);
            }
            self.newest = self.newest.max(seen.ts);
        }
        self.forget();
    }

    fn forget(&mut self) {
        let oldest = self.newest - HOUR_MICROS;
        let is_over = |own: &Self, id: &u64| own.by_id.get(id).is_none_or(|seen| seen.ts < oldest);
        while let Some(id) = self.order.front().copied() {
            if self.order.len() <= MOST && !is_over(self, &id) {
                break;
            }
            self.order.pop_front();
            self.by_id.remove(&id);
        }
    }
}

/// Odd, so that no two numbers times it are the same.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The number that an id is, where it is written as numbers are.
fn number(id: &[u8]) -> Option<u64> {
    let is_number = (1..=19).contains(&id.len()) && id[0] != b'0' && id.iter().all(u8::is_ascii_digit);
    let value = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
    is_number.then(|| id.iter().fold(0, value))
}

/// Price, amount and side of a trade, hashed.
fn values_of(rows: &Batch, row: usize) -> u64 {
    let bits = |column: usize| match &rows.columns()[column].values {
        Values::F64(values) => values[row].to_bits(),
        Values::Text(texts) => texts.bytes(row).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        _ => 0,
    };
    let (price, amount, side) = (bits(3), bits(4), bits(5));
    (price.wrapping_mul(SPREAD).rotate_left(32) ^ amount).wrapping_mul(SPREAD) ^ side
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Micros, Side, Trade};

    const MINUTE: i64 = 60_000_000;

    fn trades(rows: &[(i64, &str, f64)]) -> Batch {
        let mut batch = Batch::of(Kind::Trades);
        for &(ts, id, price) in rows {
            let (ts, side) = (Micros(ts), Some(Side::Buy));
            batch.trades_mut().push(Trade { ts, ts_recv: None, id: Some(id), price, amount: 1.0, side });
        }
        batch
    }

    #[test]
    fn a_trade_at_two_instants_is_one_where_its_values_agree_within_an_hour() {
        let mut recent = RecentTrades::default();
        recent.keep(&trades(&[(0, "7", 1.0), (5, "8", 1.0)]), true);

        let again = trades(&[(0, "7", 1.0), (6, "8", 1.0), (7, "9", 1.0)]);
        let (kept, held) = recent.without_held(again);

        assert_eq!((kept, held), (trades(&[(0, "7", 1.0), (7, "9", 1.0)]), 1));
        assert_eq!(recent.without_held(trades(&[(6, "8", 2.0)])).1, 0, "another trade of that id");
        assert_eq!(recent.without_held(trades(&[(61 * MINUTE, "8", 1.0)])).1, 0, "too long ago");
    }

    #[test]
    fn where_none_listens_nothing_is_kept() {
        let mut recent = RecentTrades::default();
        recent.keep(&trades(&[(0, "7", 1.0)]), false);
        assert!(recent.by_id.is_empty());

        recent.keep(&trades(&[(0, "7", 1.0)]), true);
        recent.keep(&trades(&[(1, "8", 1.0)]), false);
        recent.keep(&trades(&[(-120 * MINUTE, "9", 1.0)]), false);
        assert_eq!(recent.by_id.len(), 2, "what another way brings of now is, what it brings of then is not");
    }

    #[test]
    fn of_a_busy_series_the_newest_are_kept_and_of_any_those_of_the_last_hour() {
        let mut recent = RecentTrades::default();
        for at in 0..10_000_i64 {
            recent.keep(&trades(&[(at, &at.to_string(), 1.0)]), true);
        }
        assert_eq!((recent.by_id.len(), recent.order.len()), (MOST, MOST));

        recent.keep(&trades(&[(90 * MINUTE, "late", 1.0)]), true);
        assert_eq!((recent.by_id.len(), recent.order.len()), (1, 1));
    }
}
