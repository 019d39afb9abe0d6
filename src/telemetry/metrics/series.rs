//! The families counted for each series, kept as plain numbers and put into labels only when asked for.
//!
//! A label set of the metrics crate weighs about a kilobyte, one of these eight bytes: a thousand series stay
//! small, and an event costs one look-up and no hashing of labels.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::model::{Kind, Micros, Series};
use crate::telemetry::{Reason, read, write};

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// A number that goes up and down; 0 until it is set.
#[derive(Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    pub(crate) fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Sets an instant; none shows as 0.
    pub(crate) fn set_at(&self, at: Option<Micros>) {
        self.set(at.map_or(0.0, Micros::as_secs_f64));
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Failed runs of one exchange, pair and kind, by reason.
type Failures = [Count; Reason::ALL.len()];

/// What is counted for one series.
#[derive(Default)]
pub(crate) struct SeriesMetrics {
    pub(crate) consecutive_errors: Level,
    pub(crate) runs: Count,
    pub(crate) last_run: Level,
    pub(crate) last_success: Level,
    pub(crate) job_interval: Level,
    pub(crate) rows_fetched: Count,
    pub(crate) rows_written: Count,
    pub(crate) candle_revisions: Count,
    pub(crate) newest_row: Level,
    pub(crate) oldest_row: Level,
    pub(crate) expected_interval: Level,
    pub(crate) gap_secs: Level,
    pub(crate) gaps: Level,
    /// In the order of [`STATES`].
    pub(crate) coverage_secs: [Level; STATES.len()],
    failures: Arc<Failures>,
}

impl SeriesMetrics {
    pub(crate) fn count_failure(&self, reason: Reason) {
        self.failures[reason as usize].add(1);
    }
}

/// The states a second of a series can be in.
pub(crate) const STATES: [&str; 4] = ["covered", "gap", "empty", "unfillable"];

/// A family with the labels `exchange, pair, kind, span`.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: fn(&SeriesMetrics) -> f64,
}

const FAMILIES: [Family; 13] = [
    gauge("dccd_job_consecutive_errors", "Failed runs in a row; 0 after a success.", |s| {
        s.consecutive_errors.get()
    }),
    counter("dccd_job_runs_total", "Runs ended, failed ones included.", |s| s.runs.get()),
    gauge(
        "dccd_job_last_run_timestamp_seconds",
        "When the last run ended, in seconds since 1970; 0 before the first.",
        |s| s.last_run.get(),
    ),
    gauge(
        "dccd_job_last_success_timestamp_seconds",
        "When the last successful run ended, in seconds since 1970; 0 before the first.",
        |s| s.last_success.get(),
    ),
    gauge("dccd_job_interval_seconds", "How often the job is to run.", |s| s.job_interval.get()),
    counter("dccd_rows_fetched_total", "Rows received, before any was discarded.", |s| s.rows_fetched.get()),
    counter("dccd_rows_written_total", "New rows accepted.", |s| s.rows_written.get()),
    counter(
        "dccd_candle_revisions_total",
        "Stored candles the exchange answered differently when asked again.",
        |s| s.candle_revisions.get(),
    ),
    gauge(
        "dccd_series_newest_row_timestamp_seconds",
        "Time of the newest stored row, in seconds since 1970; 0 where there is none.",
        |s| s.newest_row.get(),
    ),
    gauge(
        "dccd_series_oldest_row_timestamp_seconds",
        "Time of the oldest stored row, in seconds since 1970; 0 where there is none.",
        |s| s.oldest_row.get(),
    ),
    gauge(
        "dccd_series_expected_interval_seconds",
        "The longest a series in good order goes without a new row: its span or its job's interval.",
        |s| s.expected_interval.get(),
    ),
    gauge("dccd_series_gap_seconds", "Time known to be missing and to be repaired.", |s| s.gap_secs.get()),
    gauge("dccd_series_gaps", "Windows known to be missing and to be repaired.", |s| s.gaps.get()),
];

const fn gauge(name: &'static str, help: &'static str, read: fn(&SeriesMetrics) -> f64) -> Family {
    Family { name, help, kind: MetricType::GAUGE, read }
}

const fn counter(name: &'static str, help: &'static str, read: fn(&SeriesMetrics) -> f64) -> Family {
    Family { name, help, kind: MetricType::COUNTER, read }
}

const COVERAGE: (&str, &str) = (
    "dccd_series_coverage_seconds",
    "Time since the series was first wanted, by state: covered, gap, empty (confirmed) or unfillable.",
);
const JOB_INFO: (&str, &str) = ("dccd_job_info", "The job that collects a series; always 1.");
const JOB_FAILURES: (&str, &str) = ("dccd_job_failures_total", "Failed runs, by reason.");
const HELD: (&str, &str) = ("dccd_metrics_series", "Series that have metrics of their own.");

/// Every declared series. A clone is the same table.
#[derive(Clone)]
pub(crate) struct SeriesTable(Arc<Table>);

struct Table {
    declared: RwLock<BTreeMap<Series, Declared>>,
    limit: AtomicUsize,
    /// Where the counts of a series without a place go; it is never shown.
    unseen: Arc<SeriesMetrics>,
    descs: Vec<Desc>,
}

struct Declared {
    job_id: String,
    metrics: Arc<SeriesMetrics>,
}

impl SeriesTable {
    pub(super) fn new(limit: usize) -> Self {
        SeriesTable(Arc::new(Table {
            declared: RwLock::default(),
            limit: AtomicUsize::new(limit),
            unseen: Arc::default(),
            descs: descs(),
        }))
    }

    pub(super) fn limit(&self, series: usize) {
        self.0.limit.store(series, Ordering::Relaxed);
    }

