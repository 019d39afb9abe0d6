//! The log: `GET /api/v1/logs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Selects lines of the log.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsAsked {
    /// Only lines of these series: a name, prefix or glob.
    pub(crate) series: Option<String>,
    /// Only lines of this level or a more severe one.
    #[schemars(extend("enum" = ["trace", "debug", "info", "warn", "error"]))]
    pub(crate) level: Option<String>,
    /// Only lines that contain this text, in upper or lower case.
    #[schemars(length(max = 200))]
    pub(crate) text: Option<String>,
    /// The most lines, 1 to 1000; by default 200.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1_000))]
    pub(crate) limit: Option<String>,
}

/// The newest lines of the log that were asked for.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LogsPage {
    /// The oldest first.
    pub(crate) lines: Vec<LogsLine>,
}

/// A line of the log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LogsLine {
    /// The line as `dccd logs` prints it, or its beginning.
    pub(crate) text: String,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub(crate) level: Option<&'static str>,
    /// Bytes that are left out at its end.
    pub(crate) cut_bytes: u64,
}
