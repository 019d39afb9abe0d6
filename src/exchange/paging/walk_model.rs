//! A model of an exchange whose pages are short, shuffled, empty and crowded, and what a walk makes of it.

use proptest::prelude::*;

use super::*;
use crate::exchange::History;
use crate::exchange::Next;
use crate::model::{Candle, Kind, Trade, Windows};

pub(super) const MINUTE: i64 = 60_000_000;

pub(super) const START: i64 = 1_704_067_200_000_000;

pub(super) const CANDLES: Offer = Offer { page_rows: 10, direction: Direction::NewestFirst, ..Offer::USUAL };

pub(super) const TRADES: Offer = Offer { kind: Kind::Trades, bounds: Bounds::Near, ..CANDLES };

pub(super) static NEWEST: Offer = CANDLES;

pub(super) static NEWEST_PAGE: Offer = Offer { bounds: Bounds::Page, ..CANDLES };

pub(super) static OLDEST_PAGE: Offer =
    Offer { bounds: Bounds::Page, direction: Direction::OldestFirst, ..CANDLES };

pub(super) static OLDEST_NEAR: Offer =
    Offer { bounds: Bounds::Near, direction: Direction::OldestFirst, ..CANDLES };

pub(super) static TRADES_DOWN: Offer = TRADES;

pub(super) static TRADES_UP: Offer =
    Offer { direction: Direction::OldestFirst, bounds: Bounds::Both, ..TRADES };

pub(super) static BY_ID: Offer = Offer { direction: Direction::OldestFirst, bounds: Bounds::ById, ..TRADES };

pub(super) static GLIMPSE: Offer = Offer { bounds: Bounds::Unbounded, history: History::Rows(10), ..TRADES };

/// How the model exchange goes on after a page of trades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Time,
    Ids,
    Offset,
}

/// An exchange that holds rows at some minutes, several trades of one minute allowed.
pub(super) struct Book {
    pub(super) rows: Vec<i64>,
    pub(super) way: Way,
    /// How each answer in turn is bent; whole ones follow.
    pub(super) faults: Vec<Fault>,
    pub(super) asked: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Whole,
    Short,
    Empty,
}

impl Book {
    pub(super) fn of(rows: impl IntoIterator<Item = i64>) -> Book {
        let mut rows: Vec<i64> = rows.into_iter().collect();
        rows.sort_unstable();
        Book { rows, way: Way::Time, faults: Vec::new(), asked: 0 }
    }

    pub(super) fn answer(&mut self, page: &Page, offer: &Offer) -> (Batch, Next) {
        let most = page.rows as usize;
        // An exchange that answers by id gives its newest page where it is told none.
        let newest = self.rows.len().saturating_sub(most);
        let inside = |id: &usize| {
            let ts = at(self.rows[*id]);
            match (page.ask, offer.bounds, offer.direction) {
                (Ask::FromId(from), _, Direction::OldestFirst) => *id as u64 >= from,
                (Ask::FromId(from), _, Direction::NewestFirst) => *id as u64 <= from,
                (Ask::Now, ..) => *id >= newest,
                (_, Bounds::Both | Bounds::Page, _) => page.window.holds(ts),
                (_, Bounds::Near, Direction::OldestFirst) => ts >= page.window.from,
                (_, Bounds::Near, Direction::NewestFirst) => ts < page.window.until,
                (_, Bounds::Unbounded | Bounds::ById, _) => true,
            }
        };
        let mut ids: Vec<usize> = (0..self.rows.len()).filter(inside).collect();
        if offer.direction == Direction::NewestFirst {
            ids.reverse();
        }
        let skipped = if let Ask::Skip(rows) = page.ask { rows as usize } else { 0 };
        let mut ids: Vec<usize> = ids.into_iter().skip(skipped).take(most).collect();
        let full = ids.len() == most;
        let fault = self.faults.get(self.asked).copied().unwrap_or(Fault::Whole);
        self.asked += 1;
        match fault {
            Fault::Whole => {}
            Fault::Short => ids.truncate(ids.len().div_ceil(2)),
            Fault::Empty => ids.clear(),
        }
        let furthest = ids.last().copied();
        ids.sort_unstable();
        let one_instant = ids.iter().all(|id| self.rows[*id] == self.rows[ids[0]]);
        let next = match (self.way, furthest) {
            (Way::Ids, Some(id)) => Next::FromId(id as u64),
            (Way::Offset, Some(_)) if full && ids.len() == most && one_instant => {
                Next::Skip(u32::try_from(skipped + most).unwrap())
            }
            _ => Next::ByTime,
        };
        (batch(offer.kind, ids.iter().map(|id| (*id, self.rows[*id]))), next)
    }
}

