//! Events of the configuration and of paused jobs.

use crate::clock::now;
use crate::model::{Micros, Series};
use crate::telemetry::feed::FeedItem;
use crate::telemetry::{Event, Telemetry};

/// A configuration came into force, at the start or by a reload.
pub struct ConfigInForce<'a> {
    /// Its hash.
    pub hash: &'a str,
    /// The number of consecutive failed runs that raises an alert.
    pub max_consecutive_errors: u32,
    /// The number of its changes that wait for the next start.
    pub waiting: usize,
    /// When it came into force.
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

/// A configuration was rejected; the previous one stays in force.
pub struct ConfigRefused<'a> {
    /// The problems, one per entry.
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

/// Jobs were paused or resumed.
pub struct JobsPaused<'a> {
    /// The series.
    pub series: &'a [Series],
    /// Paused rather than resumed.
    pub is_paused: bool,
}

impl Event for JobsPaused<'_> {
    fn emit(self, telemetry: &Telemetry) {
        for series in self.series {
            telemetry.metrics().show_paused(series, self.is_paused);
            let item = FeedItem::Job { series: series.clone(), is_paused: self.is_paused };
            telemetry.tell(item, now());
            let what = if self.is_paused { "job paused" } else { "job resumed" };
            tracing::info!(series = %series, "{what}");
        }
    }
}
