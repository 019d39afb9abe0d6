//! The records of a series and a pair, and how a run changes them.

use serde::{Deserialize, Serialize};

use crate::model::{Micros, Series};

/// A pair in `metrics.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PairHealth {
    /// When its last run ended, in seconds since 1970.
    pub last_run_at: Option<f64>,
    /// When its last successful run ended, in seconds since 1970.
    pub last_success_at: Option<f64>,
    /// New rows stored by its runs.
    pub rows_collected: u64,
    /// Consecutive failed runs.
    pub errors_count: u32,
}

/// The health of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesHealth {
    /// The series.
    pub series: Series,
    /// When the last run ended.
    pub last_run_at: Option<Micros>,
    /// When the last successful run ended.
    pub last_success_at: Option<Micros>,
    /// New rows stored by its runs.
    pub rows: u64,
    /// Consecutive failed runs.
    pub consecutive_errors: u32,
    /// The error of the last run, if it failed.
    pub last_error: Option<String>,
}

/// The result of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// New rows it stored.
    pub rows: u64,
    /// The error, if it failed.
    pub error: Option<String>,
    /// When it ended.
    pub at: Micros,
}

impl SeriesHealth {
    pub(super) fn unknown(series: &Series) -> Self {
        SeriesHealth {
            series: series.clone(),
            last_run_at: None,
            last_success_at: None,
            rows: 0,
            consecutive_errors: 0,
            last_error: None,
        }
    }

    pub(super) fn record(&mut self, outcome: RunRecord) {
        self.last_run_at = Some(outcome.at);
        self.rows = self.rows.saturating_add(outcome.rows);
        if outcome.error.is_none() {
            self.last_success_at = Some(outcome.at);
            self.consecutive_errors = 0;
        } else {
            self.consecutive_errors = self.consecutive_errors.saturating_add(1);
        }
        self.last_error = outcome.error;
    }
}
