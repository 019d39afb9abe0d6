//! Requests to a running daemon, and its short answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request for work on series, configured or not.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkAsked {
    /// One piece for each series.
    pub works: Vec<WireWork>,
    /// How many to work on side by side.
    pub at_once: usize,
}

/// Selectors of jobs; none selects all.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobsAsked {
    /// Such as `binance/BTC-USDT/ohlc/1h`, `binance/BTC-USDT` or `binance`.
    pub series: Vec<String>,
}

/// Cancels a request.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelAsked {
    /// The id from the first line of progress, or from the answer that the work was started.
    pub id: u64,
}

/// A range of a series to fetch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackfillAsked {
    /// An instant with its zone.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) from: String,
    /// An instant with its zone; the present if it is left out.
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) until: Option<String>,
}

/// How a task is retried.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryAsked {
    /// Even if it succeeded.
    #[serde(default)]
    pub(crate) force: bool,
}

/// Why a task is skipped.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IgnoreAsked {
    /// Shown with the task.
    pub(crate) reason: String,
}

/// Work that was started.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Started {
    /// The id of the request, for `/api/v1/work/cancel`.
    pub(crate) id: u64,
    /// The series worked on; null if it is not one.
    pub(crate) series: Option<String>,
}

/// The jobs that were changed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobsChanged {
    /// The series of the jobs.
    pub series: Vec<String>,
}

/// A fire drill of the alerts.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertAsked {
    /// How long the test alert fires from now on; 0 lowers it.
    pub secs: u64,
}

/// The result of a fire drill.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AlertTested {
    /// How long the test alert fires from now on.
    pub secs: u64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireWork {
    pub(crate) series: String,
    pub(crate) since: WireSince,
    pub(crate) until: Option<i64>,
    pub(crate) attempts: u32,
    pub(crate) retry_delay_secs: f64,
    pub(crate) depth: u32,
    pub(crate) check_files: bool,
}

/// Where the range begins; an instant is in microseconds since 1970.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WireSince {
    Exactly(i64),
    AtLeast(i64),
    Origin,
    Known,
}

/// A request about the copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CopyAsked {
    /// Sends everything that is not verified on a remote.
    Sync {},
    /// Drops files that a remote holds until this much space is free.
    Purge {
        /// The free space wanted.
        wanted_bytes: u64,
        /// Only list what would be dropped.
        dry_run: bool,
    },
    /// Restores what the remotes hold and this data path lacks.
    Restore {
        /// Selectors of the series; none selects all.
        series: Vec<String>,
    },
}
