//! Books put together from the stored rows alone, and held to the exchange's.

use std::collections::BTreeMap;
use std::time::Duration;

use dccd::model::{BookLevel, Micros, Series, Side, Window};
use dccd::sim::SimBook;
use dccd::store::{Ledger, period_files, verify_series};

use crate::contracts::symbol_at;
use crate::dice::Dice;
use crate::rig::Rig;

/// The levels of each side that are compared.
pub(crate) const COMPARED: usize = 10;

/// Everything stored of a book.
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) ledger: Ledger,
    rows: Vec<BookLevel>,
    /// Where each update begins.
    starts: Vec<usize>,
}

/// A book put together from rows: amounts in 10^-8 by price in cents.
#[derive(Default)]
struct Rebuilt {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Stored {
    /// Reads a series at rest. Its numbers grow by one from update to update, its instants do not fall, and each day's file
    /// begins with a whole book.
    pub(crate) fn read(rig: &Rig, name: &str) -> Stored {
        let (series, ledger): (Series, _) = (name.parse().unwrap(), rig.setup.ledger(name));
        assert_eq!(verify_series(&rig.setup.layout(), &series).unwrap(), []);
        let mut rows: Vec<BookLevel> = Vec::new();
        for period in ledger.periods() {
            let first = rows.len();
            for file in period_files(&rig.setup.layout(), &series, period).unwrap() {
                let batch = file.rows().unwrap();
                rows.extend((0..batch.len()).map(|row| batch.book().get(row)));
            }
            assert!(rows[first].is_snapshot, "{name}: {period} cannot be read alone");
        }
        let starts: Vec<usize> =
            (0..rows.len()).filter(|row| *row == 0 || rows[*row].ord != rows[row - 1].ord).collect();
        for (number, start) in starts.iter().enumerate() {
            assert_eq!(rows[*start].ord, number as i64, "{name}: the number of an update");
        }
        assert!(rows.is_sorted_by_key(|row| row.ts), "{name}: instants fall");
        Stored { name: name.to_owned(), ledger, rows, starts }
    }

    pub(crate) fn updates(&self) -> usize {
        self.starts.len()
    }

    /// At instants drawn from all of its time the book is the exchange's, or the time is unfillable.
    pub(crate) fn hold_to_the_exchange(&self, rig: &Rig, dice: &mut Dice, instants: u64) {
        let (name, covered) = (&self.name, &self.ledger.covered);
        let all = Window::new(covered.first().unwrap().from, covered.last().unwrap().until).unwrap();
        let open = self.ledger.settled().missing(all);
        assert_eq!(open.iter().collect::<Vec<_>>(), [], "{name}: left open: {:?}", self.ledger.unfillable);
        let known = self.hold_within(rig, dice, all, instants);
        assert!(known > instants / 4, "{name}: {known} of {instants} instants are known");
    }

    /// The same in a window of it. Returns at how many instants the book is known.
    pub(crate) fn hold_within(&self, rig: &Rig, dice: &mut Dice, window: Window, instants: u64) -> u64 {
        let mut known = 0;
        for _ in 0..instants {
            let at = Micros(window.from.0 + dice.below((window.until.0 - window.from.0) as u64) as i64);
            if self.ledger.covered.holds(at) {
                known += u64::from(self.compare(rig, at));
            } else {
                let is_one = |note: &&dccd::store::Note| note.window.holds(at);
                assert!(self.ledger.unfillable.iter().any(|note| is_one(&note)), "{}: {at}", self.name);
            }
        }
        known
    }

    /// Holds the book at an instant to the exchange's; `false` where the exchange tells no time to compare it by.
    fn compare(&self, rig: &Rig, at: Micros) -> bool {
        let next = self.starts.partition_point(|start| self.rows[*start].ts <= at);
        let first = self.starts[..next].iter().rposition(|start| self.rows[*start].is_snapshot);
        let first = first.unwrap_or_else(|| panic!("{}: no whole book before {at}", self.name));
        let end = self.starts.get(next).copied().unwrap_or(self.rows.len());
        let last = &self.rows[end - 1];
        // The whole book of Coinbase has no time of its own.
        if last.is_snapshot && self.name.starts_with("coinbase") {
            return false;
        }
        let book = Rebuilt::of(&self.rows[self.starts[first]..end]);
        let theirs = self.existing(rig, last.ts, last.seq);
        let bids: Vec<(i64, i64)> = book.bids.iter().rev().take(COMPARED).map(|(p, a)| (*p, *a)).collect();
        let asks: Vec<(i64, i64)> = book.asks.iter().take(COMPARED).map(|(p, a)| (*p, *a)).collect();
        let told =
            || format!("{} at {at}: update {} of {}, seq {:?}", self.name, last.ord, last.ts, last.seq);
        assert_eq!(bids, self.listed(theirs.bids()), "{}", told());
        assert_eq!(asks, self.listed(theirs.asks()), "{}", told());
        true
    }

    /// The best of the exchange's levels as they are listed: contracts of coins by whole ones of a hundred dollars.
    pub(crate) fn listed(&self, levels: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
        let counted = |(cents, amount): (i64, i64)| {
            let contracts = (amount / 10_000 * cents / 10_000 / 10_000).max(1);
            (cents, (contracts as f64 * 10_000.0 / cents as f64 * 1e8).round() as i64)
        };
        let has_contracts = self.name.starts_with("binancecoinm");
        let own = levels.take(COMPARED).map(|level| if has_contracts { counted(level) } else { level });
        own.collect()
    }

    /// The first instant of a day at which its own file tells the book.
    pub(crate) fn begin_of(&self, day: Window) -> Micros {
        let first = self.rows.iter().map(|row| row.ts).find(|ts| day.holds(*ts));
        first.expect("a day that has a file has rows")
    }

    /// The exchange's book at an update with this instant and sequence.
    pub(crate) fn existing(&self, rig: &Rig, ts: Micros, seq: Option<i64>) -> SimBook {
        let series: Series = self.name.parse().unwrap();
        let market = rig.setup.sim.market(&symbol_at(&series, ts).0);
        let own = seq.filter(|_| self.name.starts_with("binance"));
        market.unwrap().book_at_update(own.unwrap_or(ts.millis_floor() / 100))
    }
}

impl Rebuilt {
    fn of(rows: &[BookLevel]) -> Self {
        let mut book = Rebuilt::default();
        let mut ord = None;
        for row in rows {
            if row.is_snapshot && ord != Some(row.ord) {
                book = Rebuilt::default();
            }
            ord = Some(row.ord);
            let side = if row.side == Side::Bid { &mut book.bids } else { &mut book.asks };
            let price = (row.price * 100.0).round() as i64;
            match (row.amount * 1e8).round() as i64 {
                0 => side.remove(&price),
                amount => side.insert(price, amount),
            };
        }
        book
    }
}

impl Rig {
    /// Waits until every book is stored as in step up to an instant.
    pub(crate) async fn in_step_until(&self, until: Micros, within: Duration) {
        let last = |name: &String| self.setup.ledger(name).covered.last().map(|window| window.until);
        let behind = || self.series.iter().filter(|name| last(name) < Some(until)).collect::<Vec<_>>();
        self.wait_for(within, || behind().is_empty(), || format!("{:?} are behind", behind())).await;
    }
}
