//! Why an answer gave no rows: the exchange refused, or it is not what the exchange documents.

use std::fmt;

use thiserror::Error;

use crate::model::{Micros, foreign, is_hidden};

/// An error the exchange itself reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its meaning for the caller.
    pub kind: RefusalKind,
    /// The exchange's own code.
    pub code: String,
    /// The exchange's own words.
    pub message: String,
}

/// The meaning of a refusal for the caller.
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
        /// The fault.
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
        /// The fault of the first.
        first: String,
    },
    /// A row holds a value that cannot be true.
    #[error("row {row} cannot be true ({}); the whole page is refused", foreign(reason))]
    Impossible {
        /// Which row, from 0.
        row: usize,
        /// Its fault.
        reason: String,
    },
}

/// How much of a bad body an error shows.
const EXCERPT_BYTES: usize = 120;

/// The first bytes of a body as printable text, for an error message.
#[must_use]
pub fn excerpt(body: &[u8]) -> String {
    let head = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_BYTES)]);
    head.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// A body that is not the documented shape.
pub(crate) fn malformed(body: &[u8], reason: impl ToString) -> ParseError {
    ParseError::Malformed { reason: reason.to_string(), excerpt: excerpt(body) }
}
