//! The configuration in force, and paused jobs.

use crate::model::{Micros, Series};
use crate::telemetry::{Event, Telemetry};

/// A configuration came into force, at the start or while the daemon runs.
pub struct ConfigInForce<'a> {
    /// Its hash.
    pub hash: &'a str,
    /// The number of failed runs in a row after which an alert is raised.
    pub max_consecutive_errors: u32,
    /// Settings of it that apply at the next start only.
    pub waiting: usize,
    /// When.
    pub at: Micros,
}

impl Event for ConfigInForce<'_> {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.show_config(self.hash, self.max_consecutive_errors);
        let reloads = &telemetry.metrics().reloads;
        reloads.ended.with_label_values(&["accepted"]).inc();
        reloads.successful.set(1);
        reloads.last_success.set(self.at.as_secs_f64());
        reloads.waiting.set(i64::try_from(self.waiting).unwrap_or(i64::MAX));
    }
}

/// A configuration was refused; the one before stays in force.
pub struct ConfigRefused<'a> {
    /// Everything that is wrong with it.
    pub problems: &'a [String],
}

impl Event for ConfigRefused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        let reloads = &telemetry.metrics().reloads;
        reloads.ended.with_label_values(&["refused"]).inc();
        reloads.successful.set(0);
        for problem in self.problems {
            tracing::error!(problem, "the configuration is refused; the one before stays in force");
        }
    }
}

/// Jobs were paused, or may run again.
pub struct JobsPaused<'a> {
    /// The series.
    pub series: &'a [Series],
    /// Whether they are paused now.
    pub is_paused: bool,
}

impl Event for JobsPaused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        for series in self.series {
            telemetry.metrics().show_paused(series, self.is_paused);
            let what = if self.is_paused { "job paused" } else { "job resumed" };
            tracing::info!(series = %series, "{what}");
        }
    }
}
