//! Pages that are deliberately wrong: rows left out, moved or duplicated, and rows with bad fields.

use std::time::Duration;

use crate::sim::fault::Fault;
use crate::sim::hash::{below, draw};
use crate::sim::market::SimTrade;

/// A deliberate fault in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bend {
    /// A price is a number instead of text.
    PriceAsNumber,
    /// A price is null.
    PriceNull,
    /// The time is text instead of a number.
    TimeAsText,
    /// The time is in seconds.
    TimeInSeconds,
    /// The values contradict one another, or a price is negative.
    Contradiction,
    /// A price is text, but not of a finite number.
    NotFinite(&'static str),
    /// A trade is dated a day later.
    Ahead,
    /// A trade is dated a day earlier.
    Back,
}

/// A trade as the answer shows it.
pub(super) fn told(trade: SimTrade, bend: Option<Bend>) -> SimTrade {
    const DAY: Duration = Duration::from_secs(86_400);
    let ts = match bend {
        Some(Bend::Ahead) => trade.ts + DAY,
        Some(Bend::Back) => trade.ts - DAY,
        _ => trade.ts,
    };
    SimTrade { ts, ..trade }
}

/// The seed of odd rows.
const ODD: u64 = 0x0DD;

/// Applies a fault to the rows of a page, given by their keys; random choices come from `number`.
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
            // The ends stay, otherwise it would be a short page.
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

/// The row fault for a fault of the answer.
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
        Fault::Ahead => Some(Bend::Ahead),
        Fault::Back => Some(Bend::Back),
        _ => None,
    }
}

/// Whether the row of a key is an impossible one; one in so many is.
pub(super) fn is_odd(key: i64, one_in: u64) -> bool {
    one_in > 0 && draw(ODD, key.cast_unsigned()).is_multiple_of(one_in)
}

/// Writes a page: a row for each key, one of them faulty. Which one differs between answers, so that a temporary
/// fault never looks like a permanent one of the exchange.
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
