//! A series (one exchange, pair, kind and span), and its text form.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::model::{Kind, Pair, Span};

/// The unit of storage: a series has one ledger, one folder and one line in tables.
///
/// Its text is `binance/BTC-USDT/ohlc/1h`, or `binance/BTC-USDT/trades` for kinds without a span.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    exchange: String,
    pair: Pair,
    kind: Kind,
    span: Option<Span>,
}

impl Series {
    /// Creates a series; the span is ignored for kinds without one.
    ///
    /// # Errors
    /// If a required span is missing, or the exchange's name cannot be a folder name.
    pub fn new(exchange: &str, pair: Pair, kind: Kind, span: Option<Span>) -> Result<Self, SeriesError> {
        let named = (1..=32).contains(&exchange.len())
            && exchange.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !named {
            return Err(SeriesError::Exchange { name: exchange.to_owned() });
        }
        if kind.has_span() && span.is_none() {
            return Err(SeriesError::NoSpan { kind });
        }
        let span = span.filter(|_| kind.has_span());
        Ok(Series { exchange: exchange.to_owned(), pair, kind, span })
    }

    /// The exchange's name in the registry.
    #[must_use]
    pub fn exchange(&self) -> &str {
        &self.exchange
    }

    /// The pair.
    #[must_use]
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The kind of rows.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The length of a candle; `None` for kinds without.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// The span's label, empty if there is no span: the `span` label of every metric.
    #[must_use]
    #[doc(hidden)]
    pub fn span_label(&self) -> String {
        self.span.map(Span::label).unwrap_or_default()
    }

    /// The values of the labels `exchange, pair, kind, span`.
    #[must_use]
    #[doc(hidden)]
    pub fn labels(&self) -> [String; 4] {
        [self.exchange.clone(), self.pair.to_string(), self.kind.to_string(), self.span_label()]
    }

    /// The pair's key in `metrics.json`: `binance/BTC/USDT`.
    #[must_use]
    #[doc(hidden)]
    pub fn pair_key(&self) -> String {
        format!("{}/{}", self.exchange, self.pair)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.exchange)?;
        f.write_str("/")?;
        self.pair.write_slug(f)?;
        write!(f, "/{}", self.kind)?;
        if let Some(span) = self.span {
            write!(f, "/{span}")?;
        }
        Ok(())
    }
}

impl FromStr for Series {
    type Err = SeriesError;

    fn from_str(text: &str) -> Result<Self, SeriesError> {
        let unreadable = || SeriesError::Unreadable { text: text.to_owned() };
        let mut parts = text.split('/');
        let mut part = || parts.next();
        let exchange = part().ok_or_else(unreadable)?;
        let pair = part().and_then(|slug| Pair::from_slug(slug).ok()).ok_or_else(unreadable)?;
        let kind: Kind = part().and_then(|kind| kind.parse().ok()).ok_or_else(unreadable)?;
        let span = part().map(|label| label.parse::<Span>().map_err(|_| unreadable())).transpose()?;
        if part().is_some() || span.is_some() != kind.has_span() {
            return Err(unreadable());
        }
        Series::new(exchange, pair, kind, span)
    }
}

/// Why a series was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SeriesError {
    /// The text is not a series.
    #[error("`{text}` is no series; write exchange/BASE-QUOTE/kind or exchange/BASE-QUOTE/ohlc/1h")]
    Unreadable {
        /// The text given.
        text: String,
    },
    /// The exchange's name cannot be a folder name.
    #[error("`{name}` is no exchange name; it has lower-case letters, digits and underscores only")]
    Exchange {
        /// The name given.
        name: String,
    },
    /// The kind needs a span.
    #[error("{kind} needs a span")]
    NoSpan {
        /// The kind.
        kind: Kind,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_series_reads_back_as_the_same_series() {
        for text in [
            "binance/BTC-USDT/ohlc/1h",
            "krakenfutures/BTC-USD_PERP/open_interest/1d",
            "binance/BTC-USDT/trades",
            "binance/BTC-USDT_PERP/funding",
            "binance/ETH-BTC/ohlc/1mo",
        ] {
            assert_eq!(text.parse::<Series>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_series_without_its_span_or_with_one_too_many_is_refused() {
        for text in
            ["binance/BTC-USDT/ohlc", "binance/BTC-USDT/trades/1h", "binance/BTC-USDT", "../BTC-USDT/trades"]
        {
            assert!(text.parse::<Series>().is_err(), "{text} was read as a series");
        }
    }
}
