//! Families counted per series, kept as plain numbers and labelled only at a scrape.
//!
//! A label set of the metrics crate takes about a kilobyte, one of these eight bytes: a thousand series stay
//! small, and an event costs one look-up without hashing labels.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use prometheus::core::Desc;

use crate::model::{Kind, Micros, Pair, Series};
use crate::telemetry::{Reason, read, write};

/// A counter.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// A count taken in advance, until it is due.
#[derive(Default)]
pub(crate) struct Balance(AtomicU64);

impl Balance {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Subtracts at most this much; returns the amount subtracted.
    pub(crate) fn take(&self, most: u64) -> u64 {
        let less = |left: u64| Some(left - left.min(most));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        before.unwrap_or_else(|left| left).min(most)
    }
}

/// A gauge; 0 until it is set.
#[derive(Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    pub(crate) fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Sets an instant; `None` is 0.
    pub(crate) fn set_at(&self, at: Option<Micros>) {
        self.set(at.map_or(0.0, Micros::as_secs_f64));
    }

    pub(super) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Failed runs of one exchange, pair and kind, by reason.
pub(super) type Failures = [Count; Reason::ALL.len()];

/// The counts of one series.
#[derive(Default)]
pub(crate) struct SeriesMetrics {
    pub(crate) consecutive_errors: Level,
    pub(crate) runs: Count,
    pub(crate) last_run: Level,
    pub(crate) last_success: Level,
    pub(crate) job_interval: Level,
    pub(crate) job_paused: Level,
    pub(crate) failing: Level,
    pub(crate) lease: Level,
    pub(crate) rows_fetched: Count,
    pub(crate) rows_written: Count,
    /// Rows counted as written before a publish has reported them; never exposed.
    pub(crate) rows_ahead: Balance,
    pub(crate) candle_revisions: Count,
    pub(crate) candles_derived: Count,
    pub(crate) newest_row: Level,
    pub(crate) oldest_row: Level,
    pub(crate) expected_interval: Level,
    pub(crate) gap_secs: Level,
    pub(crate) gaps: Level,
    /// In the order of [`STATES`].
    pub(crate) coverage_secs: [Level; STATES.len()],
    pub(super) failures: Arc<Failures>,
}

impl SeriesMetrics {
    pub(crate) fn count_failure(&self, reason: Reason) {
        self.failures[reason as usize].add(1);
    }
}

/// The states that seconds of a series can be in.
pub(crate) const STATES: [&str; 4] = ["covered", "gap", "empty", "unfillable"];

/// Every declared series. Clones share it.
#[derive(Clone)]
pub(crate) struct SeriesTable(pub(super) Arc<Table>);

pub(super) struct Table {
    pub(super) declared: RwLock<BTreeMap<Series, Declared>>,
    limit: AtomicUsize,
    /// Receives the counts of series beyond the limit; never exposed.
    unseen: Arc<SeriesMetrics>,
    pub(super) descs: Vec<Desc>,
}

pub(super) struct Declared {
    pub(super) job_id: String,
    pub(super) metrics: Arc<SeriesMetrics>,
}

impl SeriesTable {
    pub(super) fn new(limit: usize, descs: Vec<Desc>) -> Self {
        SeriesTable(Arc::new(Table {
            declared: RwLock::default(),
            limit: AtomicUsize::new(limit),
            unseen: Arc::default(),
            descs,
        }))
    }

    pub(super) fn limit(&self, series: usize) {
        self.0.limit.store(series, Ordering::Relaxed);
    }

    /// Declares a series and returns its metrics. `None` if the limit is reached.
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

    /// Visits every declared series.
    pub(super) fn each(&self, look: impl Fn(&Series, &SeriesMetrics)) {
        read(&self.0.declared).iter().for_each(|(series, known)| look(series, &known.metrics));
    }

    /// Whether some declared series matches.
    pub(super) fn has(&self, is_one: impl Fn(&Series) -> bool) -> bool {
        read(&self.0.declared).keys().any(is_one)
    }

    pub(super) fn get(&self, series: &Series) -> Option<Arc<SeriesMetrics>> {
        read(&self.0.declared).get(series).map(|known| Arc::clone(&known.metrics))
    }

    pub(super) fn unseen(&self) -> Arc<SeriesMetrics> {
        Arc::clone(&self.0.unseen)
    }
}

/// The failures shared by the series' exchange, pair and kind: those of another span, or new ones. Spans of one
/// kind are adjacent in the map.
fn shared_failures(declared: &BTreeMap<Series, Declared>, series: &Series) -> Arc<Failures> {
    let before = declared.range(..series).next_back();
    let after = declared.range(series..).next();
    before
        .into_iter()
        .chain(after)
        .find(|(other, _)| group(other) == group(series))
        .map_or_else(Arc::default, |(_, known)| Arc::clone(&known.metrics.failures))
}

/// The key under which failed runs are counted.
pub(super) fn group(series: &Series) -> (&str, &Pair, Kind) {
    (series.exchange(), series.pair(), series.kind())
}
