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

#[derive(Serialize)]
pub(crate) struct ImportLine {
    pub(crate) series: String,
    pub(crate) files: usize,
    pub(crate) imported: u64,
    /// Rows that were already here.
    pub(crate) held: u64,
    /// Rows left out, by reason.
    pub(crate) left_out: BTreeMap<&'static str, u64>,
    /// Rows changed, by reason.
    pub(crate) changed: BTreeMap<&'static str, u64>,
    pub(crate) gaps: usize,
    pub(crate) gap_seconds: f64,
}

/// A file that was not imported, or only with changes.
#[derive(Serialize)]
pub(crate) struct ImportProblem {
    pub(crate) path: String,
    pub(crate) problem: String,
}
