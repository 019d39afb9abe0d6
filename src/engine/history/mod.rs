//! The history of metrics: what this process records, what it writes to the state store, and what all workers wrote.
//!
//! It needs no Prometheus. Values are folded into buckets of one minute, five minutes, an hour and a day; an hour, a day, a
//! week and 90 days of them are kept. What the program records itself, its jobs, exchanges, queues, journal and streams,
//! stands under keys such as `job:binance/BTC-USDT/ohlc/1h:rows`, and a program that uses this library adds its own.
//!
//! ```no_run
//! # async fn recorded(engine: &dccd::Engine) -> Result<(), Box<dyn std::error::Error>> {
//! let history = engine.history();
//! history.increment_counter("research:backtests", 1.0)?;
//! history.record_gauge("research:cache_entries", 512.0)?;
//! history.record_histogram_value("research:backtest_seconds", 12.5)?;
//!
//! for metric in history.get_metrics("research", None).await? {
//!     println!("{}: {} points", metric.key, metric.points.len());
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod ask;
mod writing;

use std::io;
use std::time::Duration;

use tokio::sync::Mutex;

pub(crate) use self::answer::answer;
pub(crate) use self::ask::{AskError, Asked};
use self::writing::Writing;
use crate::clock::now;
use crate::db::Database;
pub use crate::db::{DbError, HistoryPage, HistoryQuery, KeptMetric};
use crate::model::Micros;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{HistoryNotWritten, HistoryPruned, ObservationLost};
pub use crate::telemetry::history::SavedJob;
use crate::telemetry::history::keeps;
pub use crate::telemetry::rollup::{
    Key, Kind, Point, Resolution, RollupError, Sketch, UnknownResolution, matches_prefix,
};
use crate::worker::Worker;

/// How often the metrics of the process are recorded, unless the configuration says otherwise.
pub const COLLECT_INTERVAL: Duration = Duration::from_secs(30);
/// How often the history is written, unless the configuration says otherwise.
pub const HISTORY_INTERVAL: Duration = Duration::from_secs(60);

/// How long a write may take.
const WRITES_WITHIN: Duration = Duration::from_secs(30);
/// How long the last write may take.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// The metrics of one page of [`MetricHistory::get_metrics`].
const PAGE: u32 = 200;

/// The metric history of a data path in use.
pub struct MetricHistory {
    telemetry: Telemetry,
    db: Database,
    writing: Mutex<Writing>,
}

impl MetricHistory {
    /// The history of a worker on a data path; `run` differs for each process that ever ran.
    #[must_use]
    #[doc(hidden)]
    pub fn new(db: &Database, telemetry: &Telemetry, (worker, place): (&str, &str), run: &str) -> Self {
        let writing = Mutex::new(Writing::new(worker, place, run));
        MetricHistory { telemetry: telemetry.clone(), db: db.clone(), writing }
    }

    /// That of this process.
    pub(super) fn of(worker: &Worker, db: &Database, telemetry: &Telemetry) -> Self {
        MetricHistory::new(db, telemetry, (worker.id(), worker.place()), worker.name())
    }

    /// Adds to a counter, which has no unit. A negative amount takes away.
    ///
    /// # Errors
    /// See [`RollupError`].
    pub fn increment_counter(&self, key: &str, by: f64) -> Result<(), RollupError> {
        self.record(key, Kind::Counter, "", by)
    }

    /// Records the level of a gauge, which has no unit. The newest level counts.
    ///
    /// # Errors
    /// See [`RollupError`].
    pub fn record_gauge(&self, key: &str, level: f64) -> Result<(), RollupError> {
        self.record(key, Kind::Gauge, "", level)
    }

    /// Records a value of a histogram, which has no unit. Its quantiles are true within 1 %.
    ///
    /// # Errors
    /// See [`RollupError`].
    pub fn record_histogram_value(&self, key: &str, value: f64) -> Result<(), RollupError> {
        self.record(key, Kind::Histogram, "", value)
    }