pub(super) fn batch(kind: Kind, rows: impl Iterator<Item = (usize, i64)>) -> Batch {
    let mut out = Batch::of(kind);
    for (id, minute) in rows {
        let ts = at(minute);
        if kind == Kind::Ohlc {
            let (open, high, low, close) = (1.0, 1.0, 1.0, 1.0);
            let (quote_volume, trades) = (None, None);
            out.candles_mut().push(Candle { ts, open, high, low, close, volume: 1.0, quote_volume, trades });
        } else {
            let id = id.to_string();
            let id = Some(id.as_str());
            out.trades_mut().push(Trade { ts, ts_recv: None, id, price: 1.0, amount: 1.0, side: None });
        }
    }
    out
}

pub(super) fn at(minute: i64) -> Micros {
    Micros(START + minute * MINUTE)
}

pub(super) fn window(from: i64, until: i64) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

pub(super) fn walk(offer: &'static Offer, wanted: Window, horizon: i64, settled: i64) -> Walk {
    let series = match offer.kind {
        Kind::Ohlc => "model/BTC-USDT/ohlc/1m",
        _ => "model/BTC-USDT/trades",
    };
    let instrument = Arc::new(Instrument::named("BTCUSDT".to_owned()));
    Walk::new(Arc::new(series.parse().unwrap()), instrument, offer, wanted, at(horizon), at(settled))
}

/// The result of a walk: the rows by number of their minute, what is covered and empty, and its pages.
#[derive(Debug, Default)]
pub(super) struct Got {
    pub(super) rows: Vec<i64>,
    pub(super) ids: std::collections::BTreeSet<String>,
    pub(super) covered: Windows,
    pub(super) empty: Windows,
    pub(super) pages: usize,
    pub(super) lost: Option<Window>,
    pub(super) unsure: Option<Window>,
}

pub(super) fn run(mut walk: Walk, book: &mut Book) -> Result<Got, ParseError> {
    let (mut got, offer) = (Got::default(), walk.offer);
    let mut seen = std::collections::BTreeMap::new();
    while let Some(page) = walk.next() {
        got.pages += 1;
        assert!(got.pages < 3_000, "the walk does not end");
        assert!(page.rows <= offer.page_rows);
        let (rows, next) = book.answer(&page, offer);
        let step = walk.take(rows, next, None)?;
        for row in 0..step.rows.len() {
            let minute = (step.rows.ts()[row] - START) / MINUTE;
            let id = match offer.kind {
                Kind::Ohlc => minute.to_string(),
                _ => step.rows.trades().get(row).id.unwrap().to_owned(),
            };
            seen.insert(id, minute);
        }
        step.covered.into_iter().for_each(|window| got.covered.add(window));
        step.empty.into_iter().for_each(|window| got.empty.add(window));
    }
    got.rows = seen.values().copied().collect();
    got.rows.sort_unstable();
    got.ids = seen.into_keys().collect();
    (got.lost, got.unsure) = (walk.lost(), walk.unsure());
    Ok(got)
}

pub(super) fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![3 => Just(Fault::Whole), 1 => Just(Fault::Short), 1 => Just(Fault::Empty)];
    // Never two short answers in a row: those are believed; nor three empty ones.
    let apart = |mut faults: Vec<Fault>| {
        for place in 1..faults.len() {
            match faults[place.saturating_sub(2)..place] {
                [.., Fault::Short] | [Fault::Short | Fault::Empty, Fault::Empty] if place > 1 => {
                    faults[place] = Fault::Whole;
                }
                [Fault::Short] => faults[place] = Fault::Whole,
                _ => {}
            }
        }
        faults
    };
    prop::collection::vec(fault, 0..12).prop_map(apart)
}

/// Walks to the end, and once more over what came empty, as a run does.
pub(super) fn run_twice(walk: Walk, book: &mut Book) -> Result<Got, ParseError> {
    let again = walk.clone().last();
    let mut got = run(walk, book)?;
    let Some(unsure) = got.unsure else { return Ok(got) };
    let last = run(Walk { window: unsure, from: unsure.from, until: unsure.until, ..again }, book)?;
    got.covered.add_all(&last.covered);
    got.empty.add_all(&last.empty);
    got.rows.extend(last.rows);
    got.ids.extend(last.ids);
    Ok(got)
}

pub(super) static NEWEST_ROWS: Offer = Offer { history: History::Rows(10), ..OLDEST_NEAR };

pub(super) static FORGETFUL: Offer = Offer { is_forgetful: true, ..TRADES_DOWN };

pub(super) fn walk_of(offer: &'static Offer, window: Window) -> Walk {
    let series: Series = match offer.kind {
        Kind::Ohlc => "binance/BTC-USDT/ohlc/1m",
        _ => "binance/BTC-USDT/trades",
    }
    .parse()
    .unwrap();
    let instrument = Arc::new(Instrument::named("BTCUSDT".to_owned()));
    Walk::new(Arc::new(series), instrument, offer, window, at(5_000), at(5_000))
}
