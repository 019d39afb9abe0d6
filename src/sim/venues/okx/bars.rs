//! OKX's candles as JSON text, over REST and over its sockets alike.

use crate::model::Span;
use crate::sim::bend::Bend;
use crate::sim::fields::{price_text, time_text};
use crate::sim::market::SimCandle;
use crate::sim::text::{cents, e8};

/// Its names of spans; from six hours on they open at UTC+8 unless the name says `utc`.
pub(super) const BARS: [(&str, Span); 14] = [
    ("1m", Span::MINUTE),
    ("3m", Span::Fixed(180)),
    ("5m", Span::Fixed(300)),
    ("15m", Span::Fixed(900)),
    ("30m", Span::Fixed(1_800)),
    ("1H", Span::HOUR),
    ("2H", Span::Fixed(7_200)),
    ("4H", Span::Fixed(14_400)),
    ("6Hutc", Span::Fixed(21_600)),
    ("12Hutc", Span::Fixed(43_200)),
    ("1Dutc", Span::DAY),
    ("3Dutc", Span::Fixed(259_200)),
    ("1Wutc", Span::WEEK),
    ("1Mutc", Span::Month),
];

/// `[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`.
pub(super) fn bar(out: &mut Vec<u8>, candle: &SimCandle, is_spot: bool, is_closed: bool, bend: Option<Bend>) {
    let high = if bend == Some(Bend::Contradiction) { candle.low_cents - 1 } else { candle.high_cents };
    out.push(b'[');
    time_text(out, candle.open.millis_floor(), bend);
    out.push(b',');
    price_text(out, candle.open_cents, bend);
    for value in [high, candle.low_cents, candle.close_cents] {
        out.extend_from_slice(b",\"");
        cents(out, value);
        out.push(b'"');
    }
    // For a contract of one unit the first two numbers are equal.
    out.extend_from_slice(b",\"");
    e8(out, candle.volume_e8);
    out.extend_from_slice(b"\",\"");
    if is_spot {
        cents(out, candle.quote_cents)
    } else {
        e8(out, candle.volume_e8)
    }
    out.extend_from_slice(b"\",\"");
    cents(out, candle.quote_cents);
    out.extend_from_slice(if is_closed { b"\",\"1\"]" } else { b"\",\"0\"]" });
}
