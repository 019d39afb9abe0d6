//! Binance's rows as JSON text, right or bent on purpose.

use super::fault::Fault;
use super::hash::{below, draw};
use super::market::{SimCandle, SimTrade};
use super::text::{cents, e8, int};

/// What is wrong with a bent row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bend {
    /// A price is a number instead of a text.
    PriceAsNumber,
    /// A price is null.
    PriceNull,
    /// The time is a text instead of a number.
    TimeAsText,
    /// The time is in seconds.
    TimeInSeconds,
    /// The values contradict one another, or a price is negative.
    Contradiction,
    /// A price is text, but not of a finite number.
    NotFinite(&'static str),
}

/// What odd rows are drawn from.
const ODD: u64 = 0x0DD;

/// Puts the rows of a page, given by their keys, in the state a fault wants; drawn from `number`.
pub(super) fn disarrange(keys: &mut Vec<i64>, fault: Option<Fault>, number: u64) {
    match fault {
        Some(Fault::Empty) => keys.clear(),
        Some(Fault::Short) => keys.truncate(keys.len().div_ceil(2)),
        Some(Fault::SecondHalf) => drop(keys.drain(..keys.len() / 2)),
        Some(Fault::NoFirst) => drop(keys.drain(..keys.len().min(1))),
        Some(Fault::NoMiddle) if keys.len() > 2 => drop(keys.remove(keys.len() / 2)),
        Some(Fault::NoLast) => drop(keys.pop()),
        Some(Fault::Reversed) => keys.reverse(),
        Some(Fault::Holed) => {
            // The ends stay, or it would be a short page.
            let middle = keys.len() / 2;
            let until = (middle + 1 + keys.len() / 10).min(keys.len().saturating_sub(1));
            keys.drain(middle.min(until)..until);
        }
        Some(Fault::Shuffled) => {
            for place in (1..keys.len()).rev() {
                let other = draw(number, place as u64) % (place as u64 + 1);
                keys.swap(place, usize::try_from(other).unwrap_or(0));
            }
        }
        Some(Fault::Doubled) => {
            let twice =
                |(place, key): (usize, &i64)| std::iter::repeat_n(*key, 1 + usize::from(place % 10 == 0));
            *keys = keys.iter().enumerate().flat_map(twice).collect();
        }
        _ => {}
    }
}

/// How a row of a page is bent under a fault.
pub(super) fn bend_of(fault: Option<Fault>, number: u64) -> Option<Bend> {
    match fault? {
        Fault::WrongType => Some(match below(draw(number, 0), 4) {
            0 => Bend::PriceAsNumber,
            1 => Bend::PriceNull,
            2 => Bend::TimeAsText,
            _ => Bend::TimeInSeconds,
        }),
        Fault::Impossible => Some(match below(draw(number, 0), 3) {
            0 => Bend::NotFinite("NaN"),
            1 => Bend::NotFinite("1e400"),
            _ => Bend::Contradiction,
        }),
        _ => None,
    }
}

/// Whether the row of a key is one of those that cannot be true, one in so many.
pub(super) fn is_odd(key: i64, one_in: u64) -> bool {
    one_in > 0 && draw(ODD, key.cast_unsigned()).is_multiple_of(one_in)
}

/// Writes a page: every key as a row, one of them bent. Which one differs from answer to answer, so that a fault that
/// passes never looks like a row that the exchange itself has so.
pub(super) fn page(
    keys: &[i64],
    bend: Option<Bend>,
    number: u64,
    mut row: impl FnMut(&mut Vec<u8>, i64, Option<Bend>),
) -> Vec<u8> {
    let bent = usize::try_from(number).unwrap_or(0) % keys.len().max(1);
    let mut out = Vec::with_capacity(2 + keys.len() * 192);
    out.push(b'[');
    for (place, key) in keys.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        row(&mut out, *key, bend.filter(|_| place == bent));
    }
    out.push(b']');
    out
}

/// `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, takerBase, takerQuote, "0"]`.
pub(super) fn candle(out: &mut Vec<u8>, candle: &SimCandle, closed_ms: i64, bend: Option<Bend>) {
    let high_cents = match bend {
        Some(Bend::Contradiction) => candle.low_cents - 1,
        _ => candle.high_cents,
    };
    out.push(b'[');
    time(out, candle.open.millis_floor(), bend);
    out.push(b',');
    price(out, candle.open_cents, bend);
    out.extend_from_slice(b",\"");
    cents(out, high_cents);
    out.extend_from_slice(b"\",\"");
    cents(out, candle.low_cents);
    out.extend_from_slice(b"\",\"");
    cents(out, candle.close_cents);
    out.extend_from_slice(b"\",\"");
    e8(out, candle.volume_e8);
    out.extend_from_slice(b"\",");
    int(out, closed_ms);
    out.extend_from_slice(b",\"");
    cents(out, candle.quote_cents);
    out.extend_from_slice(b"\",");
    int(out, candle.trades);
    out.extend_from_slice(b",\"");
    e8(out, candle.volume_e8 / 2);
    out.extend_from_slice(b"\",\"");
    cents(out, candle.quote_cents / 2);
    out.extend_from_slice(b"\",\"0\"]");
}

/// `{"a": id, "p": price, "q": amount, "f": first, "l": last, "T": time, "m": buyer is maker, "M": best match}`.
pub(super) fn trade(out: &mut Vec<u8>, trade: &SimTrade, bend: Option<Bend>) {
    let price_cents = match bend {
        Some(Bend::Contradiction) => -trade.price_cents,
        _ => trade.price_cents,
    };
    let id = i64::try_from(trade.id).unwrap_or(i64::MAX);
    out.extend_from_slice(b"{\"a\":");
    int(out, id);
    out.extend_from_slice(b",\"p\":");
    price(out, price_cents, bend);
    out.extend_from_slice(b",\"q\":\"");
    e8(out, trade.amount_e8);
    out.extend_from_slice(b"\",\"f\":");
    int(out, id);
    out.extend_from_slice(b",\"l\":");
    int(out, id);
    out.extend_from_slice(b",\"T\":");
    time(out, trade.ts.millis_floor(), bend);
    let maker: &[u8] = if trade.sold { b",\"m\":true,\"M\":true}" } else { b",\"m\":false,\"M\":true}" };
    out.extend_from_slice(maker);
}

/// `[["price","amount"],…]`.
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

/// A time in milliseconds, written as text where an exchange does so.
pub(super) fn time_text(out: &mut Vec<u8>, at_ms: i64, bend: Option<Bend>) {
    let quote = if bend == Some(Bend::TimeAsText) { "" } else { "\"" };
    out.extend_from_slice(quote.as_bytes());
    int(out, if bend == Some(Bend::TimeInSeconds) { at_ms / 1_000 } else { at_ms });
    out.extend_from_slice(quote.as_bytes());
}

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

/// A price as a JSON number, where an exchange writes it so.
pub(super) fn number(out: &mut Vec<u8>, price_cents: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::PriceAsNumber | Bend::NotFinite(_)) => out.extend_from_slice(b"\"NaN\""),
        Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
        _ => cents(out, price_cents),
    }
}

pub(super) fn price(out: &mut Vec<u8>, price_cents: i64, bend: Option<Bend>) {
    match bend {
        Some(Bend::PriceAsNumber) => cents(out, price_cents),
        Some(Bend::PriceNull) => out.extend_from_slice(b"null"),
        Some(Bend::NotFinite(text)) => {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        _ => {
            out.push(b'"');
            cents(out, price_cents);
            out.push(b'"');
        }
    }
}
