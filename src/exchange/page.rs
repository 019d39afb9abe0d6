//! A page: one REST request and what its answer may be.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

use crate::exchange::decode::Row;
use crate::exchange::wire::Contracts;
use crate::exchange::{Budget, Instrument, OddFault, SpanOffer};
use crate::model::{Micros, Series, Window, foreign};

/// What of a symbol is escaped in an address: all but letters, digits and what symbols have between those.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// A symbol as part of a path or a query: its UTF-8, escaped.
pub(crate) fn in_url(symbol: &str) -> Cow<'_, str> {
    utf8_percent_encode(symbol, ESCAPED).into()
}

/// One page to ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Whose rows.
    pub series: Arc<Series>,
    /// What the exchange lists the series' pair as.
    pub instrument: Arc<Instrument>,
    /// Which opens or instants are wanted.
    pub window: Window,
    /// How the exchange is asked.
    pub ask: Ask,
    /// The most rows wanted; for a book the levels of each side.
    pub rows: u32,
}

impl Page {
    /// The instrument's symbol as part of an address.
    pub(crate) fn symbol(&self) -> Cow<'_, str> {
        in_url(&self.instrument.symbol)
    }

    /// The base amount of so many contracts.
    ///
    /// # Errors
    /// When the row does not say how many, or the listing not what one is.
    pub(crate) fn base_amount(
        &self,
        row: Row,
        contracts: &Contracts<'_>,
        price: f64,
    ) -> Result<f64, ParseError> {
        let Some(count) = contracts.count() else {
            return Err(row.fault(OddFault::Value, "an amount is absent").into());
        };
        self.instrument.base_amount(row.0, count, price)
    }

    /// The exchange's own word for the span. One it does not have goes out as our label, which it refuses, never
    /// as another span.
    pub(crate) fn word(&self, spans: &[SpanOffer]) -> String {
        let own = self.series.span().and_then(|span| spans.iter().find(|own| own.span() == span));
        own.map_or_else(|| self.series.span_label(), |own| own.word.to_owned())
    }
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// By the bounds of the window.
    ByTime,
    /// From a row's id, or another cursor the exchange counts in, onwards in the direction of the offer,
    /// that row included, whatever its time.
    FromId(u64),
    /// By the bounds of the window, leaving out so many rows at its beginning.
    Skip(u32),
    /// The present state of a book.
    Now,
}

/// A GET request on an exchange's REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Our name of the operation, the `endpoint` label: `ohlc`, `trades`, `book_snapshot`, `funding`,
    /// `open_interest`, `time`, `instruments`.
    pub endpoint: &'static str,
    /// Where it goes, without a trailing slash, when not to [`rest_url`](crate::exchange::Exchange::rest_url).
    pub host: Option<&'static str>,
    /// Path and query, from the first slash.
    pub path: String,
    /// The path with what varies left out, where not only the query does; see [`HttpRequest::template`].
    pub pattern: Option<&'static str>,
    /// What it costs of its budget.
    pub weight: u32,
    /// Which of the exchange's budgets pays.
    pub budget: Budget,
}

impl HttpRequest {
    /// A request to the exchange's usual host, paid from [`Budget::REQUESTS`].
    #[must_use]
    pub fn new(endpoint: &'static str, path: String, weight: u32) -> Self {
        HttpRequest { endpoint, host: None, path, pattern: None, weight, budget: Budget::REQUESTS }
    }

    /// The same, paid from another budget.
    #[must_use]
    pub fn paid_from(self, budget: Budget) -> Self {
        HttpRequest { budget, ..self }
    }

    /// The same, with a path that holds more than constants: `/products/{symbol}/candles`.
    #[must_use]
    pub fn like(self, pattern: &'static str) -> Self {
        HttpRequest { pattern: Some(pattern), ..self }
    }

    /// The path as it is for every symbol: one word for all requests of a kind.
    #[must_use]
    pub fn template(&self) -> &str {
        self.pattern.unwrap_or_else(|| self.path.split('?').next().unwrap_or_default())
    }

    /// The same, to another host.
    #[must_use]
    pub fn to(self, host: &'static str) -> Self {
        HttpRequest { host: Some(host), ..self }
    }
}

/// A body with status 200, to be parsed.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The decoded body.
    pub body: &'a [u8],
    /// When it was received, by the exchange's clock as far as it is known.
    pub received: Micros,
    /// A header of the answer by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// An answer without headers.
    #[must_use]
    pub fn of(body: &'a [u8], received: Micros) -> Self {
        Answer { body, received, header: &|_| None }
    }
}

/// How a walk goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// By time, from the furthest row on.
    ByTime,
    /// From the furthest row's id on, that row included, so that pages overlap by one row, without which
    /// they are not believed; or from the exchange's own cursor to the same effect. It grows where answers begin with the oldest row, and falls where with the newest.
    FromId(u64),
    /// By the same bounds, leaving out so many rows: the page was full and all its rows share one instant.
    Skip(u32),
}

/// An error the exchange itself reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means for us.
    pub kind: RefusalKind,
    /// The exchange's own code.
    pub code: String,
    /// The exchange's own words.
    pub message: String,
}

/// What a refusal means for the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The symbol is not listed.
    UnknownSymbol,
    /// Too many requests.
    RateLimit,
    /// Something on their side; asking again later may help.
    Temporary,
    /// The request itself is refused; asking again does not help.
    Permanent,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", foreign(&self.message), foreign(&self.code))
    }
}

/// Why an answer with status 200 gave no rows.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    /// The exchange reports an error in the body.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The body is not what the exchange documents.
    #[error(
        "the answer is not what is documented ({}); it begins with `{}`",
        foreign(reason),
        foreign(excerpt)
    )]
    Malformed {
        /// What is wrong.
        reason: String,
        /// Its first bytes, printable.
        excerpt: String,
    },
    /// More rows share an instant than a page holds, and the exchange has no way past them.
    #[error(
        "more rows share the instant {at} than a page holds, and the exchange names no way past them; what lies around it is stored, the instant stays a gap"
    )]
    Crowded {
        /// The instant.
        at: Micros,
    },
    /// The answer is not to what was asked.
    #[error(
        "the exchange did not answer what it was asked: {}; nothing of the answer was kept",
        foreign(reason)
    )]
    Disobeyed {
        /// How that shows.
        reason: String,
    },
    /// Too many rows of an answer cannot be true.
    #[error("{odd} of {rows} rows cannot be true (the first: {}); the whole page is refused", foreign(first))]
    MostlyOdd {
        /// Rows that cannot be true.
        odd: usize,
        /// Rows in the answer.
        rows: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// A row holds a value that cannot be true.
    #[error("row {row} cannot be true ({}); the whole page is refused", foreign(reason))]
    Impossible {
        /// Which row, from 0.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_stand_in_addresses_as_they_are_or_escaped_never_as_part_of_the_address_itself() {
        for plain in
            ["BTCUSDT", "BTC-USDT-SWAP", "tDOGE:USD", "XBT_USDT", "PF_XBTUSD", "ETH2.SETH", "kPEPEUSD"]
        {
            assert_eq!(in_url(plain), plain);
        }
        assert_eq!(in_url("币安人生USDT"), "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT");
        assert_eq!(in_url("A&B=C/D?E#F%G H+I"), "A%26B%3DC%2FD%3FE%23F%25G%20H%2BI");
    }
}
