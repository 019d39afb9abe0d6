//! The metrics of this process: the registry, the families and the label sets that exist from the start.

mod alive;
mod catalogue;
mod collect;
mod collected;
mod doubts;
mod drill;
mod families;
mod fleet;
mod odd;
mod outages;
mod process;
mod register;
mod reload;
mod remotes;
mod series;
mod server;
mod traced;
mod traces;
mod tracker;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::MetricFamily;

use crate::model::{Kind, Micros, Series};
use crate::telemetry::SeriesHealth;
use crate::telemetry::exemplars::Exemplars;
use crate::telemetry::labels::{CODES_AT_ZERO, Discard, Reason, StorageReason};

use alive::Alive;
use catalogue::Catalogue;
pub use catalogue::Family;
pub(super) use catalogue::unit_of;
pub(super) use collected::CollectFamilies;
use doubts::Doubts;
use drill::Drill;
use families::{Journal, Program, Requests, Runs, Storage};
use fleet::Fleet;
use odd::Odd;
use process::ProcessCollector;
use register::Register;
use reload::Reloads;
use remotes::Remotes;
pub(crate) use series::SeriesMetrics;
use series::SeriesTable;
use server::Server;
use traces::Traces;
use tracker::Tasks;

/// How many series may have metrics before a larger configuration raises it.
const SERIES_LIMIT: usize = 1_000;

/// The words of `dccd_jobs{status}`, in the order of [`JobCounts::values`].
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
    pub(crate) drill: Drill,
    pub(crate) server: Server,
    pub(crate) alive: Alive,
    pub(crate) traces: Traces,
    pub(crate) reloads: Reloads,
}

/// An exchange that was declared: our names of its operations, and whether its label sets exist now.
struct Known {
    endpoints: Vec<String>,
    is_shown: bool,
}

