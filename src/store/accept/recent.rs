//! The newest trades of a series that is listened to, so that one that comes by two ways with two instants is one.
//!
//! An id tells trades of one instant apart (`store/merge`). At two instants it names one trade only where price, amount
//! and side agree too: archives are known in which two trades share an id over a midnight. The first to come stays, so
//! nothing has to be taken out of a file. Trades are compared within an hour of the newest, and of a busy series within
//! the newest 900 to 1 800, about 50 kB: a thousand series are all busy within the hour. While no session listens nothing
//! is kept.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use crate::model::{Batch, Kind, Values};

const HOUR_MICROS: i64 = 3_600_000_000;
/// The trades of a generation: as many as fill a table of 1 024 places.
const GENERATION: usize = 896;

/// Trades that were accepted, in two generations: when the younger one is full it takes the place of the elder, so that no
/// trade needs to remember its turn.
#[derive(Debug, Default)]
pub(super) struct RecentTrades {
    hashes: RandomState,
    younger: ById,
    elder: ById,
    newest: i64,
    /// The newest instant there was when the elder generation was full.
    until: i64,
}

/// Trades by their hashed ids.
type ById = HashMap<u64, Seen, BuildHasherDefault<Hashed>>;

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

    fn is_empty(&self) -> bool {
        self.younger.is_empty() && self.elder.is_empty()
    }

    fn may_hold(&self, rows: &Batch) -> bool {
        let ends = rows.ends().filter(|_| rows.kind() == Kind::Trades && !self.is_empty());
        ends.is_some_and(|(first, last)| {
            last.0 >= self.newest - HOUR_MICROS && first.0 <= self.newest + HOUR_MICROS
        })
    }

    fn is_held(&self, rows: &Batch, row: usize) -> bool {
        let ts = rows.ts()[row];
        let seen = |id| self.younger.get(&id).or_else(|| self.elder.get(&id));
        let held = self.id_of(rows, row).and_then(seen);
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
        for row in rows.len().saturating_sub(2 * GENERATION)..rows.len() {
            let Some(id) = self.id_of(rows, row) else { continue };
            let seen = Seen { ts: rows.ts()[row], values: values_of(rows, row) };
            if self.younger.len() == GENERATION {
                (self.elder, self.until) = (std::mem::take(&mut self.younger), self.newest);
            }
            self.younger.insert(id, seen);
            self.newest = self.newest.max(seen.ts);
        }
        if self.until < self.newest - HOUR_MICROS {
            self.elder = ById::default();
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
        assert!(recent.is_empty());

        recent.keep(&trades(&[(0, "7", 1.0)]), true);
        recent.keep(&trades(&[(1, "8", 1.0)]), false);
        recent.keep(&trades(&[(-120 * MINUTE, "9", 1.0)]), false);
        assert_eq!(
            recent.younger.len(),
            2,
            "what another way brings of now is, what it brings of then is not"
        );
    }

    #[test]
    fn of_a_busy_series_the_newest_are_kept_and_of_any_those_of_the_last_hour() {
        let mut recent = RecentTrades::default();
        for at in 0..10_000_i64 {
            recent.keep(&trades(&[(at, &at.to_string(), 1.0)]), true);
            let held = recent.younger.len() + recent.elder.len();
            assert!(
                held <= 2 * GENERATION && held as i64 >= (at + 1).min(GENERATION as i64),
                "{held} at {at}"
            );
        }
        let moved = |id: i64| trades(&[(id + 1, &id.to_string(), 1.0)]);
        assert!((9_999 - GENERATION as i64..10_000).all(|id| recent.without_held(moved(id)).1 == 1));
        assert_eq!(recent.without_held(moved(10_000 - 2 * GENERATION as i64 - 1)).1, 0);

        recent.keep(&trades(&[(90 * MINUTE, "late", 1.0)]), true);
        assert!(recent.elder.is_empty());
        assert_eq!(recent.without_held(moved(9_999)).1, 0, "too long ago");
    }

    #[test]
    fn a_long_page_of_an_old_time_leaves_its_newest_trades() {
        let mut recent = RecentTrades::default();
        let page: Vec<(i64, String)> = (0..5_000_i64).map(|at| (at, at.to_string())).collect();
        let rows: Vec<(i64, &str, f64)> = page.iter().map(|(at, id)| (*at, &**id, 1.0)).collect();
        recent.keep(&trades(&rows), true);
        assert_eq!(recent.without_held(trades(&[(5_001, "4999", 1.0)])).1, 1);
        assert!(recent.younger.len() + recent.elder.len() <= 2 * GENERATION);
    }
}
