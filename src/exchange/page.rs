//! A page: one REST request and what its answer may be.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::exchange::Quota;
use crate::model::{Micros, Series, Window};

/// One page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose rows.
    pub series: Arc<Series>,
    /// Which opens or instants are wanted.
    pub window: Window,
    /// How the exchange is asked.
    pub ask: Ask,
    /// The most rows wanted; for a book the levels of each side.
    pub rows: u32,
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// By the bounds of the window.
    ByTime,
    /// From a row's id on, whatever its time.
    FromId(u64),
    /// The present state of a book.
    Now,
}

/// A GET request on an exchange's REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Our name of the operation, the `endpoint` label: `ohlc`, `trades`, `book_snapshot`, `time`, `instruments`.
    pub endpoint: &'static str,
    /// Path and query, from the first slash.
    pub path: String,
    /// What it costs of the exchange's [`Quota`].
    pub weight: u32,
}

/// A body with status 200, to be parsed.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The decoded body.
    pub body: &'a [u8],
    /// When it was received, by the exchange's clock as far as it is known.
    pub received: Micros,
}

/// How a walk goes on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// By time, from the last row on.
    ByTime,
    /// From this row's id on, that row included, so that pages overlap by one row.
    FromId(u64),
}

/// What an exchange says of its markets and its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The exchange's own names of the markets, and whether each is traded now.
    pub symbols: Vec<(String, bool)>,
    /// The request budget it announces.
    pub quota: Option<Quota>,
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
        write!(f, "{} (code {})", self.message, self.code)
    }
}

/// Why an answer with status 200 gave no rows.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    /// The exchange reports an error in the body.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The body is not what the exchange documents.
    #[error("the answer is not what is documented ({reason}); it begins with `{excerpt}`")]
    Malformed {
        /// What is wrong.
        reason: String,
        /// Its first bytes, printable.
        excerpt: String,
    },
    /// A row holds a value that cannot be true.
    #[error("row {row} cannot be true ({reason}); the whole page is refused")]
    Impossible {
        /// Which row, from 0.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
}
