//! Bitfinex's frames: events, and rows of a channel with the number and the time of their frame.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::live::dialect::Unreadable;
use crate::exchange::live::rows::each_row;
use crate::exchange::reading::shape::Members;
use crate::exchange::reading::wire::{Int, Text};

/// A time stands behind the number of each frame.
pub(super) const TIMESTAMPS: i64 = 32_768;

/// Each frame ends with its number.
pub(super) const NUMBERS: i64 = 65_536;

/// Milliseconds of our time are above it, and numbers of frames are not.
const LEAST_MILLIS: i64 = 1_000_000_000_000;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) event: Text<'a>,
    #[serde(borrow)]
    pub(super) channel: Text<'a>,
    #[serde(rename = "chanId")]
    pub(super) channel_id: Int,
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    /// Of candles: `trade:1m:tBTCUSD`.
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    /// The precision of a book; `R0` is one of orders.
    #[serde(borrow)]
    pub(super) prec: Text<'a>,
    pub(super) flags: Int,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    pub(super) code: Int,
    #[serde(borrow)]
    pub(super) msg: Text<'a>,
    pub(super) ts: Int,
    pub(super) platform: Option<Members<Platform>>,
}

/// Whether the exchange is operative.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Platform {
    pub(super) status: Int,
}

/// The elements of a frame; none has more.
type Elements<'a> = [Option<&'a RawValue>; 5];

/// A frame of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) channel: i64,
    /// The word that says what the rows are, where one does.
    pub(super) word: Option<&'a str>,
    /// The rows.
    pub(super) body: &'a str,
    /// When it was sent, in milliseconds.
    pub(super) at: Option<i64>,
    /// It has the number of the last one.
    pub(super) is_repeated: bool,
    /// Some before it did not come.
    pub(super) is_behind_others: bool,
}

/// The numbers of the frames of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbered {
    flags: i64,
    /// The number of the last frame.
    last: Option<i64>,
}

impl Numbered {
    /// The exchange does what these flags ask for.
    pub(super) fn agreed(&mut self, flags: i64) {
        self.flags = flags;
    }

    /// Reads a frame of rows.
    pub(super) fn read<'a>(&mut self, frame: &'a str) -> Result<Rows<'a>, Unreadable> {
        let (mut elements, mut count) = (Elements::default(), 0);
        each_row(frame, |element: &'a RawValue| {
            elements.get_mut(count).into_iter().for_each(|own| *own = Some(element));
            count += 1;
            true
        })?;
        let element = |place: usize| elements.get(place).copied().flatten().map(RawValue::get);
        let number = |place: usize| element(place).and_then(|text| text.parse::<i64>().ok());
        let channel = number(0).ok_or("it names no channel")?;
        let (at, own) = self.ends(count, number)?;
        let last = own.and_then(|own| self.last.replace(own));
        let first = element(1).ok_or("it is empty")?;
        let word = first.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let body = if word.is_some() { element(2).unwrap_or_default() } else { first };
        let is_repeated = own.is_some() && last == own;
        let is_next = last.is_none_or(|last| last.checked_add(1) == own);
        Ok(Rows { channel, word, body, at, is_repeated, is_behind_others: !is_repeated && !is_next })
    }

    /// The time and the number that a frame ends with; which of the two comes last, their sizes say.
    fn ends(
        &self,
        count: usize,
        number: impl Fn(usize) -> Option<i64>,
    ) -> Result<(Option<i64>, Option<i64>), Unreadable> {
        let has = |flag: i64| self.flags & flag != 0;
        let behind = usize::from(has(TIMESTAMPS)) + usize::from(has(NUMBERS));
        let first = count.checked_sub(behind).filter(|first| *first >= 2).ok_or("it has no number")?;
        let ends: Vec<i64> = (first..count).filter_map(number).collect();
        let at = ends.iter().copied().find(|own| *own >= LEAST_MILLIS).filter(|_| has(TIMESTAMPS));
        let own = ends.iter().copied().find(|own| *own < LEAST_MILLIS).filter(|_| has(NUMBERS));
        match ends.len() == behind && own.is_some() == has(NUMBERS) && at.is_some() == has(TIMESTAMPS) {
            true => Ok((at, own)),
            false => Err("it has no number, or no time".into()),
        }
    }
}
