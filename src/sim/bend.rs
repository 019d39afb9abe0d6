//! Pages that are wrong on purpose: which rows are left out, moved or doubled, and how a row is bent.

use std::time::Duration;

use crate::sim::fault::Fault;
use crate::sim::hash::{below, draw};
use crate::sim::market::SimTrade;

/// A fault put into a row on purpose.
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
    /// A trade is told of a day later.
    Ahead,
    /// A trade is told of a day earlier.
    Back,
}

/// A trade with its instant as an answer tells it.
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
        Fault::Ahead => Some(Bend::Ahead),
        Fault::Back => Some(Bend::Back),
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
