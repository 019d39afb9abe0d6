//! The parameters of reading routes, as texts: the rooms that answer check them and name the one that is wrong.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::api::series::{GAP_STATES, SERIES_SORTS, SERIES_STATES};
use crate::model::Kind;

/// How a run ends, or that it lasts.
const OUTCOMES: [&str; 7] =
    ["succeeded", "failed", "lease_lost", "rate_limited", "given_back", "cancelled", "running"];

/// Selects series and their order.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesAsked {
    /// Only series of this exchange.
    pub(crate) exchange: Option<String>,
    /// Only series of this pair: `BTC-USDT` or `BTC/USDT`.
    pub(crate) pair: Option<String>,
    /// Only series of this kind.
    #[schemars(extend("enum" = Kind::ALL.map(Kind::name)))]
    pub(crate) kind: Option<String>,
    /// Only series in this state.
    #[schemars(extend("enum" = SERIES_STATES))]
    pub(crate) state: Option<String>,
    /// Only series whose name contains this text, in upper or lower case.
    pub(crate) text: Option<String>,
    /// The order, by default `series`; with `-` in front descending. Series without the figure come last.
    #[schemars(extend("enum" = signed(&SERIES_SORTS)))]
    pub(crate) sort: Option<String>,
    /// The most series, 1 to 500; by default 100.
    #[schemars(with = "Option<u32>", range(min = 1, max = 500))]
    pub(crate) limit: Option<String>,
    /// `next` of the page before, with the same parameters.
    pub(crate) cursor: Option<String>,
}

/// Selects windows of a series that are not covered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GapsAsked {
    /// Only windows, or rows, in this state.
    #[schemars(extend("enum" = GAP_STATES))]
    pub(crate) state: Option<String>,
    /// The most windows, 1 to 1000; by default 100.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1_000))]
    pub(crate) limit: Option<String>,
    /// `next` of the page before, with the same parameters.
    pub(crate) cursor: Option<String>,
}

/// Selects files of a series.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilesAsked {
    /// The most files, 1 to 1000; by default 100.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1_000))]
    pub(crate) limit: Option<String>,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// Selects a range of the coverage of a series.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoverageAsked {
    /// An instant with its zone; by default where the account of the series begins.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) from: Option<String>,
    /// An instant with its zone; by default where the account of the series ends.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) until: Option<String>,
    /// The most windows, 1 to 10000; by default 1000. More are merged into as many equal parts of the range.
    #[schemars(with = "Option<u32>", range(min = 1, max = 10_000))]
    pub(crate) windows: Option<String>,
}

/// Selects the instant and the depth of a book.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BookAsked {
    /// An instant with its zone; by default the book as the daemon follows it, or else the newest that is published.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: Option<String>,
    /// The most levels a side, 1 to 10000; by default all.
    #[schemars(with = "Option<u32>", range(min = 1, max = 10_000))]
    pub(crate) levels: Option<String>,
}

/// Selects tasks.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksAsked {
    /// Only tasks of this exchange.
    pub(crate) exchange: Option<String>,
    /// Only tasks of this series.
    pub(crate) series: Option<String>,
    /// Only tasks of this kind.
    #[schemars(extend("enum" = ["job", "backfill", "repair", "stream"]))]
    pub(crate) kind: Option<String>,
    /// Only tasks in this state.
    #[schemars(extend("enum" = ["pending", "in_progress", "failed", "exhausted", "succeeded", "ignored"]))]
    pub(crate) status: Option<String>,
    /// The most tasks, 1 to 500; by default 100.
    #[schemars(with = "Option<u32>", range(min = 1, max = 500))]
    pub(crate) limit: Option<String>,
    /// `next` of the page before, with the same parameters.
    pub(crate) cursor: Option<String>,
}

/// Selects runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsAsked {
    /// Only runs for this exchange.
    pub(crate) exchange: Option<String>,
    /// Only runs for this series.
    pub(crate) series: Option<String>,
    /// Only runs of this kind of task.
    #[schemars(extend("enum" = ["job", "backfill", "repair", "stream"]))]
    pub(crate) kind: Option<String>,
    /// Only runs that ended so, or that are still running.
    #[schemars(extend("enum" = OUTCOMES))]
    pub(crate) outcome: Option<String>,
    /// The most runs, 1 to 500; by default 100.
    #[schemars(with = "Option<u32>", range(min = 1, max = 500))]
    pub(crate) limit: Option<String>,
    /// `next` of the page before, with the same parameters.
    pub(crate) cursor: Option<String>,
}

/// Each word, and each with `-` in front.
fn signed(words: &[&str]) -> Vec<String> {
    words.iter().flat_map(|word| [(*word).to_owned(), format!("-{word}")]).collect()
}
