//! Rows of Bitfinex as it writes them, over REST and over its socket alike.

use crate::model::Span;
use crate::sim::bend::Bend;
use crate::sim::fields::{number, time};
use crate::sim::market::{SimCandle, SimTrade};
use crate::sim::text::{cents, e8, int};

pub(super) const TIMEFRAMES: [(&str, Span); 10] = [
    ("1m", Span::MINUTE),
    ("5m", Span::Fixed(300)),
    ("15m", Span::Fixed(900)),
    ("30m", Span::Fixed(1_800)),
    ("1h", Span::HOUR),
    ("3h", Span::Fixed(10_800)),
    ("6h", Span::Fixed(21_600)),
    ("12h", Span::Fixed(43_200)),
    ("1D", Span::DAY),
    ("1M", Span::Month),
];

/// Its own names of assets, with the meanings it publishes.
pub(super) const NAMES: [(&str, &str); 5] =
    [("ATO", "ATOM"), ("DSH", "DASH"), ("IOT", "IOTA"), ("UDC", "USDC"), ("UST", "USDt")];

/// A symbol as the knobs write it.
pub(super) fn known(symbol: &str) -> String {
    let name = symbol.strip_prefix('t').unwrap_or(symbol);
    let parts = name.split_once(':').or_else(|| name.split_at_checked(3)).unwrap_or((name, ""));
    let usual = |own: &str| {
        let known = NAMES.iter().find(|(name, _)| *name == own);
        known.map_or(own.to_owned(), |(_, usual)| usual.to_uppercase())
    };
    format!("{}{}", usual(parts.0), usual(parts.1))
}

/// `[time, open, close, high, low, volume]`.
pub(super) fn candle(out: &mut Vec<u8>, candle: &SimCandle, bend: Option<Bend>) {
    let high = if bend == Some(Bend::Contradiction) { candle.low_cents - 1 } else { candle.high_cents };
    out.push(b'[');
    time(out, candle.open.millis_floor(), bend);
    out.push(b',');
    number(out, candle.open_cents, bend);
    for value in [candle.close_cents, high, candle.low_cents] {
        out.push(b',');
        cents(out, value);
    }
    out.push(b',');
    e8(out, candle.volume_e8);
    out.push(b']');
}

/// `[id, time, amount, price]`: what was sold is negative.
pub(super) fn trade(out: &mut Vec<u8>, trade: &SimTrade, id: i64, bend: Option<Bend>) {
    let price = if bend == Some(Bend::Contradiction) { -trade.price_cents } else { trade.price_cents };
    out.push(b'[');
    int(out, id);
    out.push(b',');
    time(out, trade.ts.millis_floor(), bend);
    out.push(b',');
    e8(out, if trade.sold { -trade.amount_e8 } else { trade.amount_e8 });
    out.push(b',');
    number(out, price, bend);
    out.push(b']');
}
