//! Families of which each series has a sample: written once, either as lines of an exposition or as the objects of the
//! metrics crate.
//!
//! A thousand pairs have tens of thousands of samples. As objects each takes half a kilobyte and a dozen allocations, so that a
//! scrape writes them without.

use std::cell::OnceCell;

use prometheus::core::Collector;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// The name and the help text of a family.
pub(in crate::telemetry) type About = (&'static str, &'static str);

/// The families of a table of series.
pub(in crate::telemetry) trait Table: Collector {
    /// Writes every family with its samples.
    fn write(&self, to: &mut dyn FamilyWriter);
}

/// Where a table writes its families.
pub(in crate::telemetry) trait FamilyWriter {
    /// The samples that follow are of this family.
    fn begin(&mut self, about: About, kind: MetricType);

    /// A sample with these labels, and with one more where there is one.
    fn sample(&mut self, labels: &LabelSet, more: Option<(&str, &str)>, value: f64);
}

/// Labels that several samples have in common.
pub(in crate::telemetry) struct LabelSet {
    pairs: Vec<LabelPair>,
    text: OnceCell<String>,
}

impl LabelSet {
    pub(super) fn new(pairs: Vec<LabelPair>) -> Self {
        LabelSet { pairs, text: OnceCell::new() }
    }

    /// The labels as text, written at the first call.
    pub(in crate::telemetry) fn text(&self, write: impl FnOnce(&[LabelPair]) -> String) -> &str {
        self.text.get_or_init(|| write(&self.pairs))
    }
}

/// The families of a table as objects.
pub(super) fn objects(table: &dyn Table) -> Vec<MetricFamily> {
    objects_of(table, |_| true)
}

/// Those of them whose names are wanted.
pub(super) fn objects_of(table: &dyn Table, is_wanted: impl Fn(&str) -> bool) -> Vec<MetricFamily> {
    let mut objects = Objects { is_wanted, families: Vec::new(), begun: None, metrics: Vec::new() };
    table.write(&mut objects);
    objects.end();
    objects.families
}

struct Objects<W> {
    is_wanted: W,
    families: Vec<MetricFamily>,
    begun: Option<(About, MetricType)>,
    metrics: Vec<Metric>,
}

impl<W> Objects<W> {
    fn end(&mut self) {
        let metrics = std::mem::take(&mut self.metrics);
        self.families.extend(self.begun.take().map(|(about, kind)| family(about, kind, metrics)));
    }
}

impl<W: Fn(&str) -> bool> FamilyWriter for Objects<W> {
    fn begin(&mut self, about: About, kind: MetricType) {
        self.end();
        self.begun = Some((about, kind)).filter(|_| (self.is_wanted)(about.0));
    }

    fn sample(&mut self, labels: &LabelSet, more: Option<(&str, &str)>, value: f64) {
        let Some((_, kind)) = self.begun else { return };
        let mut pairs = labels.pairs.clone();
        pairs.extend(more.map(|(name, value)| pair(name, value)));
        self.metrics.push(metric(pairs, kind, value));
    }
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

pub(super) fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
