//! Selects the rows of a page: those requested, or genuine rows from elsewhere if the fault says so.

use crate::model::{Grid, Micros, Window};
use crate::sim::asked::SimRequest;
use crate::sim::fault::Fault;
use crate::sim::market::Market;

/// Which end of a window is answered if it has more than a page of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The oldest rows, oldest first.
    Oldest,
    /// The newest rows, newest first.
    Newest,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Oldest => Side::Newest,
            Side::Newest => Side::Oldest,
        }
    }

    fn sort(self, keys: &mut [i64]) {
        keys.sort_unstable();
        if self == Side::Newest {
            keys.reverse();
        }
    }
}

/// Rows to select from, by keys that grow with time.
#[derive(Clone, Copy)]
enum Rows<'a> {
    /// Candles and samples by their opens.
    OnGrid(&'a Market, Grid),
    /// Trades by their ids.
    Trades,
}

/// A half-open range of keys.
#[derive(Clone, Copy)]
struct Keys {
    from: i64,
    until: i64,
}

impl Rows<'_> {
    /// At most `limit` keys at one end of a range, in the order of that side.
    fn at(self, side: Side, Keys { from, until }: Keys, limit: usize) -> Vec<i64> {
        match (self, side) {
            _ if until <= from => Vec::new(),
            (Rows::OnGrid(market, grid), Side::Oldest) => oldest_opens(market, grid, from, until, limit),
            (Rows::OnGrid(market, grid), Side::Newest) => newest_opens(market, grid, from, until, limit),
            (Rows::Trades, Side::Oldest) => (from..until).take(limit).collect(),
            (Rows::Trades, Side::Newest) => (from..until).rev().take(limit).collect(),
        }
    }
}

impl SimRequest<'_> {
    /// Whether the exchange answers with the first rows in its order, whatever was requested.
    pub(super) fn is_stuck(&self) -> bool {
        self.fault == Some(Fault::Stuck)
    }

    /// Whether the answer has genuine rows, but not those requested.
    pub(super) fn is_elsewhere(&self) -> bool {
        use Fault::{Earlier, Later, Newest, Oldest, OtherEnd, Stuck};
        matches!(self.fault, Some(Stuck | Oldest | Newest | OtherEnd | Earlier | Later))
    }

    /// The opens of at most `limit` candles in a window that have begun, in the order of `side`.
    pub(super) fn opens(
        &self,
        market: &Market,
        grid: Grid,
        window: Option<Window>,
        side: Side,
        limit: usize,
    ) -> Vec<i64> {
        self.opens_before(Micros(self.now.0.saturating_add(1)), market, grid, window, side, limit)
    }

    /// The same for candles that open before an instant, for exchanges that omit the running one.
    pub(super) fn opens_before(
        &self,
        end: Micros,
        market: &Market,
        grid: Grid,
        window: Option<Window>,
        side: Side,
        limit: usize,
    ) -> Vec<i64> {
        let ever = Keys { from: 0, until: end.0 };
        let asked = match window {
            _ if self.is_stuck() => ever,
            Some(window) => Keys { from: window.from.0.max(0), until: window.until.0.min(end.0) },
            None => return Vec::new(),
        };
        self.choose(Rows::OnGrid(market, grid), ever, asked, side, limit)
    }

    /// The ids of at most `limit` trades in a window that have happened, in the order of `side`.
    pub(super) fn ids(&self, market: &Market, window: Option<Window>, side: Side, limit: usize) -> Vec<i64> {
        let window = match window {
            _ if self.is_stuck() => Window { from: Micros(0), until: Micros(self.now.0.saturating_add(1)) },
            Some(window) => window,
            None => return Vec::new(),
        };
        let [first, until] = [window.from, window.until].map(|at| market.first_trade_at_or_after(at));
        self.ids_between(market, first, until, side, limit)
    }

    /// The same for trades with ids in `first..until`.
    pub(super) fn ids_between(
        &self,
        market: &Market,
        first: u64,
        until: u64,
        side: Side,
        limit: usize,
    ) -> Vec<i64> {
        let happened = market.first_trade_at_or_after(Micros(self.now.0.saturating_add(1)));
        let [first, until, happened] =
            [first, until.min(happened), happened].map(|id| i64::try_from(id).unwrap_or(i64::MAX));
        let ever = Keys { from: 0, until: happened };
        self.choose(Rows::Trades, ever, Keys { from: first, until }, side, limit)
    }

    /// The rows of a page: those requested, or those the fault replaces them with.
    fn choose(&self, rows: Rows<'_>, ever: Keys, asked: Keys, side: Side, limit: usize) -> Vec<i64> {
        let mut keys = match self.fault {
            Some(Fault::Oldest) => rows.at(Side::Oldest, ever, limit),
            Some(Fault::Newest) => rows.at(Side::Newest, ever, limit),
            // An exchange that ignores which end is wanted answers in its own order.
            Some(Fault::OtherEnd) => return rows.at(side.other(), asked, limit),
            Some(Fault::Earlier | Fault::Later) => {
                let right = rows.at(side, asked, limit);
                self.beside(rows, ever, asked, &right, limit)
            }
            _ => return rows.at(side, asked, limit),
        };
        side.sort(&mut keys);
        keys
    }

    /// The same number of rows right before or after the correct ones; a full page if there are none.
    fn beside(&self, rows: Rows<'_>, ever: Keys, asked: Keys, right: &[i64], limit: usize) -> Vec<i64> {
        let count = if right.is_empty() { limit } else { right.len() };
        if self.fault == Some(Fault::Earlier) {
            let until = right.iter().min().copied().unwrap_or(asked.from);
            return rows.at(Side::Newest, Keys { until, ..ever }, count);
        }
        let from = right.iter().max().map_or(asked.until, |last| last + 1);
        rows.at(Side::Oldest, Keys { from, ..ever }, count)
    }
}

fn oldest_opens(market: &Market, grid: Grid, from: i64, until: i64, limit: usize) -> Vec<i64> {
    let mut opens = Vec::with_capacity(limit);
    let mut open = market.next_open(grid, Micros(from));
    while open.0 < until && opens.len() < limit {
        opens.push(open.0);
        open = market.next_open(grid, grid.next(open));
    }
    opens
}

fn newest_opens(market: &Market, grid: Grid, from: i64, until: i64, limit: usize) -> Vec<i64> {
    let mut opens = Vec::with_capacity(limit);
    let mut open = market.last_open(grid, Micros(until - 1));
    while let Some(own) = open.filter(|own| own.0 >= from && opens.len() < limit) {
        opens.push(own.0);
        open = market.last_open(grid, Micros(own.0 - 1));
    }
    opens
}
