//! Events of runs and of windows that could not be fetched.

use std::error::Error;
use std::time::Duration;

use super::Chain;
use crate::clock::now;
use crate::model::{Micros, Series, Window};
use crate::telemetry::feed::{FeedItem, RunState};
use crate::telemetry::outages::Ended;
use crate::telemetry::{Event, Reason, RunRecord, Telemetry};

/// A run began.
pub struct JobStarted<'a> {
    /// The series of the run.
    pub series: &'a Series,
    /// How long after it was due.
    pub delay: Duration,
}

impl Event for JobStarted<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let delay = &telemetry.metrics().runs.delay;
        delay.with_label_values(&[self.series.kind().name()]).observe(self.delay.as_secs_f64());
        telemetry.metrics().series(self.series).lease.set_at(Some(now()));
        telemetry.tell(run(self.series, RunState::Started, None), now());
        tracing::debug!(series = %self.series, delay = ?self.delay, "run started");
    }
}

/// A run succeeded.
pub struct JobSucceeded<'a> {
    /// The series of the run.
    pub series: &'a Series,
    /// New rows it stored.
    pub rows: u64,
    /// Its duration.
    pub took: Duration,
    /// When it ended.
    pub at: Micros,
}

impl Event for JobSucceeded<'_> {
    fn emit(self, telemetry: &Telemetry) {
        run_ended(telemetry, self.series, self.took);
        let outcome = RunRecord { rows: self.rows, error: None, at: self.at };
        let health = telemetry.health().record_run(self.series, outcome);
        telemetry.metrics().show_health(&health);
        telemetry.judge(|outages| outages.record(self.series, self.at, Ended::Well));
        telemetry.tell(run(self.series, RunState::Succeeded, Some(self.rows)), self.at);
        tracing::info!(series = %self.series, rows = self.rows, took = ?self.took, "run succeeded");
    }
}

/// A run failed.
pub struct JobFailed<'a> {
    /// The series of the run.
    pub series: &'a Series,
    /// The class of the error.
    pub reason: Reason,
    /// The error.
    pub error: &'a dyn Error,
    /// New rows it stored.
    pub rows: u64,
    /// When it ended.
    pub at: Micros,
    /// Its duration.
    pub took: Duration,
}

impl Event for JobFailed<'_> {
    fn emit(self, telemetry: &Telemetry) {
        run_ended(telemetry, self.series, self.took);
        telemetry.metrics().series(self.series).count_failure(self.reason);
        telemetry.record_failure(self.series);
        let error = Chain(self.error).to_string();
        let outcome = RunRecord { rows: self.rows, error: Some(error.clone()), at: self.at };
        let health = telemetry.health().record_run(self.series, outcome);
        telemetry.metrics().show_health(&health);
        let is_storage = self.reason == Reason::Storage;
        let ended = if is_storage { Ended::OnStorage } else { Ended::Elsewhere };
        telemetry.judge(|outages| outages.record(self.series, self.at, ended));
        telemetry.tell(FeedItem::failed(self.series, self.rows, &error), self.at);
        tracing::error!(
            series = %self.series,
            reason = self.reason.name(),
            error,
            consecutive_errors = health.consecutive_errors,
            rows = self.rows,
            took = ?self.took,
            "run failed"
        );
    }
}

/// A run was interrupted by the program's stop; it neither succeeded nor failed.
pub struct JobStopped<'a> {
    /// The series of the run.
    pub series: &'a Series,
    /// New rows it stored.
    pub rows: u64,
    /// Its duration.
    pub took: Duration,
}

impl Event for JobStopped<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().series(self.series).lease.set_at(None);
        telemetry.health().add_rows(self.series, self.rows);
        telemetry.tell(run(self.series, RunState::Stopped, Some(self.rows)), now());
        tracing::info!(series = %self.series, rows = self.rows, took = ?self.took, "run stopped");
    }
}

fn run(series: &Series, state: RunState, rows: Option<u64>) -> FeedItem {
    FeedItem::Run { series: series.clone(), state, rows, error: None }
}

fn run_ended(telemetry: &Telemetry, series: &Series, took: Duration) {
    let metrics = telemetry.metrics();
    let own = metrics.series(series);
    own.runs.add(1);
    own.lease.set_at(None);
    let labels = [series.exchange(), series.kind().name()];
    metrics.runs.duration.observe(&labels, took);
    telemetry.record_latency(series, took);
}

/// An attempt at a window failed; it is counted at the end of the run.
pub struct WindowFailed<'a> {
    /// The series of the window.
    pub series: &'a Series,
    /// The missing window.
    pub window: Window,
    /// Attempts so far, including this one.
    pub attempts: u32,
    /// The error.
    pub error: &'a dyn Error,
}

impl Event for WindowFailed<'_> {
    fn emit(self, _: &Telemetry) {
        tracing::warn!(
            series = %self.series,
            window = %self.window,
            attempts = self.attempts,
            error = %Chain(self.error),
            "window failed"
        );
    }
}

/// Holes between stored rows were requested again.
pub struct HolesRepaired<'a> {
    /// The series.
    pub series: &'a Series,
    /// The number of holes.
    pub holes: u64,
    /// Rows received for them.
    pub rows: u64,
    /// Whether all of them were walked completely.
    pub ok: bool,
}

impl Event for HolesRepaired<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let outcome = if self.ok { "filled" } else { "failed" };
        let labels = [self.series.exchange(), self.series.kind().name(), outcome];
        telemetry.metrics().runs.repairs.with_label_values(&labels).inc_by(self.holes);
        tracing::info!(series = %self.series, holes = self.holes, rows = self.rows, outcome, "holes repaired");
    }
}
