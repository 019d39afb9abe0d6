//! Order books: `GET /api/v1/series/{id}/book` and `dccd book --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A book as of an instant.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct BookAnswer {
    pub(crate) series: String,
    /// The instant that was asked for; null if it is the newest book.
    pub(crate) at: Option<String>,
    /// `stored`: rebuilt from what is published; `live`: as the daemon follows it now.
    pub(crate) source: String,
    /// Whether the book was in step from its last update until `at`. If not, it is a snapshot that was taken by itself.
    pub(crate) covered: bool,
    /// The instant of the last update, by the exchange's clock.
    pub(crate) ts: String,
    pub(crate) ts_recv: String,
    /// The number of the last update in the series; null of a live book.
    pub(crate) ord: Option<i64>,
    /// The exchange's number of it, if it has one.
    pub(crate) seq: Option<i64>,
    /// From the last update until `at`, or until now.
    pub(crate) age_seconds: f64,
    /// The highest first.
    pub(crate) bids: Vec<LevelLine>,
    /// The lowest first.
    pub(crate) asks: Vec<LevelLine>,
}

/// A level of a book.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct LevelLine {
    pub(crate) price: f64,
    pub(crate) amount: f64,
    /// Number of orders, if the exchange sends it.
    pub(crate) count: Option<i32>,
}

/// The answer of `dccd book --json` where the book is not known.
#[derive(Serialize)]
pub(crate) struct NoBook {
    pub(crate) series: String,
    pub(crate) at: Option<String>,
    pub(crate) uncovered: UncoveredWindow,
}

/// The window in which a book is not known.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UncoveredWindow {
    /// `gap`, `empty` or `unfillable`.
    pub(crate) state: &'static str,
    /// Null if it has no beginning.
    pub(crate) from: Option<String>,
    /// Null if it has no end yet.
    pub(crate) until: Option<String>,
    pub(crate) reason: String,
}
