//! The result of an import.

use std::collections::BTreeMap;

use serde::Serialize;

/// `dccd import --json`.
#[derive(Serialize)]
pub(crate) struct ImportReport {
    pub(crate) dry_run: bool,
    pub(crate) series: Vec<ImportLine>,
    pub(crate) problems: Vec<ImportProblem>,
}

/// One series.
#[derive(Serialize)]
pub(crate) struct ImportLine {
    pub(crate) series: String,
    pub(crate) files: usize,
    pub(crate) imported: u64,
    /// Rows that were here before.
    pub(crate) held: u64,
    /// Rows by the reason they were left out for.
    pub(crate) left_out: BTreeMap<&'static str, u64>,
    /// Rows by what was changed in them.
    pub(crate) changed: BTreeMap<&'static str, u64>,
    pub(crate) gaps: usize,
    pub(crate) gap_seconds: f64,
}

/// A file that was not imported, or not as it stands.
#[derive(Serialize)]
pub(crate) struct ImportProblem {
    pub(crate) path: String,
    pub(crate) problem: String,
}
