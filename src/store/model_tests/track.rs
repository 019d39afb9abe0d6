//! One series of a case and its model: what is accepted of it, and how rows are told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::Dice;
use super::oracle::Oracle;
use crate::model::{Batch, BookLevel, Candle, Kind, Micros, Series, Side, Trade, Window};

/// 2024-01-01 00:00 UTC: a year and a day end here.
pub(super) const BORDER: i64 = 1_704_067_200_000_000;
const HOUR: i64 = 3_600_000_000;
/// Of trades and books: three lie in the last minute.
const STEP: i64 = 20_000_000;

/// One series and its model. Rows are known by a key, books by the update they belong to.
pub(super) struct Track {
    pub(super) series: Series,
    step: i64,
    /// The next key that was never given.
    next: i64,
    version: u64,
    /// Keys that never have a row: the exchange said so.
    quiet: BTreeSet<i64>,
    pub(super) oracle: Oracle,
}

/// Rows by key, each with the version of its answer; of a book, the number of the update.
pub(super) type Rows = BTreeMap<i64, u64>;

impl Track {
    pub(super) fn new(series: &str, first: i64) -> Self {
        let series: Series = series.parse().expect("a series");
        Track {
            step: if series.kind() == Kind::Ohlc { HOUR } else { STEP },
            series,
            next: first,
            version: 0,
            quiet: BTreeSet::new(),
            oracle: Oracle::default(),
        }
    }

    /// The rows of an answer and the window it proves.
    pub(super) fn page(&mut self, dice: &mut Dice, next_ord: i64) -> (Rows, Option<Window>) {
        if self.series.kind() == Kind::OrderBook {
            let count = 1 + dice.below(4) as i64;
            let rows = (self.next..self.next + count).zip(next_ord as u64..).collect();
            self.next += count;
            return (rows, None);
        }
        self.walk(dice)
    }

    /// A page: rows that go on, some of them asked again, at times behind a hole.
    fn walk(&mut self, dice: &mut Dice) -> (Rows, Option<Window>) {
        let again = dice.below(3) as i64;
        let hole = if dice.below(5) == 0 { dice.below(4) as i64 } else { 0 };
        let first = self.next + hole - again;
        let count = 1 + dice.below(3) as i64 + again;
        self.version += 1;
        // Now and then an answer to what is old: a revision, or late rows.
        let first = if dice.below(10) == 0 { first - dice.below(12) as i64 } else { first };
        // Or nothing but what is newest, once more.
        let count = if dice.below(6) == 0 { again.max(1) } else { count };
        let mut rows: Rows = (first..first + count).map(|key| (key, self.version)).collect();
        rows.retain(|key, _| !self.quiet.contains(key));
        let mut covered = self.window(first, first + count);
        let is_new = first >= self.next;
        self.next = self.next.max(first + count);
        match dice.below(10) {
            // A quiet stretch: nothing but the ledger will know of it.
            0 | 1 if is_new => {
                self.quiet.extend(rows.keys());
                rows.clear();
            }
            2 => covered = None,
            _ => {}
        }
        (rows, covered)
    }

    /// The next key that was never given.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// New rows of a session, now and then after a quiet time or none at all.
    pub(super) fn hear(&mut self, dice: &mut Dice) -> Rows {
        self.version += 1;
        if dice.below(4) == 0 {
            self.quiet.insert(self.next);
            self.next += 1;
        }
        let first = self.next;
        self.next += dice.below(3) as i64;
        (first..self.next).map(|key| (key, self.version)).collect()
    }

    /// The instant of a row. Those of a book go back over midnight now and then.
    fn ts(&self, key: i64) -> Micros {
        let back = if self.series.kind() == Kind::OrderBook && key % 4 == 3 { 9 } else { 0 };
        let from = if self.series.kind() == Kind::OrderBook { 6 } else { 0 };
        Micros(BORDER + (key - from - back) * self.step)
    }

    pub(super) fn window(&self, from: i64, until: i64) -> Option<Window> {
        Window::new(self.ts(from), self.ts(until))
    }

    pub(super) fn batch(&self, rows: &Rows) -> Batch {
        let mut batch = Batch::of(self.series.kind());
        for (key, version) in rows {
            let (ts, price) = (self.ts(*key), *version as f64);
            match self.series.kind() {
                Kind::Trades => {
                    let id = (key + 1_000).to_string();
                    let trade = Trade { ts, ts_recv: None, id: Some(&id), price, amount: 1.0, side: None };
                    batch.trades_mut().push(trade);
                }
                Kind::OrderBook => {
                    for side in [Side::Bid, Side::Ask] {
                        batch.book_mut().push(BookLevel {
                            ord: *version as i64,
                            ts,
                            ts_recv: ts,
                            seq: Some(*key),
                            is_snapshot: true,
                            side,
                            price: 1.0,
                            amount: 1.0,
                            count: None,
                        });
                    }
                }
                _ => batch.candles_mut().push(Candle {
                    ts,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume: 1.0,
                    quote_volume: None,
                    trades: None,
                }),
            }
        }
        batch
    }

    /// The key and the version of each row, of a book those of each update.
    pub(super) fn versions(&self, batch: &Batch) -> Vec<(i64, u64)> {
        let key = |ts: Micros| (ts.0 - BORDER).div_euclid(self.step);
        match self.series.kind() {
            Kind::Trades => batch.trades().iter().map(|trade| (key(trade.ts), trade.price as u64)).collect(),
            Kind::OrderBook => {
                let levels = (0..batch.len()).map(|row| batch.book().get(row));
                let bids = levels.filter(|level| level.side == Side::Bid);
                bids.map(|level| (level.seq.unwrap_or(-1), level.ord as u64)).collect()
            }
            _ => batch.candles().iter().map(|candle| (key(candle.ts), candle.close as u64)).collect(),
        }
    }

    /// The updates of a book are numbered in the order they came, over days, restarts and late instants.
    pub(super) fn check_numbers(&self, rows: &Rows) -> Result<(), String> {
        let numbers: Vec<u64> = rows.values().copied().collect();
        let is_rising = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        if self.series.kind() == Kind::OrderBook && !is_rising {
            return Err(format!("updates are not numbered one after the other: {rows:?}"));
        }
        Ok(())
    }
}
