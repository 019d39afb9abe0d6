//! Small readers every exchange shares: numbers, instants and the excerpt of a bad body.

use crate::exchange::ParseError;
use crate::model::{Candle, Micros};

/// Where instants end: 2100-01-01. One given in another unit than documented lies far outside.
const LATEST: Micros = Micros::from_secs(4_102_444_800);

/// How much of a bad body an error shows.
const EXCERPT_BYTES: usize = 120;

/// The first bytes of a body as printable text, for an error message.
#[must_use]
pub fn excerpt(body: &[u8]) -> String {
    let head = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_BYTES)]);
    head.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// A body that is not the documented shape.
pub(crate) fn malformed(body: &[u8], reason: impl ToString) -> ParseError {
    ParseError::Malformed { reason: reason.to_string(), excerpt: excerpt(body) }
}

/// A decimal number that is finite.
pub(crate) fn number(text: &str) -> Option<f64> {
    // The standard parser takes `inf` and `nan`, which no price is.
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// Why an instant cannot be true, if it cannot.
pub(crate) fn time_fault(ts: Micros) -> Option<&'static str> {
    if ts < Micros::OLDEST {
        return Some("its time is before 2009");
    }
    (ts >= LATEST).then_some("its time is after 2100")
}

/// Why a candle cannot be true, if it cannot.
pub(crate) fn candle_fault(candle: &Candle) -> Option<&'static str> {
    let Candle { ts, open, high, low, close, volume, quote_volume, trades } = *candle;
    if let Some(fault) = time_fault(ts) {
        return Some(fault);
    }
    if !(low <= open && open <= high && low <= close && close <= high) {
        return Some("open, high, low and close contradict one another");
    }
    if low < 0.0 || volume < 0.0 || quote_volume.is_some_and(|v| v < 0.0) || trades.is_some_and(|n| n < 0) {
        return Some("a price or an amount is negative");
    }
    None
}
