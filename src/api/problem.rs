//! Problems as RFC 9457 has them, `application/problem+json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::UncoveredWindow;

/// Why a request has no answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says all there is to the class of the problem.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The words of the status.
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    /// The fault of this request, and the remedy.
    pub(crate) detail: String,
    /// The parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<String>,
    /// The window in which a book is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uncovered: Option<UncoveredWindow>,
}
