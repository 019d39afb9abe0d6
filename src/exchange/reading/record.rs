//! Rows of an exchange before they become columns, and those that contradict one another.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::exchange::OddFault;
use crate::model::{Batch, Candle, FundingRate, Micros, OpenInterest, Side, Trade};

/// A row of a kind.
pub(crate) trait Record: PartialEq {
    /// Its open or instant.
    fn ts(&self) -> Micros;

    /// The number of a trade where trades are numbered.
    fn number(&self) -> Option<u64> {
        None
    }

    /// The key, which no other row shares.
    fn key(&self) -> Key<'_> {
        Key::At(self.ts())
    }

    /// Appends rows in their order.
    fn append(rows: Vec<Self>, out: &mut Batch)
    where
        Self: Sized;
}

/// The key of a row within its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key<'a> {
    At(Micros),
    Number(u64),
    Text(&'a str),
}

impl Key<'_> {
    /// Keys with another one are another key.
    fn fingerprint(self) -> u64 {
        match self {
            Key::At(at) => at.0.cast_unsigned(),
            Key::Number(number) => number,
            Key::Text(text) => {
                let ends = text.as_bytes().first_chunk().zip(text.as_bytes().last_chunk());
                let (first, last) = ends
                    .map_or((0, 0), |(first, last)| (u64::from_ne_bytes(*first), u64::from_ne_bytes(*last)));
                let short = text.bytes().fold(0, |sum: u64, byte| sum << 8 | u64::from(byte));
                if text.len() < 8 { short } else { first.rotate_left(17) ^ last }
            }
        }
    }

    /// Whether it is an id made of zeros, which says that there is none where several rows have it.
    fn is_zero(self) -> bool {
        match self {
            Key::At(_) => false,
            Key::Number(number) => number == 0,
            Key::Text(text) => text.bytes().all(|byte| matches!(byte, b'0' | b'-')),
        }
    }

    /// Whether it is told apart by order alone.
    fn is_ordered(self) -> bool {
        !matches!(self, Key::Text(_))
    }
}

/// A trade with the id it has at its exchange.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TradeRow<'a> {
    pub(crate) ts: Micros,
    pub(crate) id: TradeId<'a>,
    pub(crate) price: f64,
    pub(crate) amount: f64,
    /// The taker's side; `None` only where the exchange reports a trade without a taker.
    pub(crate) side: Option<Side>,
}

/// The id of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TradeId<'a> {
    Number(u64),
    Text(Cow<'a, str>),
}

impl Record for TradeRow<'_> {
    fn ts(&self) -> Micros {
        self.ts
    }

    fn number(&self) -> Option<u64> {
        match self.id {
            TradeId::Number(number) => Some(number),
            TradeId::Text(_) => None,
        }
    }

    fn key(&self) -> Key<'_> {
        match &self.id {
            TradeId::Number(number) => Key::Number(*number),
            TradeId::Text(text) => Key::Text(text),
        }
    }

    fn append(rows: Vec<Self>, out: &mut Batch) {
        out.reserve(rows.len());
        let (mut trades, mut digits) = (out.trades_mut(), String::new());
        for TradeRow { ts, id, price, amount, side } in &rows {
            let id = match id {
                TradeId::Text(text) => text,
                TradeId::Number(number) => {
                    digits.clear();
                    let _ = write!(digits, "{number}");
                    &*digits
                }
            };
            let (price, amount, side) = (*price, *amount, *side);
            trades.push(Trade { ts: *ts, ts_recv: None, id: Some(id), price, amount, side });
        }
    }
}

impl Record for Candle {
    fn ts(&self) -> Micros {
        self.ts
    }

    fn append(rows: Vec<Self>, out: &mut Batch) {
        out.reserve(rows.len());
        let mut candles = out.candles_mut();
        rows.into_iter().for_each(|row| candles.push(row));
    }
}

impl Record for FundingRate {
    fn ts(&self) -> Micros {
        self.ts
    }

    fn append(rows: Vec<Self>, out: &mut Batch) {
        out.reserve(rows.len());
        let mut rates = out.funding_mut();
        rows.into_iter().for_each(|row| rates.push(row));
    }
}

impl Record for OpenInterest {
    fn ts(&self) -> Micros {
        self.ts
    }

    fn append(rows: Vec<Self>, out: &mut Batch) {
        out.reserve(rows.len());
        let mut samples = out.open_interest_mut();
        rows.into_iter().for_each(|row| samples.push(row));
    }
}

