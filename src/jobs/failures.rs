//! The failed windows of a run, and when to give up.

use std::sync::Arc;

use crate::jobs::fetch::Failed;
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Series;

/// Consecutive failures after which the remaining windows are left to the next run.
const FAILURES_IN_A_ROW: usize = 5;

/// The failed windows of a run.
#[derive(Default)]
pub(super) struct Failures {
    first: Option<Failed>,
    count: usize,
    pub(super) in_a_row: usize,
    is_final: bool,
}

impl Failures {
    pub(super) fn add(&mut self, failed: Failed) {
        self.count += 1;
        self.in_a_row += 1;
        self.is_final |= failed.error.is_final();
        self.first.get_or_insert(failed);
    }

    /// Whether further requests would only fail in the same way.
    pub(super) fn enough(&self) -> bool {
        self.is_final || self.in_a_row >= FAILURES_IN_A_ROW
    }

    pub(super) fn into_error(self, series: &Arc<Series>, planned: usize) -> Option<RunError> {
        let Failed { window, attempts, error: source, .. } = self.first?;
        Some(RunErrorKind::Windows { failed: self.count, planned, window, attempts, source }.of(series))
    }
}
