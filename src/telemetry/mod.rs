//! Monitoring: turns events into metrics, log lines and health.
//!
//! Business code calls `telemetry.emit(RowsStored { .. })` and nothing else. This room knows no exchange by name,
//! no socket and no configuration.
//!
//! **`telemetry` is below `net` and `store`** so that both report through the same closed sets of reasons.

pub mod events;
mod exemplars;
pub mod exposition;
pub mod feed;
mod health;
pub mod history;
mod labels;
mod locks;
pub mod logs;
mod metrics;
mod outages;
pub mod rollup;
mod textfile;
pub mod trace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use health::{HealthMonitor, PairHealth, RunRecord, SeriesHealth, read_pairs};
pub(crate) use history::series_of;
pub use labels::{
    Discard, FeedKind, LiveState, ReadOutcome, Reason, Refusal, ScrapeRefusal, SignInOutcome, StorageReason,
    SyncReason,
};
pub use metrics::{Collected, Family, JobCounts, Metrics};
pub use textfile::Textfile;

use crate::model::{Micros, Series};
use feed::{Feed, FeedItem, Tap};
use history::History;
use locks::{read, write};
use outages::{Outages, Verdict};

/// Something that happened, reported once; the event decides what is counted and logged.
pub trait Event {
    /// Counts, records and logs it.
    fn emit(self, telemetry: &Telemetry);
}

/// The sink of events. Clones share it.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    metrics: Arc<Metrics>,
    health: HealthMonitor,
    outages: Mutex<Outages>,
    history: History,
    feed: Feed,
    tap: Arc<Tap>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry::new()
    }
}

impl Telemetry {
    /// Telemetry whose health is kept in memory only.
    #[must_use]
    pub fn new() -> Self {
        Telemetry::with_health(HealthMonitor::in_memory())
    }

    /// Telemetry that saves health in the monitor's file; see [`Telemetry::save_health`].
    #[must_use]
    pub fn with_health(health: HealthMonitor) -> Self {
        let (metrics, outages, history) = (Arc::new(Metrics::new()), Mutex::default(), History::default());
        metrics.show_most_points(history.fold().most());
        Telemetry(Arc::new(Inner {
            metrics,
            health,
            outages,
            history,
            feed: Feed::default(),
            tap: Arc::default(),
        }))
    }

    /// Processes an event. Never waits for a disk or a socket.
    pub fn emit(&self, event: impl Event) {
        event.emit(self);
    }

    /// The counters, gauges and histograms.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// The points of the metric history that wait for the state store.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.0.history
    }

    /// The feed of the latest events.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// Rows received live, for those who watch their series.
    #[must_use]
    pub fn tap(&self) -> &Arc<Tap> {
        &self.0.tap
    }

    /// Puts an event on the feed.
    fn tell(&self, item: FeedItem, at: Micros) {
        self.metrics().readers.events.with_label_values(&[item.kind().name()]).inc();
        self.feed().put(item, at);
    }

    /// The health of each series and each pair.
    #[must_use]
    pub fn health(&self) -> &HealthMonitor {
        &self.0.health
    }

    /// Creates every label set of a configured series: counters at 0, state gauges by its health.
    ///
    /// `interval` is how often its job runs. Declaring a series again changes its job and interval and keeps
    /// the counts.
    pub fn declare_series(&self, series: &Series, job_id: &str, interval: Duration) {
        self.metrics().declare_series(series, job_id, interval);
        let verdict = {
            let mut outages = self.outages();
            outages.declare(series);
            outages.verdict()
        };
        if verdict != Verdict::default() {
            self.metrics().show_outages(&verdict);
        }
        if let Some(known) = self.health().of(series) {
            self.metrics().show_health(&known);
        }
    }

    /// Removes the metrics of a series that is no longer configured; its counts stay in its pair's health.
    pub fn forget_series(&self, series: &Series) {
        self.metrics().forget_series(series);
        self.health().forget(series);
        self.judge(|outages| outages.forget(series));
    }

    /// Restores the series' health from an earlier process, so that a restart resolves no alert.
    pub fn restore(&self, known: Vec<SeriesHealth>) {
        for series in &known {
            self.metrics().show_health(series);
        }
        self.judge(|outages| outages.restore(&known));
        self.health().restore(known);
    }

    /// Initializes a series unknown to the state store from its pair's entry in `metrics.json`; `held` is the
    /// number of rows stored.
    pub fn recover(&self, series: &Series, held: u64) {
        self.health().recover(series, held);
        if let Some(health) = self.health().of(series) {
            self.metrics().show_health(&health);
            self.judge(|outages| outages.restore(std::slice::from_ref(&health)));
        }
    }

    /// Sets the configuration in force.
    pub fn show_config(&self, hash: &str, max_consecutive_errors: u32) {
        self.metrics().show_config(hash, max_consecutive_errors);
        self.judge(|outages| outages.set_threshold(max_consecutive_errors));
    }

    /// Updates the outages and sets the alerts that change because of it.
    fn judge(&self, change: impl FnOnce(&mut Outages)) {
        let mut outages = self.outages();
        let before = outages.verdict();
        change(&mut outages);
        let now = outages.verdict();
        if now != before {
            self.metrics().show_outages(&now);
        }
    }

    fn outages(&self) -> MutexGuard<'_, Outages> {
        self.0.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
