//! The metrics of this process: the registry, the families and the label sets that exist from the start.

mod alive;
mod catalogue;
mod collect;
mod collected;
mod declared;
mod declared_streams;
mod doubts;
mod drill;
mod families;
mod fleet;
mod forget;
mod history;
mod odd;
mod outages;
mod process;
mod readers;
mod register;
mod reload;
mod remotes;
mod series;
mod server;
mod stream_books;
mod stream_series;
mod streams;
mod table;
mod traced;
mod traces;
mod tracker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::IntCounter;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;

use crate::model::Series;
use crate::telemetry::SeriesHealth;
use crate::telemetry::exemplars::Exemplars;

use alive::Alive;
use catalogue::Catalogue;
pub use catalogue::Family;
pub(super) use catalogue::unit_of;
pub(super) use collected::CollectFamilies;
pub use collected::Collected;
use doubts::Doubts;
use drill::Drill;
use families::{Journal, Program, Requests, Runs, Storage};
use fleet::Fleet;
use history::Keeping;
use odd::Odd;
use process::ProcessCollector;
use readers::Readers;
use register::Register;
use reload::Reloads;
use remotes::Remotes;
pub(crate) use series::SeriesMetrics;
use series::SeriesTable;
use server::Server;
pub(super) use stream_series::lag_key;
use streams::Streams;
pub(super) use table::{About, FamilyWriter, LabelSet, Table};
use traces::Traces;
use tracker::Tasks;

/// The limit on series with metrics, unless a larger configuration raises it.
const SERIES_LIMIT: usize = 1_000;

/// The queue of points that wait for the state store.
const HISTORY: &str = "history";

/// The values of `dccd_jobs{status}`, in the order of [`JobCounts::values`].
const JOB_STATES: [&str; 5] = ["waiting", "running", "retrying", "paused", "failed"];

/// Every counter, gauge and histogram of the process.
pub struct Metrics {
    catalogue: Catalogue,
    series: SeriesTable,
    exchanges: Mutex<BTreeMap<String, Known>>,
    pub(crate) program: Program,
    pub(crate) runs: Runs,
    pub(crate) requests: Requests,
    pub(crate) storage: Storage,
    pub(crate) journal: Journal,
    pub(crate) remotes: Remotes,
    pub(crate) tasks: Tasks,
    pub(crate) doubts: Doubts,
    pub(crate) odd: Odd,
    pub(crate) fleet: Fleet,
    pub(crate) keeping: Keeping,
    pub(crate) drill: Drill,
    pub(crate) server: Server,
    pub(crate) readers: Readers,
    pub(crate) alive: Alive,
    pub(crate) streams: Streams,
    pub(crate) traces: Traces,
    pub(crate) reloads: Reloads,
}

/// A declared exchange: our names of its endpoints, and whether its label sets exist now.
struct Known {
    endpoints: Vec<String>,
    is_shown: bool,
}

/// The number of jobs in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for the next run.
    pub waiting: u64,
    /// Running.
    pub running: u64,
    /// Waiting for a retry after a failure.
    pub retrying: u64,
    /// Paused.
    pub paused: u64,
    /// Given up until they are retried.
    pub failed: u64,
}

impl JobCounts {
    fn values(self) -> [u64; JOB_STATES.len()] {
        [self.waiting, self.running, self.retrying, self.paused, self.failed]
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    /// All families, empty, and `dccd_build_info`.
    #[must_use]
    pub fn new() -> Self {
        let catalogue = Catalogue::default();
        let add = Register(&catalogue);
        let mut metrics = Metrics {
            program: Program::new(&add),
            runs: Runs::new(&add),
            requests: Requests::new(&add),
            storage: Storage::new(&add),
            journal: Journal::new(&add),
            remotes: Remotes::new(&add),
            tasks: Tasks::new(&add),
            doubts: Doubts::new(&add),
            odd: Odd::new(&add),
            fleet: Fleet::new(&add),
            keeping: Keeping::new(&add),
            drill: Drill::new(&add),
            server: Server::new(&add),
            readers: Readers::new(&add),
            alive: Alive::new(&add),
            streams: Streams::new(&add),
            traces: Traces::new(&add),
            reloads: Reloads::new(&add),
            series: SeriesTable::new(SERIES_LIMIT, collect::descs()),
            exchanges: Mutex::default(),
            catalogue,
        };
        metrics.catalogue.add_table(Arc::new(metrics.series.clone()));
        metrics.catalogue.add_table(Arc::new(metrics.streams.table.clone()));
        metrics.register(Box::new(ProcessCollector::new()));
        metrics.create_closed_label_sets();
        metrics
    }

    /// Adds families from elsewhere.
    ///
    /// # Panics
    /// If one of their names is taken.
    pub fn register(&self, families: Box<dyn Collector>) {
        self.catalogue.register(Arc::from(families));
    }

    /// Every family with a sample, sorted by name.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.drill.look();
        self.catalogue.gather()
    }

