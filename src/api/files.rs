//! Files that are damaged, repaired or dropped.

use serde::Serialize;

/// The outcome of the repair of one series.
#[derive(Serialize)]
pub(crate) struct RepairLine<'a> {
    pub(crate) series: &'a str,
    /// Damaged files that were moved away.
    pub(crate) set_aside: &'a [String],
    pub(crate) gap_seconds_before: f64,
    pub(crate) gap_seconds_after: f64,
    pub(crate) rows: u64,
    pub(crate) error: Option<&'a str>,
}

/// Something `dccd verify` found.
#[derive(Serialize)]
pub(crate) struct FileFault {
    pub(crate) series: String,
    pub(crate) path: Option<String>,
    pub(crate) fault: String,
}

/// A file that is, or would be, on a remote only.
#[derive(Serialize)]
pub(crate) struct DroppedFile {
    pub(crate) series: String,
    pub(crate) period: String,
    pub(crate) bytes: u64,
    pub(crate) remote: String,
}
