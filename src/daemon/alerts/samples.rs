//! The metrics of this process by their names and labels.

use std::collections::HashMap;

use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::model::Micros;
use crate::telemetry::series_of;

/// The metrics of this process at an instant.
pub(super) struct Samples<'f> {
    families: HashMap<&'f str, &'f MetricFamily>,
    now: f64,
}

impl<'f> Samples<'f> {
    pub(super) fn of(families: &'f [MetricFamily], at: Micros) -> Self {
        let families = families.iter().map(|family| (family.name(), family)).collect();
        Samples { families, now: at.as_secs_f64() }
    }

    /// The samples of a family.
    pub(super) fn rows(&self, family: &str) -> impl Iterator<Item = (&'f Metric, f64)> {
        let family = self.families.get(family).copied();
        family.into_iter().flat_map(|family| {
            let kind = family.get_field_type();
            family.get_metric().iter().map(move |row| (row, value(row, kind)))
        })
    }

    /// The samples of a family by the series they are of.
    pub(super) fn by_series(&self, family: &str) -> HashMap<String, f64> {
        self.rows(family).map(|(row, value)| (series_of(row), value)).collect()
    }

    pub(super) fn now(&self) -> f64 {
        self.now
    }
}

pub(super) fn of_label<'m>(row: &'m Metric, name: &str) -> &'m str {
    row.get_label().iter().find(|label| label.name() == name).map_or("", |label| label.value())
}

fn value(row: &Metric, kind: MetricType) -> f64 {
    if kind == MetricType::COUNTER { row.get_counter().get_value() } else { row.get_gauge().get_value() }
}
