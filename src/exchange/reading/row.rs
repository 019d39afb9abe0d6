//! One row of an answer: readers of its numbers, instants and words that name what is wrong with it.

use std::borrow::Cow;

use crate::exchange::reading::instant;
use crate::exchange::reading::record::TradeId;
use crate::exchange::reading::wire::{Int, Num, Text};
use crate::exchange::{OddFault, ParseError};
use crate::model::{Candle, Micros, Side};

/// Where instants end: 2100-01-01. One given in another unit than documented lies far outside.
const LATEST: Micros = Micros::from_secs(4_102_444_800);

/// Why an instant cannot be true, if it cannot.
#[inline]
pub(crate) fn time_fault(ts: Micros) -> Option<&'static str> {
    if ts < Micros::OLDEST {
        return Some("its time is before 2009");
    }
    (ts >= LATEST).then_some("its time is after 2100")
}

/// Why a candle cannot be true, if it cannot.
#[inline]
fn candle_fault(candle: &Candle) -> Option<(OddFault, &'static str)> {
    let Candle { ts, open, high, low, close, volume, quote_volume, trades } = *candle;
    if let Some(fault) = time_fault(ts) {
        return Some((OddFault::Time, fault));
    }
    let is_price = |price: f64| price.is_finite() && price >= 0.0;
    let are_amounts = volume >= 0.0 && quote_volume.is_none_or(|v| v >= 0.0) && trades.is_none_or(|n| n >= 0);
    if ![open, high, low, close].into_iter().all(is_price) || !are_amounts {
        return Some((OddFault::Value, "a price or an amount is negative or no number"));
    }
    if !(low <= open && open <= high && low <= close && close <= high) {
        return Some((OddFault::Contradiction, "open, high, low and close contradict one another"));
    }
    None
}

/// The fault of one row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RowFault {
    /// Which row of the answer, from 0.
    pub(crate) row: usize,
    pub(crate) fault: OddFault,
    pub(crate) reason: Cow<'static, str>,
}

impl From<RowFault> for ParseError {
    /// Where the rows of an answer are only true together.
    fn from(fault: RowFault) -> Self {
        ParseError::Impossible { row: fault.row, reason: fault.reason.into_owned() }
    }
}

/// A row of an answer by its number, which its faults name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row(pub(crate) usize);

impl Row {
    /// A fault of this row.
    pub(crate) fn fault(self, fault: OddFault, reason: impl Into<Cow<'static, str>>) -> RowFault {
        RowFault { row: self.0, fault, reason: reason.into() }
    }

    /// A value that cannot be true.
    pub(crate) fn impossible(self, reason: impl ToString) -> RowFault {
        self.fault(OddFault::Value, reason.to_string())
    }

    /// A number.
    #[inline]
    pub(crate) fn num(self, num: Num) -> Result<f64, RowFault> {
        num.get()
            .ok_or_else(|| self.fault(OddFault::Value, absent_or(num.is_absent(), "a number is not one")))
    }

    /// A price or an amount, never negative.
    #[inline]
    pub(crate) fn positive(self, num: Num) -> Result<f64, RowFault> {
        match num.get() {
            Some(value) if value >= 0.0 => Ok(value),
            _ => {
                let reason = absent_or(num.is_absent(), "a price or an amount is negative or no number");
                Err(self.fault(OddFault::Value, reason))
            }
        }
    }

    /// A price or an amount that need not be there.
    #[inline]
    pub(crate) fn positive_if_any(self, num: Num) -> Result<Option<f64>, RowFault> {
        if num.is_absent() { Ok(None) } else { self.positive(num).map(Some) }
    }

    /// A count that need not be there.
    #[inline]
    pub(crate) fn count_if_any(self, int: Int) -> Result<Option<i64>, RowFault> {
        match int {
            Int::Absent => Ok(None),
            Int::Is(count) if count >= 0 => Ok(Some(count)),
            _ => Err(self.fault(OddFault::Value, "a count is negative or no number")),
        }
    }

    /// The number of a trade where trades are numbered.
    #[inline]
    pub(crate) fn id(self, int: Int) -> Result<u64, RowFault> {
        let id = int.get().and_then(|id| u64::try_from(id).ok());
        id.ok_or_else(|| self.fault(OddFault::Id, "it has no id, or one that is no number"))
    }

    /// The id of a trade where ids are words.
    #[inline]
    pub(crate) fn word_id(self, text: Text<'_>) -> Result<TradeId<'_>, RowFault> {
        if text.is_empty() {
            return Err(self.fault(OddFault::Id, "it has no id"));
        }
        Ok(TradeId::Text(text.into_inner()))
    }

    /// An instant in milliseconds.
    #[inline]
    pub(crate) fn instant_millis(self, int: Int) -> Result<Micros, RowFault> {
        self.millis(int.get().ok_or_else(|| self.fault(OddFault::Time, "its time is absent or no number"))?)
    }

    /// An instant in seconds.
    #[inline]
    pub(crate) fn instant_secs(self, int: Int) -> Result<Micros, RowFault> {
        let secs = int.get().ok_or_else(|| self.fault(OddFault::Time, "its time is absent or no number"))?;
        self.time(Micros::from_secs(secs))
    }

    /// The side, which the row must name: `buy` and `sell` are the exchange's words.
    #[inline]
    pub(crate) fn side(self, word: &str, buy: &str, sell: &str) -> Result<Side, RowFault> {
        match word {
            word if word == buy => Ok(Side::Buy),
            word if word == sell => Ok(Side::Sell),
            "" => Err(self.fault(OddFault::Value, "it does not name its side")),
            _ => Err(self.fault(OddFault::Value, format!("its side is neither {buy} nor {sell}"))),
        }
    }

    /// The taker's side, where it is told whether the buyer was the maker.
    #[inline]
    pub(crate) fn taker_by_maker(self, buyer_is_maker: Option<bool>) -> Result<Side, RowFault> {
        match buyer_is_maker {
            Some(true) => Ok(Side::Sell),
            Some(false) => Ok(Side::Buy),
            None => Err(self.fault(OddFault::Value, "it does not name its side")),
        }
    }

    /// An instant that may be.
    #[inline]
    pub(crate) fn time(self, ts: Micros) -> Result<Micros, RowFault> {
        time_fault(ts).map_or(Ok(ts), |fault| Err(self.fault(OddFault::Time, fault)))
    }

    /// An instant in milliseconds that may be.
    #[inline]
    pub(crate) fn millis(self, millis: i64) -> Result<Micros, RowFault> {
        self.time(Micros::from_millis(millis))
    }

    /// An instant as RFC 3339 text; truncated to the microsecond.
    pub(crate) fn rfc3339(self, text: &str) -> Result<Micros, RowFault> {
        let at =
            instant::rfc3339(text).ok_or_else(|| self.fault(OddFault::Time, "its time is no instant"))?;
        self.time(at)
    }

    /// A candle that may be.
    #[inline]
    pub(crate) fn candle(self, candle: Candle) -> Result<Candle, RowFault> {
        candle_fault(&candle).map_or(Ok(candle), |(fault, reason)| Err(self.fault(fault, reason)))
    }
}

fn absent_or(is_absent: bool, reason: &'static str) -> &'static str {
    if is_absent { "a price or an amount is absent" } else { reason }
}
