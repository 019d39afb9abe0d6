//! A registry that lists its own contents, so that the list of metrics cannot drift from them.
//!
//! Decisions:
//!
//! * **The list of metrics is the registry's own** (`telemetry/metrics/catalogue.rs`): `dccd metrics` and the
//!   table in the docs print what is registered, so no family can be forgotten. Exemplars are kept beside it, by
//!   family and label set, since the metrics crate does not support them.
//! * **Thresholds and expected intervals are metrics**, so that the shipped rules fit every configuration without
//!   edits. An alert uses growth where a backfill may take days, and a counter's value where it may have risen
//!   before the first scrape.
//! * **`tests/alerts` keeps alerts, runbooks, dashboards and metrics consistent**, using the programs of
//!   Prometheus and Alertmanager themselves: every rule has test cases, every panel is queried against a real
//!   Prometheus, and one test goes from a failing exchange to the notification. One generator writes the
//!   dashboards.
//! * **A fire drill is a deadline, not a task**: the gauge resets itself at the next scrape after it, wherever the
//!   drill was started.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use super::table::{Table, objects_of};
use crate::telemetry::exemplars::Exemplars;

/// A family, whether it has a sample yet or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name to query it by.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The unit at the end of its name, if any.
    pub unit: Option<&'static str>,
    /// The names of its labels, without `le`.
    pub labels: Vec<String>,
    /// Its help text.
    pub help: String,
}

/// The unit at the end of a family's name; a counter's `_total` may follow it.
pub(in crate::telemetry) fn unit_of(name: &str) -> Option<&'static str> {
    let base = name.strip_suffix("_total").unwrap_or(name);
    ["seconds", "bytes"]
        .into_iter()
        .find(|unit| base.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
}

/// A registry that remembers its members, and the exemplars of its histograms.
#[derive(Default)]
pub(super) struct Catalogue {
    registry: Registry,
    members: Mutex<Vec<Arc<dyn Collector>>>,
    /// Those that are written without the registry.
    tables: Vec<Arc<dyn Table>>,
    pub(super) exemplars: Arc<Exemplars>,
}

/// A member, as the registry requires it.
struct Member(Arc<dyn Collector>);

impl Collector for Member {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.collect()
    }
}

impl Catalogue {
    ///
    /// # Panics
    /// If one of their names is taken.
    pub(super) fn register(&self, families: Arc<dyn Collector>) {
        let member = Box::new(Member(Arc::clone(&families)));
        self.registry.register(member).expect("each name is registered once");
        self.members.lock().unwrap_or_else(PoisonError::into_inner).push(families);
    }

    /// Adds the families of a table.
    pub(super) fn add_table(&mut self, table: Arc<dyn Table>) {
        let member: Arc<dyn Collector> = Arc::clone(&table) as _;
        self.members.lock().unwrap_or_else(PoisonError::into_inner).push(member);
        self.tables.push(table);
    }

    /// Every family with a sample, sorted by name.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.gather_of(|_| true)
    }

    /// Those of them whose names are wanted: a thousand series have tens of thousands of samples.
    pub(super) fn gather_of(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<MetricFamily> {
        let mut all = self.registry.gather();
        all.retain(|family| is_wanted(family.name()));
        for table in &self.tables {
            let own = objects_of(&**table, &is_wanted).into_iter();
            all.extend(own.filter(|family| !family.get_metric().is_empty()));
        }
        all.sort_by(|one, other| one.name().cmp(other.name()));
        all
    }

    /// The same in two parts: the families of no table, and the tables.
    pub(super) fn parts(&self) -> (Vec<MetricFamily>, &[Arc<dyn Table>]) {
        (self.registry.gather(), &self.tables)
    }

    /// Every family, sorted by name.
    pub(super) fn families(&self) -> Vec<Family> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::new();
        for member in members.iter() {
            let kinds: BTreeMap<String, MetricType> = member
                .collect()
                .iter()
                .map(|family| (family.name().to_owned(), family.get_field_type()))
                .collect();
            for desc in member.desc() {
                // Families without a value on this system, such as `process_*` outside of Linux,
                // are omitted.
                let Some(kind) = kinds.get(&desc.fq_name) else { continue };
                all.insert(desc.fq_name.clone(), family(desc, *kind));
            }
        }
        all.into_values().collect()
    }
}

fn family(desc: &Desc, kind: MetricType) -> Family {
    let fixed = desc.const_label_pairs.iter().map(|pair| pair.name().to_owned());
    Family {
        name: desc.fq_name.clone(),
        kind: match kind {
            MetricType::COUNTER => "counter",
            MetricType::HISTOGRAM => "histogram",
            _ => "gauge",
        },
        unit: unit_of(&desc.fq_name),
        labels: fixed.chain(desc.variable_labels.iter().cloned()).collect(),
        help: desc.help.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_last_word_before_total() {
        assert_eq!(unit_of("dccd_ratelimit_wait_seconds"), Some("seconds"));
        assert_eq!(unit_of("dccd_http_response_bytes_total"), Some("bytes"));
        assert_eq!(unit_of("dccd_rows_written_total"), None);
        assert_eq!(unit_of("seconds"), None);
    }
}
