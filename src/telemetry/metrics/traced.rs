//! Histograms with exemplars.

use std::sync::Arc;
use std::time::Duration;

use prometheus::HistogramVec;

use crate::clock::now;
use crate::telemetry::exemplars::{Exemplar, Exemplars};
use crate::telemetry::exposition::push_labels;
use crate::telemetry::trace;

/// Durations by label set; one observed inside a trace becomes its bucket's exemplar.
pub(crate) struct TracedHistograms {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    pub(super) bounds: &'static [f64],
    pub(super) family: HistogramVec,
    pub(super) exemplars: Arc<Exemplars>,
}

impl TracedHistograms {
    /// Creates a label set at 0.
    pub(super) fn create(&self, values: &[&str]) {
        self.family.with_label_values(values);
    }

    /// Observes a duration.
    pub(crate) fn observe(&self, values: &[&str], took: Duration) {
        let value = took.as_secs_f64();
        self.family.with_label_values(values).observe(value);
        let Some((trace, span)) = trace::current() else { return };
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let exemplar = Exemplar { trace, span, value, at: now() };
        self.exemplars.put(&self.name, self.exposed(values), bucket, exemplar);
    }

    /// Drops every label set that contains all of these labels.
    pub(super) fn forget(&self, held: &[(&str, &str)]) {
        super::forget::forget(&self.family, held);
        let exposed = held.iter().map(|pair| {
            let mut text = String::new();
            push_labels(&mut text, [*pair]);
            text
        });
        self.exemplars.forget(&self.name, &exposed.collect::<Vec<_>>());
    }

    /// A label set as exposed: sorted by name.
    fn exposed(&self, values: &[&str]) -> String {
        let mut pairs: Vec<(&str, &str)> =
            self.labels.iter().map(String::as_str).zip(values.iter().copied()).collect();
        pairs.sort_unstable();
        let mut text = String::new();
        push_labels(&mut text, pairs);
        text
    }
}
