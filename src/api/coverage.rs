//! The coverage of a series: `GET /api/v1/series/{id}/coverage`.

use schemars::JsonSchema;
use serde::Serialize;

/// The coverage of a series over a range.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Coverage {
    pub(crate) series: String,
    /// Null if there is no account of the series.
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    /// Whether each window is as it is in the account, rather than merged with others.
    pub(crate) exact: bool,
    /// The oldest first. Time that was never asked for is in none.
    pub(crate) windows: Vec<CoverageWindow>,
    /// All windows together.
    pub(crate) total: CoverageSeconds,
}

/// A window of the coverage.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct CoverageWindow {
    /// `covered`, `gap`, `empty` or `unfillable`; of several merged ones the first of `gap`, `unfillable`, `empty`,
    /// `covered` among them.
    #[schemars(extend("enum" = ["covered", "gap", "empty", "unfillable"]))]
    pub(crate) state: &'static str,
    pub(crate) from: String,
    pub(crate) until: String,
    /// Why it is in that state; null if it is covered, or merged of windows with several reasons.
    pub(crate) reason: Option<String>,
    /// The time in each state, if it is merged of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mixed: Option<CoverageSeconds>,
}

/// Time in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct CoverageSeconds {
    pub(crate) covered: f64,
    pub(crate) gap: f64,
    pub(crate) empty: f64,
    pub(crate) unfillable: f64,
}
