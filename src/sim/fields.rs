//! Writes the fields of rows as exchanges do, correct or deliberately wrong.

use crate::model::Micros;
use crate::sim::bend::Bend;
use crate::sim::text::{cents, e8, int};

/// A price as text: `"61837.63000000"`.
pub(super) fn price_text(out: &mut Vec<u8>, price_cents: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::PriceAsNumber) => cents(out, price_cents),
        Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
        Some(Bend::NotFinite(text)) => quoted(out, |out| out.extend_from_slice(text.as_bytes())),
        _ => quoted(out, |out| cents(out, price_cents)),
    }
}

/// A price as a number: `61837.63000000`; as text if the fault swaps the type.
pub(super) fn price_number(out: &mut Vec<u8>, price_cents: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::PriceAsNumber) => quoted(out, |out| cents(out, price_cents)),
        Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
        Some(Bend::NotFinite(text)) => out.extend_from_slice(text.as_bytes()),
        _ => cents(out, price_cents),
    }
}

/// An amount as text.
pub(super) fn amount_text(out: &mut Vec<u8>, amount_e8: i64) {
    quoted(out, |out| e8(out, amount_e8));
}

/// An instant in whole seconds; in milliseconds if faulty.
pub(super) fn secs(out: &mut Vec<u8>, at: Micros, bend: Option<Bend>) {
    match bend {
        Some(Bend::TimeAsText) => quoted(out, |out| int(out, at.secs())),
        Some(Bend::TimeInSeconds) => int(out, at.millis_floor()),
        _ => int(out, at.secs()),
    }
}

/// An instant as RFC 3339 text with milliseconds: `"2017-01-01T00:00:00.000Z"`; a number if faulty.
pub(super) fn rfc3339(out: &mut Vec<u8>, at: Micros, bend: Option<Bend>) {
    match bend {
        Some(Bend::TimeAsText) => int(out, at.millis_floor()),
        Some(Bend::TimeInSeconds) => int(out, at.secs()),
        _ => quoted(out, |out| out.extend_from_slice(format!("{:.3}", at.timestamp()).as_bytes())),
    }
}

/// Writes something between quotation marks.
pub(super) fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// The price; negative if the fault says so.
pub(super) fn trade_cents(price_cents: i64, bend: Option<Bend>) -> i64 {
    if bend == Some(Bend::Contradiction) { -price_cents } else { price_cents }
}

/// The high; below the low if the fault says so.
pub(super) fn high_cents(high_cents: i64, low_cents: i64, bend: Option<Bend>) -> i64 {
    if bend == Some(Bend::Contradiction) { low_cents - 1 } else { high_cents }
}

/// An instant in milliseconds as text; a number, or seconds, if faulty.
pub(super) fn millis_text(out: &mut Vec<u8>, at: Micros, bend: Option<Bend>) {
    match bend {
        Some(Bend::TimeAsText) => int(out, at.millis_floor()),
        Some(Bend::TimeInSeconds) => quoted(out, |out| int(out, at.secs())),
        _ => quoted(out, |out| int(out, at.millis_floor())),
    }
}

/// An amount in 10^-8 as text, with the same faults as a price.
pub(super) fn bent_amount_text(out: &mut Vec<u8>, amount_e8: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::PriceAsNumber) => e8(out, amount_e8),
        Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
        Some(Bend::NotFinite(text)) => quoted(out, |out| out.extend_from_slice(text.as_bytes())),
        _ => amount_text(out, amount_e8),
    }
}

/// A time in milliseconds, as text for exchanges that write it so.
pub(super) fn time_text(out: &mut Vec<u8>, at_ms: i64, bend: Option<Bend>) {
    let quote = if bend == Some(Bend::TimeAsText) { "" } else { "\"" };
    out.extend_from_slice(quote.as_bytes());
    int(out, if bend == Some(Bend::TimeInSeconds) { at_ms / 1_000 } else { at_ms });
    out.extend_from_slice(quote.as_bytes());
}

/// A time in milliseconds; text or seconds if faulty.
pub(super) fn time(out: &mut Vec<u8>, at_ms: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::TimeAsText) => {
            out.push(b'"');
            int(out, at_ms);
            out.push(b'"');
        }
        Some(Bend::TimeInSeconds) => int(out, at_ms / 1_000),
        _ => int(out, at_ms),
    }
}

/// A price as a JSON number, for exchanges that write it so.
pub(super) fn number(out: &mut Vec<u8>, price_cents: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::PriceAsNumber | Bend::NotFinite(_)) => out.extend_from_slice(b"\"NaN\""),
        Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
        _ => cents(out, price_cents),
    }
}

/// The levels of a side: `[["price","amount"],…]`.
pub(super) fn levels(out: &mut Vec<u8>, levels: impl Iterator<Item = (i64, i64)>) {
    out.push(b'[');
    for (place, (price_cents, amount_e8)) in levels.enumerate() {
        out.extend_from_slice(if place > 0 { b",[\"" } else { b"[\"" });
        cents(out, price_cents);
        out.extend_from_slice(b"\",\"");
        e8(out, amount_e8);
        out.extend_from_slice(b"\"]");
    }
    out.push(b']');
}
