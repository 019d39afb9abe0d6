//! Which of the simulated contracts has the name of a dated pair.

use dccd::model::{Batch, Kind, Market, Micros, Series, Window};
use dccd::store::Ledger;

use crate::reported;
use crate::test_daemon::{TestDaemon, at, grid};

/// The dates at which contracts expire, at eight o'clock.
pub(crate) const EXPIRIES: [&str; 11] = [
    "2024-03-29",
    "2024-06-28",
    "2024-09-27",
    "2024-12-27",
    "2025-03-28",
    "2025-06-27",
    "2025-09-26",
    "2025-12-26",
    "2026-03-27",
    "2026-06-26",
    "2026-09-25",
];

/// When the contract of a date expires.
pub(crate) fn expiry(date: &str) -> Micros {
    at(&format!("{date} 08:00:00"))
}

/// The symbols of a market and of its contracts, each of which has prices of its own.
pub(crate) fn symbols(assets: &'static str) -> impl Iterator<Item = String> {
    let dated = EXPIRIES.iter().map(move |date| dated(assets, date));
    std::iter::once(assets.to_owned()).chain(dated)
}

/// `BTCUSDT240329`.
fn dated(assets: &str, date: &str) -> String {
    format!("{assets}{}", &date.replace('-', "")[2..])
}

/// The symbol that a series is of at an instant, and until when it is.
pub(crate) fn symbol_at(series: &Series, at: Micros) -> (String, Micros) {
    let assets = format!("{}{}", series.pair().base(), series.pair().quote());
    if series.pair().market() != Market::Quarter {
        return (assets, Micros(i64::MAX));
    }
    let date = EXPIRIES.into_iter().find(|date| at < expiry(date)).expect("it is listed");
    (dated(&assets, date), expiry(date))
}

/// The exchange's rows of a series in a window, each of the contract that had the name then.
pub(crate) fn existing(setup: &TestDaemon, series: &Series, window: Window) -> Batch {
    let (mut rows, mut from) = (Batch::of(series.kind()), window.from);
    while let (symbol, ends) = symbol_at(series, from)
        && let Some(part) = Window::new(from, window.until.min(ends))
    {
        let market = setup.sim.market(&symbol).unwrap();
        rows.take_all(&match series.kind() {
            Kind::Ohlc => market.candles(grid(series), part),
            _ => market.trades(part),
        });
        from = part.until;
    }
    reported::by(series, rows)
}

/// Whether nothing of a series up to an instant is missing: of candles, of those that were closed by then.
pub(crate) fn is_settled(ledger: &Ledger, series: &Series, until: Micros) -> bool {
    let until = series.span().map_or(until, |span| span.grid().floor(until));
    let reached = ledger.settled().last().is_some_and(|last| last.until >= until);
    (reached || series.span().is_some()) && ledger.gaps(until).is_empty()
}