/// The rows that share a key with another and are not one row with it, in order, each with what is wrong with it.
pub(crate) fn clashing<R: Record>(rows: &[R]) -> Vec<(usize, OddFault, &'static str)> {
    if !may_share_a_key(rows) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| rows[*a].key().cmp(&rows[*b].key()));
    let mut clashing = Vec::new();
    for group in order.chunk_by(|a, b| rows[*a].key() == rows[*b].key()).filter(|group| group.len() > 1) {
        let first = &rows[group[0]];
        let fault = match first.key() {
            key if key.is_zero() => Some((OddFault::Id, "its id is zero, as that of another row")),
            _ if group.iter().all(|index| rows[*index] == *first) => None,
            Key::At(_) => Some((OddFault::Contradiction, "another row of its time differs from it")),
            _ => Some((OddFault::Contradiction, "another row of its id differs from it")),
        };
        clashing.extend(
            fault.into_iter().flat_map(|(fault, why)| group.iter().map(move |index| (*index, fault, why))),
        );
    }
    clashing.sort_unstable_by_key(|(index, ..)| *index);
    clashing
}

/// Whether two rows may have one key; what is sure is only that none have where it is false.
fn may_share_a_key<R: Record>(rows: &[R]) -> bool {
    let [first, second, ..] = rows else { return false };
    if first.key().is_ordered() {
        let rises = first.key() < second.key();
        let in_turn = |pair: &[R]| match rises {
            true => pair[0].key() < pair[1].key(),
            false => pair[0].key() > pair[1].key(),
        };
        if rows.windows(2).all(in_turn) {
            return false;
        }
    }
    has_twins(rows.iter().map(|row| row.key().fingerprint()), rows.len())
}

/// Whether a number comes twice among `count`, by a table half of which stays empty.
fn has_twins(numbers: impl Iterator<Item = u64>, count: usize) -> bool {
    /// Spreads numbers that lie close to one another.
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let places = (2 * count).next_power_of_two();
    let mut table = vec![0_u64; places];
    for number in numbers {
        // Zero stands for an empty place.
        let number = number.max(1);
        let mut place = (number.wrapping_mul(SPREAD) >> 32) as usize & (places - 1);
        while table[place] != 0 {
            if table[place] == number {
                return true;
            }
            place = (place + 1) & (places - 1);
        }
        table[place] = number;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(id: TradeId<'_>, price: f64) -> TradeRow<'_> {
        TradeRow { ts: Micros::from_secs(1_700_000_000), id, price, amount: 1.0, side: Some(Side::Buy) }
    }

    fn faults<R: Record>(rows: &[R]) -> Vec<(usize, OddFault)> {
        clashing(rows).into_iter().map(|(index, fault, _)| (index, fault)).collect()
    }

    #[test]
    fn rows_of_one_key_clash_only_where_they_differ() {
        let text = |id: &'static str, price| trade(TradeId::Text(id.into()), price);
        let long = "5f3f7c6e-0000-4b6f-8a3e-1f2e3d4c5b6a";
        let like = "5f3f7c6e-1111-4b6f-8a3e-1f2e3d4c5b6a";
        assert_eq!(faults(&[text(long, 1.0), text(like, 2.0), text("a", 3.0), text("", 4.0)]), []);
        assert_eq!(faults(&[text(long, 1.0), text("a", 2.0), text(long, 1.0)]), []);
        let differing = [text("b", 1.0), text(long, 1.0), text("a", 2.0), text(long, 1.5), text(long, 1.0)];
        assert_eq!(faults(&differing), [1, 3, 4].map(|index| (index, OddFault::Contradiction)));

        let number = |id, price| trade(TradeId::Number(id), price);
        assert_eq!(faults(&[number(3, 1.0), number(2, 1.0), number(5, 1.0)]), []);
        assert_eq!(faults(&[number(3, 1.0), number(2, 1.0), number(3, 1.0)]), []);
        let differing = [number(3, 1.0), number(2, 1.0), number(3, 2.0)];
        assert_eq!(faults(&differing), [0, 2].map(|index| (index, OddFault::Contradiction)));
    }

    #[test]
    fn an_id_of_zeros_that_rows_share_is_none_even_where_they_are_alike() {
        let number = |id| trade(TradeId::Number(id), 1.0);
        assert_eq!(faults(&[number(0), number(0), number(1)]), [0, 1].map(|index| (index, OddFault::Id)));
        assert_eq!(faults(&[number(0), number(1)]), []);
        let zeros = || trade(TradeId::Text("00000000-0000".into()), 1.0);
        assert_eq!(faults(&[zeros(), zeros()]), [0, 1].map(|index| (index, OddFault::Id)));
    }

    #[test]
    fn many_rows_without_a_twin_have_none() {
        assert!(!has_twins((0..10_000).map(|number| number << 40), 10_000));
        assert!(has_twins((0..10_000).chain([77]), 10_001));
    }
}