    /// The metrics of a series after declaring it; none where the limit is reached.
    pub(super) fn declare(&self, series: &Series, job_id: &str) -> Option<Arc<SeriesMetrics>> {
        let mut declared = write(&self.0.declared);
        if let Some(known) = declared.get_mut(series) {
            known.job_id = job_id.to_owned();
            return Some(Arc::clone(&known.metrics));
        }
        if declared.len() >= self.0.limit.load(Ordering::Relaxed) {
            return None;
        }
        let failures = shared_failures(&declared, series);
        let metrics = Arc::new(SeriesMetrics { failures, ..SeriesMetrics::default() });
        let entry = Declared { job_id: job_id.to_owned(), metrics: Arc::clone(&metrics) };
        declared.insert(series.clone(), entry);
        Some(metrics)
    }

    pub(super) fn forget(&self, series: &Series) {
        write(&self.0.declared).remove(series);
    }

    pub(super) fn get(&self, series: &Series) -> Option<Arc<SeriesMetrics>> {
        read(&self.0.declared).get(series).map(|known| Arc::clone(&known.metrics))
    }

    pub(super) fn unseen(&self) -> Arc<SeriesMetrics> {
        Arc::clone(&self.0.unseen)
    }
}

/// The failures of the series' exchange, pair and kind: those of another span of it, or new ones. Spans of one
/// kind are neighbours in the map's order.
fn shared_failures(declared: &BTreeMap<Series, Declared>, series: &Series) -> Arc<Failures> {
    let before = declared.range(..series).next_back();
    let after = declared.range(series..).next();
    before
        .into_iter()
        .chain(after)
        .find(|(other, _)| group(other) == group(series))
        .map_or_else(Arc::default, |(_, known)| Arc::clone(&known.metrics.failures))
}

fn group(series: &Series) -> (&str, &crate::model::Pair, Kind) {
    (series.exchange(), series.pair(), series.kind())
}

impl Collector for SeriesTable {
    fn desc(&self) -> Vec<&Desc> {
        self.0.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let declared = read(&self.0.declared);
        let labels: HashMap<&Series, Vec<LabelPair>> =
            declared.keys().map(|series| (series, series_labels(series))).collect();
        let mut families: Vec<MetricFamily> = FAMILIES
            .iter()
            .map(|one| {
                let rows = declared.iter().map(|(series, known)| {
                    metric(labels[series].clone(), one.kind, (one.read)(&known.metrics))
                });
                family((one.name, one.help), one.kind, rows.collect())
            })
            .collect();
        families.push(coverage(&declared, &labels));
        families.push(job_info(&declared, &labels));
        families.push(job_failures(&declared));
        let held = metric(Vec::new(), MetricType::GAUGE, declared.len() as f64);
        families.push(family(HELD, MetricType::GAUGE, vec![held]));
        families
    }
}

fn coverage(
    declared: &BTreeMap<Series, Declared>,
    labels: &HashMap<&Series, Vec<LabelPair>>,
) -> MetricFamily {
    let rows = declared.iter().flat_map(|(series, known)| {
        STATES.iter().zip(&known.metrics.coverage_secs).map(|(state, secs)| {
            let mut labels = labels[series].clone();
            labels.push(pair("state", state));
            metric(labels, MetricType::GAUGE, secs.get())
        })
    });
    family(COVERAGE, MetricType::GAUGE, rows.collect())
}

fn job_info(
    declared: &BTreeMap<Series, Declared>,
    labels: &HashMap<&Series, Vec<LabelPair>>,
) -> MetricFamily {
    let rows = declared.iter().map(|(series, known)| {
        let mut labels = labels[series].clone();
        labels.push(pair("job_id", &known.job_id));
        metric(labels, MetricType::GAUGE, 1.0)
    });
    family(JOB_INFO, MetricType::GAUGE, rows.collect())
}

fn job_failures(declared: &BTreeMap<Series, Declared>) -> MetricFamily {
    let mut rows = Vec::new();
    let mut last = None;
    for (series, known) in declared {
        if last.replace(group(series)) == Some(group(series)) {
            continue;
        }
        for reason in Reason::ALL {
            let mut labels = group_labels(series);
            labels.push(pair("reason", reason.name()));
            rows.push(metric(labels, MetricType::COUNTER, known.metrics.failures[reason as usize].get()));
        }
    }
    family(JOB_FAILURES, MetricType::COUNTER, rows)
}

fn family((name, help): (&str, &str), kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn metric(labels: Vec<LabelPair>, kind: MetricType, value: f64) -> Metric {
    let mut metric = Metric::from_label(labels);
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

fn series_labels(series: &Series) -> Vec<LabelPair> {
    let mut labels = Vec::with_capacity(5);
    labels.extend(group_labels(series));
    labels.push(pair("span", &series.span_label()));
    labels
}

fn group_labels(series: &Series) -> Vec<LabelPair> {
    vec![
        pair("exchange", series.exchange()),
        pair("kind", series.kind().name()),
        pair("pair", &series.pair().to_string()),
    ]
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

fn descs() -> Vec<Desc> {
    let series = ["exchange", "kind", "pair", "span"].as_slice();
    let own = [
        (COVERAGE, ["exchange", "kind", "pair", "span", "state"].as_slice()),
        (JOB_INFO, ["exchange", "kind", "pair", "span", "job_id"].as_slice()),
        (JOB_FAILURES, ["exchange", "kind", "pair", "reason"].as_slice()),
        (HELD, [].as_slice()),
    ];
    FAMILIES
        .iter()
        .map(|one| ((one.name, one.help), series))
        .chain(own)
        .map(|((name, help), labels)| {
            let labels = labels.iter().map(ToString::to_string).collect();
            Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())
                .expect("names and labels are constants a test has registered")
        })
        .collect()
}