/// How many jobs are doing what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for their next run.
    pub waiting: u64,
    /// Running.
    pub running: u64,
    /// Waiting to try again after a failure.
    pub retrying: u64,
    /// Paused by someone.
    pub paused: u64,
    /// Given up until someone acts.
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
        let metrics = Metrics {
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
            drill: Drill::new(&add),
            server: Server::new(&add),
            alive: Alive::new(&add),
            traces: Traces::new(&add),
            reloads: Reloads::new(&add),
            series: SeriesTable::new(SERIES_LIMIT),
            exchanges: Mutex::default(),
            catalogue,
        };
        metrics.register(Box::new(metrics.series.clone()));
        metrics.register(Box::new(ProcessCollector::new()));
        metrics.create_closed_label_sets();
        metrics
    }

    /// Adds families kept elsewhere.
    ///
    /// # Panics
    /// When one of their names is taken.
    pub fn register(&self, families: Box<dyn Collector>) {
        self.catalogue.register(Arc::from(families));
    }

    /// Every family that has a sample, sorted by name.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.drill.look();
        self.catalogue.gather()
    }

    /// Every family there is, whether it has a sample yet or not, sorted by name.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.catalogue.families()
    }

    pub(super) fn exemplars(&self) -> &Exemplars {
        &self.catalogue.exemplars
    }

    /// Says which configuration is in force.
    pub fn show_config(&self, hash: &str, max_consecutive_errors: u32) {
        self.program.config_info.reset();
        self.program.config_info.with_label_values(&[hash]).set(1.0);
        self.program.max_consecutive_errors.set(i64::from(max_consecutive_errors));
    }

    /// How many series may have metrics; it is raised to fit the configuration.
    pub fn limit_series(&self, series: usize) {
        self.series.limit(series);
    }

    /// Creates the label sets of an exchange, each at 0. `endpoints` are our names of its operations.
    pub fn declare_exchange(&self, exchange: &str, endpoints: &[&str]) {
        let names = endpoints.iter().map(ToString::to_string).collect();
        self.exchanges().insert(exchange.to_owned(), Known { endpoints: names, is_shown: true });
        self.create_exchange_label_sets(exchange, endpoints);
    }

    fn create_exchange_label_sets(&self, exchange: &str, endpoints: &[&str]) {
        self.tasks.declare(exchange);
        let requests = &self.requests;
        for endpoint in endpoints {
            for code in CODES_AT_ZERO {
                requests.sent.with_label_values(&[exchange, endpoint, code]);
            }
            for reason in Reason::ALL {
                requests.failures.with_label_values(&[exchange, endpoint, reason.name()]);
            }
            requests.duration.create(&[exchange, endpoint]);
            requests.response_bytes.with_label_values(&[exchange, endpoint]);
            requests.retries.with_label_values(&[exchange, endpoint]);
        }
        requests.wait.with_label_values(&[exchange]);
        requests.throttled.with_label_values(&[exchange]);
        self.odd.listing_entries.with_label_values(&[exchange]);
        for gauges in [
            &requests.tokens,
            &requests.capacity,
            &requests.limited_until,
            &requests.banned_until,
            &requests.clock_offset,
            &requests.up,
            &requests.failing,
        ] {
            gauges.with_label_values(&[exchange]);
        }
    }

    /// Creates the label sets of a series, each at 0; see [`crate::telemetry::Telemetry::declare_series`].
    pub(crate) fn declare_series(&self, series: &Series, job_id: &str, interval: Duration) {
        let Some(own) = self.series.declare(series, job_id) else {
            self.program.series_dropped.with_label_values(&["series"]).inc();
            tracing::warn!(series = %series, "the limit of series with metrics is reached; it has none");
            return;
        };
        let interval_secs = interval.as_secs_f64();
        own.job_interval.set(interval_secs);
        own.expected_interval.set(if interval.is_zero() {
            0.0
        } else {
            interval_secs.max(usual_secs(series))
        });
        let (exchange, kind) = (series.exchange(), series.kind().name());
        self.show_exchange(exchange);
        self.runs.duration.create(&[exchange, kind]);
        self.runs.delay.with_label_values(&[kind]);
        for reason in Discard::ALL {
            self.runs.discarded.with_label_values(&[exchange, kind, reason.name()]);
        }
        for outcome in ["filled", "failed"] {
            self.runs.repairs.with_label_values(&[exchange, kind, outcome]);
        }
        self.create_storage_label_sets(kind);
        self.doubts.declare(exchange, kind);
        self.odd.declare(exchange, kind);
    }

    /// Creates the label sets of an exchange again that were dropped with its last series.
    fn show_exchange(&self, exchange: &str) {
        let mut exchanges = self.exchanges();
        let Some(known) = exchanges.get_mut(exchange).filter(|known| !known.is_shown) else { return };
        known.is_shown = true;
        let endpoints: Vec<&str> = known.endpoints.iter().map(String::as_str).collect();
        self.create_exchange_label_sets(exchange, &endpoints);
    }

    /// Drops the label sets of a series, and those it was the last one to need.
    pub(crate) fn forget_series(&self, series: &Series) {
        self.series.forget(series);
        let (exchange, kind) = (series.exchange(), series.kind().name());
        if !self.series.has(|other| other.exchange() == exchange && other.kind() == series.kind()) {
            let runs = &self.runs;
            runs.duration.forget(&[("exchange", exchange), ("kind", kind)]);
            forget(&runs.discarded, &[("exchange", exchange), ("kind", kind)]);
            forget(&runs.repairs, &[("exchange", exchange), ("kind", kind)]);
            self.doubts.forget(exchange, kind);
            self.odd.forget(exchange, kind);
        }
        if !self.series.has(|other| other.exchange() == exchange) {
            self.forget_exchange(exchange);
        }
    }

    fn forget_exchange(&self, exchange: &str) {
        if let Some(known) = self.exchanges().get_mut(exchange) {
            known.is_shown = false;
        }
        let (requests, held) = (&self.requests, [("exchange", exchange)]);
        for counters in [
            &requests.sent,
            &requests.failures,
            &requests.response_bytes,
            &requests.retries,
            &requests.throttled,
            &self.odd.listing_entries,
        ] {
            forget(counters, &held);
        }
        for gauges in [
            &requests.tokens,
            &requests.capacity,
            &requests.limited_until,
            &requests.banned_until,
            &requests.clock_offset,
            &requests.up,
            &requests.failing,
        ] {
            forget(gauges, &held);
        }
        requests.duration.forget(&held);
        forget(&requests.wait, &held);
    }

    fn exchanges(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics of a series. Those of one that was never declared are counted as dropped and shown nowhere.
    pub(crate) fn series(&self, series: &Series) -> Arc<SeriesMetrics> {
        self.series.get(series).unwrap_or_else(|| {
            self.program.series_dropped.with_label_values(&["series"]).inc();
            self.series.unseen()
        })
    }

    /// `ts` of the newest stored row of a series, where one is known.
    #[must_use]
    pub fn newest_row(&self, series: &Series) -> Option<Micros> {
        let newest = self.series.get(series)?.newest_row.get();
        (newest > 0.0).then(|| Micros::from_secs_f64(newest))
    }

    /// Shows what health knows of a series, if it is declared.
    pub(crate) fn show_health(&self, health: &SeriesHealth) {
        if let Some(own) = self.series.get(&health.series) {
            own.consecutive_errors.set(f64::from(health.consecutive_errors));
            own.last_run.set_at(health.last_run_at);
            own.last_success.set_at(health.last_success_at);
        }
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
        for queue in ["stderr", "log_file"] {
            self.program.queue_dropped.with_label_values(&[queue]);
        }
        self.program.queue_items.with_label_values(&["stderr"]);
        self.program.queue_capacity.with_label_values(&["stderr"]);
        self.program.series_dropped.with_label_values(&["series"]);
        self.show_jobs(JobCounts::default());
    }

    fn create_storage_label_sets(&self, kind: &str) {
        let storage = &self.storage;
        storage.publish_duration.create(&[kind]);
        for reason in StorageReason::ALL {
            storage.publish_failures.with_label_values(&[kind, reason.name()]);
        }
        storage.written_bytes.with_label_values(&[kind]);
        storage.copied_bytes.with_label_values(&[kind]);
        storage.file_size.with_label_values(&[kind]);
        storage.folds.with_label_values(&[kind]);
        storage.buffered_rows.with_label_values(&[kind]);
    }
}

/// How far apart rows of a series are in good order, in seconds; 0 where nothing says. Funding is settled every
/// eight hours at the latest.
fn usual_secs(series: &Series) -> f64 {
    match series.span() {
        Some(span) => f64::from(span.secs()),
        None if series.kind() == Kind::Funding => 8.0 * 3_600.0,
        None => 0.0,
    }
}

/// Drops every label set of a family that holds all of these labels.
fn forget<B: MetricVecBuilder>(family: &MetricVec<B>, held: &[(&str, &str)])
where
    MetricVec<B>: Collector,
{
    for metric in family.collect().iter().flat_map(MetricFamily::get_metric) {
        let labels: HashMap<&str, &str> =
            metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
        if held.iter().all(|(name, value)| labels.get(name) == Some(value)) {
            // Someone else may have dropped it meanwhile.
            let _ = family.remove(&labels);
        }
    }
}
