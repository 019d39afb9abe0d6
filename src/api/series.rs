//! Series: their coverage, their gaps, and their runs.

use std::path::PathBuf;

use serde::Serialize;

/// The coverage of one series. Figures are null if its ledger cannot be read.
#[derive(Serialize)]
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
    pub(crate) foreign_files: usize,
    pub(crate) note: Option<String>,
    pub(crate) gone_files: Vec<String>,
}

/// A window that is not covered, or rows that were set aside.
#[derive(Default, Serialize)]
pub(crate) struct GapLine {
    pub(crate) series: String,
    /// `gap`, `empty`, `unfillable` or `set aside`.
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
#[derive(Serialize)]
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