    /// Records a value of a metric with a unit of at most 64 characters. Kind and unit belong to the key.
    ///
    /// # Errors
    /// See [`RollupError`]; what is refused is counted.
    pub fn record(&self, key: &str, kind: Kind, unit: &str, value: f64) -> Result<(), RollupError> {
        let recorded = self.telemetry.history().record(key, (kind, unit), value, now());
        recorded.inspect_err(|error| self.telemetry.emit(ObservationLost { error }))
    }

    /// The last day of every metric under a prefix of whole segments, in buckets of five minutes, merged over the workers,
    /// or of one worker alone. Writes what this process recorded first, unless the store is away.
    ///
    /// # Errors
    /// If the state store cannot be read.
    pub async fn get_metrics(&self, prefix: &str, worker: Option<&str>) -> Result<Vec<KeptMetric>, DbError> {
        let (resolution, at) = (Resolution::FiveMinutes, now());
        self.write(at).await;
        let mut query = HistoryQuery {
            prefix: prefix.to_owned(),
            worker: worker.map(str::to_owned),
            resolution,
            range: resolution.kept(at),
            after: None,
            most: PAGE,
        };
        let mut metrics: Vec<KeptMetric> = Vec::new();
        loop {
            let page = self.read(&query).await?;
            metrics.extend(page.metrics);
            query.after = metrics.last().map(|metric| metric.key.to_string());
            if !page.has_more {
                return Ok(metrics);
            }
        }
    }

    /// Reads a part of the history, as far as it is written.
    ///
    /// # Errors
    /// If the state store cannot be read.
    pub async fn read(&self, query: &HistoryQuery) -> Result<HistoryPage, DbError> {
        self.db.read_history(query).await
    }

    /// Deletes what is older than is kept; the daemon does so by itself. Returns the number of points.
    ///
    /// # Errors
    /// If the state store cannot be written.
    pub async fn cleanup(&self) -> Result<u64, DbError> {
        self.cleanup_at(now()).await
    }

    /// Calls `hook` after the state of a task was saved. It must return at once: the task's worker waits for it.
    pub fn after_job_saved(&self, hook: impl Fn(SavedJob<'_>) + Send + Sync + 'static) {
        self.telemetry.history().after_job_saved(hook);
    }

    /// The same as [`MetricHistory::cleanup`] at an instant.
    ///
    /// # Errors
    /// If the state store cannot be written.
    #[doc(hidden)]
    pub async fn cleanup_at(&self, at: Micros) -> Result<u64, DbError> {
        let points = self.db.prune_history(at).await?;
        self.telemetry.emit(HistoryPruned { points });
        Ok(points)
    }

    /// Records what the metrics of the process have become.
    #[doc(hidden)]
    pub fn collect(&self, at: Micros) {
        let families = self.telemetry.metrics().gather_of(keeps);
        for error in self.telemetry.history().sample(&families, at) {
            self.telemetry.emit(ObservationLost { error: &error });
        }
    }

    /// Writes what waits; what the store does not take goes on waiting. Returns whether nothing waits that was recorded
    /// before.
    #[doc(hidden)]
    pub async fn write(&self, at: Micros) -> bool {
        let mut writing = self.writing.lock().await;
        let written = writing.write(&self.db, &self.telemetry, at);
        tokio::time::timeout(WRITES_WITHIN, written).await.unwrap_or_else(|_| {
            let waiting = self.telemetry.history().fold().waiting();
            let error = io::Error::from(io::ErrorKind::TimedOut);
            self.telemetry.emit(HistoryNotWritten { error: &error, waiting });
            false
        })
    }

    /// Records and writes the last values of a process that ends.
    pub(super) async fn finish(&self) {
        self.collect(now());
        if tokio::time::timeout(ENDS_WITHIN, self.write(now())).await.is_err() {
            tracing::warn!("the last minute of the metric history was not written in time");
        }
    }
}
