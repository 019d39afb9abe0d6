//! Damaged, repaired and dropped files.

use schemars::JsonSchema;
use serde::Serialize;

/// The repair of one series.
#[derive(Serialize)]
pub(crate) struct RepairLine<'a> {
    pub(crate) series: &'a str,
    /// Damaged files that were set aside.
    pub(crate) set_aside: &'a [String],
    pub(crate) gap_seconds_before: f64,
    pub(crate) gap_seconds_after: f64,
    pub(crate) rows: u64,
    pub(crate) error: Option<&'a str>,
}

/// The check of the files of a series.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Verified {
    pub(crate) series: String,
    /// Files that are on remotes only and were not read.
    pub(crate) remote_only: u64,
    /// As `dccd verify` prints them.
    pub(crate) faults: Vec<FileFault>,
}

/// A finding of `dccd verify`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FileFault {
    pub(crate) series: String,
    pub(crate) path: Option<String>,
    pub(crate) fault: String,
}

/// A file that is, or would be, only on a remote.
#[derive(Serialize)]
pub(crate) struct DroppedFile {
    pub(crate) series: String,
    pub(crate) period: String,
    pub(crate) bytes: u64,
    pub(crate) remote: String,
}
