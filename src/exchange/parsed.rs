//! The result of parsing an answer, beside its rows.

use crate::exchange::Next;
use crate::model::{Micros, OddRow};

/// The result of parsing an answer, beside its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// How the walk goes on.
    pub next: Next,
    /// The rows that cannot be true; they are not in the batch.
    pub odd: Vec<OddRow>,
    /// The oldest candle the exchange itself calls unfinished: neither it nor any later one is in the batch, and
    /// nothing from its open on is shown.
    pub unfinished: Option<Micros>,
    /// The rows came in the other order than the request names.
    pub is_reversed: bool,
}

impl From<Next> for Parsed {
    /// An answer all of whose rows are in the batch.
    fn from(next: Next) -> Self {
        Parsed { next, odd: Vec::new(), unfinished: None, is_reversed: false }
    }
}
