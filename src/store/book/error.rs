//! Why a stored book cannot be read.

use thiserror::Error;

use crate::model::Series;
use crate::store::StoreError;
use crate::store::book::known::Uncovered;

/// Why a stored book cannot be read.
#[derive(Debug, Error)]
pub enum BookError {
    /// The series is of another kind.
    #[error("{series} is no order book; name one, such as binance/BTC-USDT/orderbook")]
    NoBook {
        /// The series.
        series: String,
    },
    /// The book is not known then.
    #[error("the book of {series} is not known {uncovered}")]
    NotCovered {
        /// The series.
        series: String,
        /// The window in which it is not known, and why.
        uncovered: Uncovered,
    },
    /// A file or the ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BookError {
    pub(super) fn not_covered(series: &Series, uncovered: Uncovered) -> Self {
        BookError::NotCovered { series: series.to_string(), uncovered }
    }

    /// No book is stored at all.
    pub(super) fn nothing(series: &Series) -> Self {
        let reason = "nothing is stored".to_owned();
        BookError::not_covered(series, Uncovered { from: None, until: None, state: "gap", reason })
    }
}
