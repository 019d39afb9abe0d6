//! A registry that can say what is registered in it, so that a list of the metrics cannot drift from them.
//!
//! Decisions:
//!
//! * **The list of metrics is the registry's own** (`telemetry/metrics/catalogue.rs`): `dccd metrics` and the
//!   README's table print what is registered, and a family cannot be forgotten. Exemplars are kept beside it,
//!   by family and label set, since the metrics crate knows none.
//! * **Thresholds and expected intervals are metrics**, so that the shipped rules fit every configuration
//!   unedited. An alert judges growth where a backfill may take days, and a counter's value where it may have
//!   risen before the first scrape.
//! * **Alerts, runbooks, dashboards and metrics are held to one another by `tests/alerts`**, with Prometheus'
//!   and Alertmanager's own programs: every rule has its cases, every panel is asked of a real Prometheus, and
//!   one test goes from an exchange that fails to the message. Dashboards are written by one generator there.
//! * **A fire drill is a deadline, not a task**: the gauge lowers itself at the next scrape after it, wherever
//!   it was started.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use crate::telemetry::exemplars::Exemplars;

/// One family, whether it has a sample yet or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// As it is asked for.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The unit its name ends in, if any.
    pub unit: Option<&'static str>,
    /// The names of its labels, `le` left out.
    pub labels: Vec<String>,
    /// Its help text.
    pub help: String,
}

/// The unit a family's name ends in; a counter's `_total` may follow it.
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
    pub(super) exemplars: Arc<Exemplars>,
}

/// A member as the registry takes it.
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
    /// Adds families.
    ///
    /// # Panics
    /// When one of their names is taken.
    pub(super) fn register(&self, families: Arc<dyn Collector>) {
        let member = Box::new(Member(Arc::clone(&families)));
        self.registry.register(member).expect("each name is registered once");
        self.members.lock().unwrap_or_else(PoisonError::into_inner).push(families);
    }

    /// Every family that has a sample, sorted by name.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
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
                // A family without a value on this system, such as `process_*` elsewhere than on Linux, is left out.
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
