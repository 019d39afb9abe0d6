//! Candles that are the same each time: as rows, and as Binance writes them.

use std::sync::Arc;

use dccd::exchange::{Ask, Page};
use dccd::model::{Batch, Candle, Kind, Micros, Series, Window};

use crate::common::{BEGIN, instrument};

/// One-minute candles of a year that has many of them.
pub(crate) const SERIES: &str = "binance/BTC-USDT/ohlc/1m";
/// Candles of a page.
pub(crate) const PAGE_ROWS: i64 = 1_000;

const MINUTE: i64 = 60_000_000;

pub(crate) fn series() -> Arc<Series> {
    Arc::new(SERIES.parse().expect("a series"))
}

pub(crate) fn open_of(minute: i64) -> Micros {
    Micros(BEGIN.0 + minute * MINUTE)
}

/// The window of so many minutes.
pub(crate) fn window(minutes: std::ops::Range<i64>) -> Window {
    Window::new(open_of(minutes.start), open_of(minutes.end)).expect("it has a length")
}

/// A page as a walk asks for it.
pub(crate) fn page(number: i64) -> Page {
    let series = series();
    let window = window(number * PAGE_ROWS..(number + 1) * PAGE_ROWS);
    let instrument = instrument(&series);
    Page { series, instrument, window, ask: Ask::ByTime, rows: PAGE_ROWS as u32 }
}

/// Prices in cents that wander, amounts that do not repeat.
struct Numbers {
    open: i64,
    volume: i64,
    trades: i64,
}

impl Numbers {
    fn of(minute: i64) -> Self {
        let open = 700_000 + minute * 7_919 % 10_007 + minute % 97;
        Numbers { open, volume: 1 + minute * 104_729 % 999_983, trades: 1 + minute * 31 % 997 }
    }
}

pub(crate) fn rows(minutes: std::ops::Range<i64>) -> Batch {
    let mut rows = Batch::of(Kind::Ohlc);
    for minute in minutes {
        let Numbers { open, volume, trades } = Numbers::of(minute);
        let cents = |number: i64| number as f64 / 100.0;
        rows.candles_mut().push(Candle {
            ts: open_of(minute),
            open: cents(open),
            high: cents(open + 300),
            low: cents(open - 200),
            close: cents(open + 100),
            volume: volume as f64 / 1e5,
            quote_volume: Some(volume as f64 * cents(open)),
            trades: Some(trades),
        });
    }
    rows
}

/// The same as the exchange answers.
pub(crate) fn body(minutes: std::ops::Range<i64>) -> Vec<u8> {
    let mut out = Vec::with_capacity(170 * PAGE_ROWS as usize);
    out.push(b'[');
    for minute in minutes.clone() {
        let Numbers { open, volume, trades } = Numbers::of(minute);
        let millis = open_of(minute).0 / 1_000;
        out.extend_from_slice(if minute == minutes.start { b"[" } else { b",[" });
        digits(&mut out, millis);
        for cents in [open, open + 300, open - 200, open + 100] {
            decimal(&mut out, cents, 100, b"000000");
        }
        decimal(&mut out, volume, 100_000, b"000");
        out.push(b',');
        digits(&mut out, millis + 59_999);
        decimal(&mut out, volume * open / 1_000, 10_000, b"0000");
        out.push(b',');
        digits(&mut out, trades);
        out.extend_from_slice(b",\"1.00000000\",\"2.00000000\",\"0\"]");
    }
    out.push(b']');
    out
}

/// A number as text with so many parts of one, filled up with zeros.
fn decimal(out: &mut Vec<u8>, number: i64, parts: i64, zeros: &[u8]) {
    out.extend_from_slice(b",\"");
    digits(out, number / parts);
    out.push(b'.');
    let from = out.len();
    digits(out, parts + number % parts);
    out.remove(from);
    out.extend_from_slice(zeros);
    out.push(b'"');
}

fn digits(out: &mut Vec<u8>, mut number: i64) {
    let (mut text, mut from) = ([0_u8; 20], 20);
    loop {
        from -= 1;
        text[from] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[from..]);
}
