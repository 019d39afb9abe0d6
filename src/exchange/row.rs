//! One row of an answer and what its fields may be; its errors name the row by its number.

use crate::exchange::ParseError;
use crate::exchange::decode::{candle_fault, number, time_fault};
use crate::model::{Candle, Micros};

/// A row of an answer, by its number from 0.
#[derive(Clone, Copy)]
pub(crate) struct Row(pub(crate) usize);

impl Row {
    /// What refuses the page because of this row.
    pub(crate) fn impossible(self, reason: impl ToString) -> ParseError {
        ParseError::Impossible { row: self.0, reason: reason.to_string() }
    }

    /// A number written as text.
    pub(crate) fn number(self, text: &str) -> Result<f64, ParseError> {
        number(text).ok_or_else(|| self.impossible("a number is not one"))
    }

    /// A price or an amount written as text, never negative.
    pub(crate) fn amount(self, text: &str) -> Result<f64, ParseError> {
        self.number(text).and_then(|value| self.not_negative(value))
    }

    /// A price or an amount, never negative.
    pub(crate) fn not_negative(self, value: f64) -> Result<f64, ParseError> {
        let fits = value.is_finite() && value >= 0.0;
        if fits { Ok(value) } else { Err(self.impossible("a number is not one or negative")) }
    }

    /// An instant that may be.
    pub(crate) fn time(self, ts: Micros) -> Result<Micros, ParseError> {
        time_fault(ts).map_or(Ok(ts), |fault| Err(self.impossible(fault)))
    }

    /// An instant in milliseconds, written as text.
    pub(crate) fn millis_text(self, text: &str) -> Result<Micros, ParseError> {
        let millis: i64 = text.parse().map_err(|_| self.impossible("its time is no number"))?;
        self.time(Micros::from_millis(millis))
    }

    /// An instant as RFC 3339 text; what is finer than a microsecond is cut off.
    pub(crate) fn rfc3339(self, text: &str) -> Result<Micros, ParseError> {
        let at: jiff::Timestamp = text.parse().map_err(|_| self.impossible("its time is no instant"))?;
        self.time(Micros(at.as_microsecond()))
    }

    /// A candle that may be.
    pub(crate) fn candle(self, candle: Candle) -> Result<Candle, ParseError> {
        candle_fault(&candle).map_or(Ok(candle), |fault| Err(self.impossible(fault)))
    }
}
