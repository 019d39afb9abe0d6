//! Kraken's candles as a right collector has them: computed from trades where the exchange has none any more.

use std::collections::BTreeMap;

use dccd::model::{Batch, Candle, Grid, Kind, Micros, Series, Window};

use crate::test_daemon::{TestDaemon, at, grid};

/// The candles of all trades of a window, added up in whole numbers without the code under test.
fn computed(setup: &TestDaemon, grid: Grid, window: Window) -> Batch {
    let market = setup.sim.market("BTCUSD").unwrap();
    let mut buckets: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    let ids = market.first_trade_at_or_after(window.from)..market.first_trade_at_or_after(window.until);
    for trade in ids.map(|id| market.trade(id)) {
        buckets.entry(grid.floor(trade.ts).0).or_default().push((trade.price_cents, trade.amount_e8));
    }
    let mut batch = Batch::of(Kind::Ohlc);
    for (open, trades) in buckets {
        let prices = || trades.iter().map(|(price, _)| *price);
        let cents = |price: i64| format!("{}.{:02}", price / 100, price % 100).parse::<f64>().unwrap();
        let volume: i64 = trades.iter().map(|(_, amount)| amount).sum();
        batch.candles_mut().push(Candle {
            ts: Micros(open),
            open: cents(trades[0].0),
            high: cents(prices().max().unwrap()),
            low: cents(prices().min().unwrap()),
            close: cents(trades[trades.len() - 1].0),
            volume: format!("{}.{:08}", volume / 100_000_000, volume % 100_000_000).parse().unwrap(),
            quote_volume: None,
            trades: Some(i64::try_from(trades.len()).unwrap()),
        });
    }
    batch
}

/// The expected rows: computed candles up to where the exchange's own begin, its own from there on.
pub(crate) fn wanted(setup: &TestDaemon, series: &str, whole: Window, own_from: Micros) -> Batch {
    let grid = grid(&series.parse::<Series>().unwrap());
    let mut rows = computed(setup, grid, Window::new(whole.from, own_from).unwrap());
    rows.take_all(&setup.existing(series, Window::new(own_from, whole.until).unwrap()));
    rows
}

/// Where the candles the exchange still gives begin.
pub(crate) fn own_from(series: &str, now: &str) -> Micros {
    let grid = grid(&series.parse::<Series>().unwrap());
    grid.step(grid.floor(at(now)), -720)
}
