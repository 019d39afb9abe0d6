//! Drops label sets that are no longer needed.

use std::collections::HashMap;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::proto::MetricFamily;

/// Drops every label set of a family that contains all of these labels.
pub(super) fn forget<B: MetricVecBuilder>(family: &MetricVec<B>, held: &[(&str, &str)])
where
    MetricVec<B>: Collector,
{
    for metric in family.collect().iter().flat_map(MetricFamily::get_metric) {
        let labels: HashMap<&str, &str> =
            metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
        if held.iter().all(|(name, value)| labels.get(name) == Some(value)) {
            // Another thread may have dropped it meanwhile.
            let _ = family.remove(&labels);
        }
    }
}
