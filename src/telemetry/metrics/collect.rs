//! The families of declared series: their names, and their labels at the time of a scrape.

use std::collections::{BTreeMap, HashMap};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily, MetricType};

use super::series::{Declared, STATES, SeriesMetrics, SeriesTable, group};
use super::table::{About, FamilyWriter, LabelSet, Table, objects, pair};
use crate::model::Series;
use crate::telemetry::{Reason, read};

/// A family with the labels `exchange, pair, kind, span`.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: fn(&SeriesMetrics) -> f64,
}

const FAMILIES: [Family; 17] = [
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
    gauge("dccd_job_paused", "1 while the job is paused.", |s| s.job_paused.get()),
    gauge(
        "dccd_job_failing",
        "1 while its consecutive errors have reached the alert threshold and no outage explains them.",
        |s| s.failing.get(),
    ),
    gauge(
        "dccd_job_lease_timestamp_seconds",
        "When the run that is under way began, in seconds since 1970; 0 where none is.",
        |s| s.lease.get(),
    ),
    counter("dccd_rows_fetched_total", "Rows received, before any was discarded.", |s| s.rows_fetched.get()),
    counter("dccd_rows_written_total", "New rows accepted.", |s| s.rows_written.get()),
    counter(
        "dccd_candle_revisions_total",
        "Stored candles the exchange answered differently when asked again.",
        |s| s.candle_revisions.get(),
    ),
    counter(
        "dccd_candles_derived_total",
        "Candles computed from trades, where the exchange has none of its own any more.",
        |s| s.candles_derived.get(),
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
        "The longest a series in good order goes without a new row; 0 where nothing collects it by itself.",
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

const COVERAGE: About = (
    "dccd_series_coverage_seconds",
    "Time since the series was first wanted, by state: covered, gap, empty (confirmed) or unfillable.",
);
const JOB_INFO: About = ("dccd_job_info", "The job that collects a series; always 1.");
const JOB_FAILURES: About = ("dccd_job_failures_total", "Failed runs, by reason.");
const HELD: About = ("dccd_metrics_series", "Series that have metrics of their own.");

impl Collector for SeriesTable {
    fn desc(&self) -> Vec<&Desc> {
        self.0.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        objects(self)
    }
}

impl Table for SeriesTable {
    fn write(&self, to: &mut dyn FamilyWriter) {
        let declared = read(&self.0.declared);
        let all: Vec<(LabelSet, &Declared)> =
            declared.iter().map(|(series, known)| (LabelSet::new(series_labels(series)), known)).collect();
        for one in &FAMILIES {
            to.begin((one.name, one.help), one.kind);
            all.iter().for_each(|(labels, known)| to.sample(labels, None, (one.read)(&known.metrics)));
        }
        to.begin(COVERAGE, MetricType::GAUGE);
        for (labels, known) in &all {
            for (state, secs) in STATES.iter().zip(&known.metrics.coverage_secs) {
                to.sample(labels, Some(("state", state)), secs.get());
            }
        }
        to.begin(JOB_INFO, MetricType::GAUGE);
        all.iter().for_each(|(labels, known)| to.sample(labels, Some(("job_id", &known.job_id)), 1.0));
        job_failures(&declared, to);
        to.begin(HELD, MetricType::GAUGE);
        to.sample(&LabelSet::new(Vec::new()), None, declared.len() as f64);
    }
}

fn job_failures(declared: &BTreeMap<Series, Declared>, to: &mut dyn FamilyWriter) {
    to.begin(JOB_FAILURES, MetricType::COUNTER);
    let mut last = None;
    for (series, known) in declared {
        if last.replace(group(series)) == Some(group(series)) {
            continue;
        }
        let labels = LabelSet::new(group_labels(series));
        for reason in Reason::ALL {
            let failures = known.metrics.failures[reason as usize].get();
            to.sample(&labels, Some(("reason", reason.name())), failures);
        }
    }
}

pub(super) fn series_labels(series: &Series) -> Vec<LabelPair> {
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

/// The descriptions of the families, which the registry requires in advance.
pub(super) fn descs() -> Vec<Desc> {
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
        .map(|(about, labels)| desc(about, labels))
        .collect()
}

/// The description of a family.
pub(super) fn desc((name, help): (&str, &str), labels: &[&str]) -> Desc {
    let labels = labels.iter().map(ToString::to_string).collect();
    Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())
        .expect("names and labels are constants a test has registered")
}
