//! What may be asked of a running daemon, and the short answers.

use serde::{Deserialize, Serialize};

/// Work on series, configured or not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkAsked {
    /// Each piece.
    pub works: Vec<WireWork>,
    /// So many side by side.
    pub at_once: usize,
}

/// Jobs by selectors of their series; none means all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsAsked {
    /// Such as `binance/BTC-USDT/ohlc/1h`, `binance/BTC-USDT` or `binance`.
    pub series: Vec<String>,
}

/// Work that is not wanted any more.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelAsked {
    /// As `ProgressLine::Accepted` gave it.
    pub id: u64,
}

/// The jobs that were changed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobsChanged {
    /// The series of those that were found.
    pub series: Vec<String>,
}

/// A fire drill of the alerts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertAsked {
    /// How long the test alert is to fire from now on; 0 lowers it.
    pub secs: u64,
}

/// The outcome of a fire drill.
#[derive(Debug, Serialize, Deserialize)]
pub struct AlertTested {
    /// How long the test alert fires now.
    pub secs: u64,
}

/// One piece of work.
#[derive(Debug, Serialize, Deserialize)]
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

/// Where the work begins, in microseconds since 1970 where that is an instant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WireSince {
    Exactly(i64),
    AtLeast(i64),
    Origin,
    Known,
}

/// What is to be done with the copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CopyAsked {
    /// Everything that is not verified on a remote is sent there.
    Sync {},
    /// Files that a remote holds are dropped until there is so much room.
    Purge {
        /// Room there is to be.
        wanted_bytes: u64,
        /// Only say what would be dropped.
        dry_run: bool,
    },
    /// What the remotes hold and this data path has not is brought back.
    Restore {
        /// Selectors of the series; none means all.
        series: Vec<String>,
    },
}
