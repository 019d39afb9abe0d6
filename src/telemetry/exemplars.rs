//! Exemplars: the newest observation inside a trace for each bucket of a histogram.
//!
//! The metrics crate does not support them, so they are kept separately, by family and label set. Label values
//! come from closed sets and the configuration, which bounds the table.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanId, TraceId};

use crate::model::Micros;

/// An observation and the span it was made in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exemplar {
    /// The trace.
    pub(crate) trace: TraceId,
    /// The span in that trace.
    pub(crate) span: SpanId,
    /// The observed value, in the unit of its family.
    pub(crate) value: f64,
    pub(crate) at: Micros,
}

/// The exemplars of one label set, by bucket, `+Inf` last.
pub(crate) type Buckets = Vec<Option<Exemplar>>;

/// The exemplars of every histogram.
#[derive(Default)]
pub(crate) struct Exemplars(Mutex<HashMap<String, HashMap<String, Buckets>>>);

impl Exemplars {
    /// Replaces the exemplar of a bucket. `labels` is the label set as exposed.
    pub(crate) fn put(&self, family: &str, labels: String, bucket: usize, exemplar: Exemplar) {
        let mut table = self.table();
        let buckets = table.entry(family.to_owned()).or_default().entry(labels).or_default();
        if buckets.len() <= bucket {
            buckets.resize(bucket + 1, None);
        }
        buckets[bucket] = Some(exemplar);
    }

    /// The exemplars of a label set. `None` if there are none.
    pub(crate) fn of(&self, family: &str, labels: &str) -> Option<Buckets> {
        self.table().get(family)?.get(labels).cloned()
    }

    /// Drops those of a family's label sets that contain all of `labels`, each such as `exchange="binance"`.
    pub(crate) fn forget(&self, family: &str, labels: &[String]) {
        if let Some(sets) = self.table().get_mut(family) {
            sets.retain(|set, _| !labels.iter().all(|label| set.split(',').any(|held| held == label)));
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Buckets>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
