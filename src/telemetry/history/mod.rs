//! Values for the metric history: of events, of the metrics of this process now and then, and those that a program
//! records itself. They wait here until the state store has them.

mod kept;
mod sampled;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use prometheus::proto::MetricFamily;

use crate::model::{Micros, Series};
use crate::telemetry::locks::{read, write};
use crate::telemetry::rollup::{Fold, Kind, RollupError};
use sampled::Sampled;
pub(crate) use sampled::series_of;

/// The most points that are held in memory: an hour without the store for a thousand metrics that never rest.
const MOST_POINTS: usize = 100_000;

/// A task whose new state was saved in the state store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedJob<'a> {
    /// The queue: the exchange.
    pub queue: &'a str,
    /// The task.
    pub id: &'a str,
    /// How its attempt ended: `succeeded`, `failed`, `lease_lost`, `rate_limited`, `given_back` or `cancelled`.
    pub outcome: &'a str,
    /// Whether it has failed as often as it may.
    pub is_exhausted: bool,
}

type Hook = Arc<dyn Fn(SavedJob<'_>) + Send + Sync>;

/// The points of this process and the hooks of its jobs.
pub struct History {
    fold: Mutex<Fold>,
    sampled: Mutex<Sampled>,
    hooks: RwLock<Vec<Hook>>,
}

impl Default for History {
    fn default() -> Self {
        History::of_at_most(MOST_POINTS)
    }
}

impl History {
    /// A history that holds so many points in memory.
    #[must_use]
    pub fn of_at_most(points: usize) -> Self {
        History { fold: Mutex::new(Fold::new(points)), sampled: Mutex::default(), hooks: RwLock::default() }
    }

    /// Records a value.
    ///
    /// # Errors
    /// See [`RollupError`].
    pub fn record(&self, key: &str, metric: (Kind, &str), value: f64, at: Micros) -> Result<(), RollupError> {
        self.fold().observe(key, metric, value, at)
    }

    /// Records what the metrics of the process have become since the last time. Returns the refusals.
    pub fn sample(&self, families: &[MetricFamily], at: Micros) -> Vec<RollupError> {
        let observed = self.sampled.lock().unwrap_or_else(PoisonError::into_inner).observe(families, at);
        let mut fold = self.fold();
        let taken = observed.iter().map(|one| fold.observe(&one.key, (one.kind, one.unit), one.value, at));
        taken.filter_map(Result::err).collect()
    }

    /// The points that wait for the state store.
    pub fn fold(&self) -> MutexGuard<'_, Fold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `hook` after the state of a task was saved. It must return at once: the task's worker waits for it.
    pub fn after_job_saved(&self, hook: impl Fn(SavedJob<'_>) + Send + Sync + 'static) {
        write(&self.hooks).push(Arc::new(hook));
    }

    /// Calls the hooks.
    pub(super) fn saved(&self, job: SavedJob<'_>) {
        let hooks = read(&self.hooks).clone();
        hooks.iter().for_each(|hook| hook(job));
    }
}

/// The key of a job's metric: `job:binance/BTC-USDT/ohlc/1h:latency`.
pub(super) fn job_key(series: &Series, name: &str) -> String {
    format!("job:{series}:{name}")
}

/// Whether the metric history keeps a family of the process.
pub(crate) fn keeps(family: &str) -> bool {
    kept::KEPT.iter().any(|kept| kept.family == family)
}

/// The families that are sampled, each with a name of its labels in the key; for tests of the catalogue.
#[cfg(test)]
pub(super) fn sampled_families() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    kept::KEPT.iter().map(|kept| (kept.family, kept.labels().collect()))
}
