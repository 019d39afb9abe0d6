//! An endless sequence of pages of several series, the same for the same seed: rows that go on, rows asked again
//! with another answer, holes, late revisions, quiet stretches.

use std::ops::Range;

use dccd::model::{Batch, BookLevel, Candle, Kind, Micros, Series, Side, Trade, Window};
use dccd::store::Accepted;

use crate::dice::Dice;

/// 2024-01-01 00:00 UTC: a year and a day end here.
const BORDER: i64 = 1_704_067_200_000_000;
const MINUTE: i64 = 60_000_000;
/// Distance of two keys, and the series they are of.
const TRACKS: [(&str, i64); 5] = [
    ("binance/BTC-USDT/ohlc/1h", 60 * MINUTE),
    ("binance/ETH-USDT/ohlc/1m", MINUTE),
    ("binance/BTC-USDT/trades", 5 * MINUTE),
    ("kraken/XBT-USD/trades", 2 * MINUTE),
    ("bitfinex/BTC-USD/orderbook", 4 * MINUTE),
];
/// The track of large pages.
const MINUTELY: usize = 1;
/// The track of trades without ids: two equal ones an instant.
const ANONYMOUS: usize = 3;
const BOOK: usize = 4;

/// How many series there are.
pub(crate) const SERIES: usize = TRACKS.len();

/// The series of a track.
pub(crate) fn series(track: usize) -> Series {
    TRACKS[track].0.parse().unwrap()
}

/// One answer: a run of keys of one series, each in the version that is the page's number.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) number: u64,
    pub(crate) track: usize,
    pub(crate) keys: Range<i64>,
    pub(crate) covered: Option<Window>,
    /// The stretch is covered and held nothing.
    pub(crate) is_quiet: bool,
}

impl Page {
    pub(crate) fn keys(&self) -> Range<i64> {
        if self.is_quiet { 0..0 } else { self.keys.clone() }
    }

    pub(crate) fn version(&self) -> u64 {
        if self.track == ANONYMOUS { 0 } else { self.number }
    }

    pub(crate) fn accepted(&self) -> Accepted {
        let mut rows = Batch::of(series(self.track).kind());
        self.keys().for_each(|key| push(&mut rows, self.track, key, self.version()));
        Accepted { rows, covered: self.covered, empty: None, derived: false }
    }
}

/// Appends what a page of a version holds under a key.
pub(crate) fn push(rows: &mut Batch, track: usize, key: i64, version: u64) {
    let (ts, value) = (at(track, key), version as f64 + 1.0);
    match rows.kind() {
        Kind::Ohlc => rows.candles_mut().push(Candle {
            ts,
            open: value,
            high: value + key.rem_euclid(7) as f64,
            low: value,
            close: value,
            volume: key as f64,
            quote_volume: (key % 3 > 0).then_some(value),
            trades: (key % 2 > 0).then_some(key),
        }),
        Kind::OrderBook => {
            for (side, price) in
                [(Side::Bid, 99.0), (Side::Bid, 98.0), (Side::Ask, 101.0), (Side::Ask, 102.0)]
            {
                let (seq, count) = ((key % 2 > 0).then_some(key), None);
                let level = BookLevel {
                    ord: key,
                    ts,
                    ts_recv: ts,
                    seq,
                    is_snapshot: true,
                    side,
                    price,
                    amount: value,
                    count,
                };
                rows.book_mut().push(level);
            }
        }
        _ => {
            let id = (track != ANONYMOUS).then(|| (key + 1_000_000).to_string());
            let trade = Trade {
                ts,
                ts_recv: None,
                id: id.as_deref(),
                price: value,
                amount: key as f64,
                side: Some(Side::Buy),
            };
            (0..if id.is_some() { 1 } else { 2 }).for_each(|_| rows.trades_mut().push(trade));
        }
    }
}

/// The key and the version of each row.
pub(crate) fn versions(track: usize, rows: &Batch) -> Vec<(i64, u64)> {
    let keys = rows.ts().iter().map(|ts| (ts - BORDER).div_euclid(TRACKS[track].1));
    let value = |row: usize| match rows.kind() {
        Kind::Ohlc => rows.candles().get(row).close,
        Kind::OrderBook => rows.book().get(row).amount,
        _ => rows.trades().get(row).price,
    };
    keys.enumerate().map(|(row, key)| (key, value(row) as u64 - 1)).collect()
}

/// When a key is.
pub(crate) fn at(track: usize, key: i64) -> Micros {
    Micros(BORDER + key * TRACKS[track].1)
}

/// The pages, without end.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    dice: Dice,
    number: u64,
    /// The next key of each series that was never sent.
    next: [i64; SERIES],
    /// Rows of the largest pages.
    most_rows: u64,
}

impl Feed {
    /// The pages of a seed: small ones, or so large that segments of the journal fill up.
    pub(crate) fn new(seed: u64, is_heavy: bool) -> Self {
        Feed {
            dice: Dice::new(seed),
            number: 0,
            next: [-60; SERIES],
            most_rows: if is_heavy { 20_000 } else { 24 },
        }
    }
}

impl Iterator for Feed {
    type Item = Page;

    fn next(&mut self) -> Option<Page> {
        let is_heavy = self.most_rows > 1_000;
        let track =
            if is_heavy && self.dice.once_in(2) { MINUTELY } else { self.dice.below(SERIES as u64) as usize };
        let most = if track == MINUTELY { self.most_rows } else { self.most_rows.min(24) };
        let again = self.dice.below(4) as i64;
        let hole = if self.dice.once_in(8) { self.dice.below(5) as i64 } else { 0 };
        let late = if self.dice.once_in(12) { self.dice.below(80) as i64 } else { 0 };
        // An update of a book is sent once; asked again is only what a process that died did not confirm.
        let (again, late) = if track == BOOK { (0, 0) } else { (again, late) };
        let from = self.next[track] + hole - again - late;
        let until = from + again + 1 + self.dice.below(most) as i64;
        self.next[track] = self.next[track].max(until);
        let covered = Window::new(at(track, from), at(track, until)).filter(|_| !self.dice.once_in(10));
        let is_quiet = covered.is_some() && again + late == 0 && self.dice.once_in(10);
        let number = self.number;
        self.number += 1;
        Some(Page { number, track, keys: from..until, covered, is_quiet })
    }
}
