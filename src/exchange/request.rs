//! A request to an exchange, as data.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::exchange::Budget;

/// The characters of a symbol escaped in an address: all but letters, digits and the usual separators.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// A symbol as part of a path or a query: its UTF-8, escaped.
pub(crate) fn in_url(symbol: &str) -> Cow<'_, str> {
    utf8_percent_encode(symbol, ESCAPED).into()
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
    /// Its weight.
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
    pub(crate) fn paid_from(self, budget: Budget) -> Self {
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