    /// Those of them whose names are wanted.
    pub(crate) fn gather_of(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<MetricFamily> {
        self.drill.look();
        self.catalogue.gather_of(is_wanted)
    }

    /// Every family with a sample, those of tables of series apart.
    pub(super) fn parts(&self) -> (Vec<MetricFamily>, &[Arc<dyn Table>]) {
        self.drill.look();
        self.catalogue.parts()
    }

    /// Every family, whether it has a sample yet or not, sorted by name.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.catalogue.families()
    }

    pub(super) fn exemplars(&self) -> &Exemplars {
        &self.catalogue.exemplars
    }

    /// Sets the configuration in force.
    pub fn show_config(&self, hash: &str, max_consecutive_errors: u32) {
        self.program.config_info.reset();
        self.program.config_info.with_label_values(&[hash]).set(1.0);
        self.program.max_consecutive_errors.set(i64::from(max_consecutive_errors));
    }

    /// Sets how many series may have metrics.
    pub fn limit_series(&self, series: usize) {
        self.series.limit(series);
    }

    fn exchanges(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics of a series. Those of an undeclared series are counted as dropped and never exposed.
    pub(crate) fn series(&self, series: &Series) -> Arc<SeriesMetrics> {
        self.series.get(series).unwrap_or_else(|| {
            self.program.series_dropped.with_label_values(&["series"]).inc();
            self.series.unseen()
        })
    }

    /// Sets the gauges of a series' health, if it is declared.
    pub(crate) fn show_health(&self, health: &SeriesHealth) {
        if let Some(own) = self.series.get(&health.series) {
            own.consecutive_errors.set(f64::from(health.consecutive_errors));
            own.last_run.set_at(health.last_run_at);
            own.last_success.set_at(health.last_success_at);
        }
    }

    /// Sets how many points of the metric history wait for the state store.
    pub(crate) fn show_waiting_points(&self, points: usize) {
        self.program.queue_items.with_label_values(&[HISTORY]).set(points as i64);
    }

    /// Counts observations for which the metric history had no room.
    pub(crate) fn dropped_points(&self) -> IntCounter {
        self.program.queue_dropped.with_label_values(&[HISTORY])
    }

    /// Sets how many may wait.
    pub(crate) fn show_most_points(&self, points: usize) {
        self.program.queue_capacity.with_label_values(&[HISTORY]).set(points as i64);
    }

    pub(crate) fn show_jobs(&self, counts: JobCounts) {
        for (state, count) in JOB_STATES.into_iter().zip(counts.values()) {
            self.runs.jobs.with_label_values(&[state]).set(count as f64);
        }
    }

    fn create_closed_label_sets(&self) {
        let build = [
            env!("CARGO_PKG_VERSION"),
            option_env!("DCCD_REVISION").unwrap_or("unknown"),
            option_env!("DCCD_RUSTC").unwrap_or("unknown"),
            option_env!("DCCD_TARGET").unwrap_or(std::env::consts::ARCH),
        ];
        self.program.build_info.with_label_values(&build).set(1.0);
        for level in ["error", "warn", "info", "debug", "trace"] {
            self.program.log_messages.with_label_values(&[level]);
        }
        for queue in ["stderr", "log_file", HISTORY] {
            self.program.queue_dropped.with_label_values(&[queue]);
        }
        for queue in ["stderr", HISTORY] {
            self.program.queue_items.with_label_values(&[queue]);
            self.program.queue_capacity.with_label_values(&[queue]);
        }
        self.program.series_dropped.with_label_values(&["series"]);
        self.show_jobs(JobCounts::default());
    }
}
