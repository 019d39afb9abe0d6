//! Series: their coverage, their gaps, and their runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

/// The states of a series, the first that applies: its ledger or its files cannot be accounted for; it is not configured;
/// it is paused; its last run failed; it is to be listened to and is not live; no run of it has ended; windows before its
/// newest row are missing; none of these.
pub(crate) const SERIES_STATES: [&str; 8] =
    ["unaccounted", "unconfigured", "paused", "failing", "not_live", "waiting", "incomplete", "ok"];

/// The figures that series are sorted by.
pub(crate) const SERIES_SORTS: [&str; 10] = [
    "series",
    "from",
    "to",
    "rows",
    "bytes",
    "gaps",
    "gap_seconds",
    "errors",
    "last_run_at",
    "last_success_at",
];

/// The states of a window that is not covered, and of rows.
pub(crate) const GAP_STATES: [&str; 4] = ["gap", "empty", "unfillable", "set aside"];

/// A page of series.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeriesPage {
    pub(crate) series: Vec<SeriesLine>,
    /// Series on all pages.
    pub(crate) total: u64,
    /// Series in each state, as selected by everything but the state.
    pub(crate) states: BTreeMap<&'static str, u64>,
    /// The cursor of the next page; null if this is the last.
    pub(crate) next: Option<String>,
}

/// A series: its rows and its runs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeriesLine {
    pub(crate) series: String,
    /// `unaccounted`, `unconfigured`, `paused`, `failing`, `not_live`, `waiting`, `incomplete` or `ok`.
    #[schemars(extend("enum" = SERIES_STATES))]
    pub(crate) state: &'static str,
    /// Null if nothing is stored.
    pub(crate) held: Option<InventoryLine>,
    /// Null if it is not configured and never ran.
    pub(crate) runs: Option<SeriesStatus>,
}

/// A page of the windows of a series that are not covered.
#[derive(Serialize, JsonSchema)]
pub(crate) struct GapsPage {
    pub(crate) series: String,
    /// Windows of each state, the oldest first, and rows that were set aside.
    pub(crate) gaps: Vec<GapLine>,
    /// Windows and rows on all pages.
    pub(crate) total: u64,
    /// The cursor of the next page; null if this is the last.
    pub(crate) next: Option<String>,
}

/// A page of the files of a series, the newest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FilesPage {
    pub(crate) series: String,
    pub(crate) files: Vec<FileLine>,
    /// Files on all pages.
    pub(crate) total: u64,
    /// The cursor of the next page; null if this is the last.
    pub(crate) next: Option<String>,
}

/// A file of a series.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FileLine {
    /// Below the data path.
    pub(crate) path: String,
    /// The instant of its first row; null if it has none.
    pub(crate) from: Option<String>,
    /// The instant of its last row.
    pub(crate) to: Option<String>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// Whether it lies here; if not, it is on remotes only.
    pub(crate) here: bool,
    /// The remotes on which this very file was verified.
    pub(crate) remotes: Vec<String>,
}

/// The coverage of one series. Figures are null if its ledger cannot be read.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct InventoryLine {
    pub(crate) series: String,
    pub(crate) exchange: String,
    pub(crate) pair: String,
    pub(crate) r#type: String,
    pub(crate) span: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) files: usize,
    pub(crate) remote_only_files: usize,
    pub(crate) remote_only_bytes: u64,
    pub(crate) gaps: Option<usize>,
    /// Candles; null for kinds without a span.
    pub(crate) missing: Option<u64>,
    pub(crate) gap_seconds: Option<f64>,
    /// Time whose rows can no longer be had; it is no gap, and `dccd gaps` says why. Null if the ledger cannot be read.
    pub(crate) unfillable_seconds: Option<f64>,
    pub(crate) foreign_files: usize,
    pub(crate) note: Option<String>,
    pub(crate) gone_files: Vec<String>,
}

/// A window that is not covered, or rows that were set aside.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct GapLine {
    pub(crate) series: String,
    /// `gap`, `empty`, `unfillable` or `set aside`.
    #[schemars(extend("enum" = GAP_STATES))]
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
    pub(crate) reason: String,
    /// The error class of rows that were set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// The open or instant of the first of them, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    /// The same of the last, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// The first of them as received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// The file that holds all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
}

/// The runs of one series. Instants are in seconds since 1970.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct SeriesStatus {
    pub(crate) series: String,
    pub(crate) last_run_at: Option<f64>,
    pub(crate) last_success_at: Option<f64>,
    pub(crate) rows: u64,
    pub(crate) consecutive_errors: u32,
    pub(crate) paused: bool,
    pub(crate) configured: bool,
    /// How it stands if it is listened to: `connecting`, `live`, `stale`, or the state of its task.
    pub(crate) stream: Option<String>,
    pub(crate) last_error: Option<String>,
}
