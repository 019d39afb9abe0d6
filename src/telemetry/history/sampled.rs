//! Turns the families of the process into observations. A counter's growth is found row by row: a row that is gone takes
//! nothing away, and one that begins anew counts from 0.

use std::collections::{BTreeMap, HashMap};

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::kept::{KEPT, Kept, Reading};
use crate::model::Micros;
use crate::telemetry::rollup::Kind;

/// The last values of the counters.
#[derive(Default)]
pub(super) struct Sampled(HashMap<(&'static str, String), f64>);

/// A value to record.
#[derive(Debug, PartialEq)]
pub(super) struct Observed {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) unit: &'static str,
    pub(super) value: f64,
}

impl Sampled {
    /// The observations since the last call; a counter that did not grow has none.
    pub(super) fn observe(&mut self, families: &[MetricFamily], at: Micros) -> Vec<Observed> {
        let by_name: HashMap<&str, &MetricFamily> =
            families.iter().map(|family| (family.name(), family)).collect();
        let (mut observed, mut totals) = (Vec::new(), HashMap::with_capacity(self.0.len()));
        for kept in KEPT {
            let Some(family) = by_name.get(kept.family) else { continue };
            let mut by_key: BTreeMap<String, f64> = BTreeMap::new();
            for row in family.get_metric().iter().filter(|row| is_wanted(kept, row)) {
                let level = value(row, family.get_field_type());
                let reading = match kept.reading {
                    Reading::Growth => self.growth(&mut totals, kept.family, row, level),
                    Reading::Level => level,
                    Reading::Age => {
                        if level > 0.0 {
                            (at.as_secs_f64() - level).max(0.0)
                        } else {
                            0.0
                        }
                    }
                    Reading::Left => (level - at.as_secs_f64()).max(0.0),
                };
                *by_key.entry(key(kept.key, row)).or_default() += reading;
            }
            let (kind, unit) = (kept.kind(), kept.unit);
            let is_worth_it = |value: f64| kind == Kind::Gauge || value > 0.0;
            let of_family = by_key.into_iter().filter(|(_, value)| is_worth_it(*value));
            observed.extend(of_family.map(|(key, value)| Observed { key, kind, unit, value }));
        }
        self.0 = totals;
        observed
    }

    fn growth(
        &self,
        totals: &mut HashMap<(&'static str, String), f64>,
        family: &'static str,
        row: &Metric,
        total: f64,
    ) -> f64 {
        let labels: Vec<String> =
            row.get_label().iter().map(|label| format!("{}={}", label.name(), label.value())).collect();
        let id = (family, labels.join("\n"));
        let before = self.0.get(&id).copied().unwrap_or(0.0);
        totals.insert(id, total);
        if total < before { total } else { total - before }
    }
}

fn is_wanted(kept: &Kept, row: &Metric) -> bool {
    kept.only.is_none_or(|(label, wanted)| of_label(row, label) == wanted)
}

fn value(row: &Metric, kind: MetricType) -> f64 {
    if kind == MetricType::COUNTER { row.get_counter().get_value() } else { row.get_gauge().get_value() }
}

fn of_label<'a>(row: &'a Metric, name: &str) -> &'a str {
    row.get_label().iter().find(|label| label.name() == name).map_or("", |label| label.value())
}

/// The key with the values of the labels in it; a colon in a value would begin another segment.
fn key(template: &str, row: &Metric) -> String {
    let mut key = String::with_capacity(template.len() + 24);
    for (number, part) in template.split(['{', '}']).enumerate() {
        match (number % 2, part) {
            (0, text) => key.push_str(text),
            (_, "series") => key.push_str(&series_of(row)),
            (_, label) => key.push_str(&of_label(row, label).replace(':', "_")),
        }
    }
    key
}

/// The name of the series of a row, as its `Display` writes it.
pub(crate) fn series_of(row: &Metric) -> String {
    let (pair, market) = match of_label(row, "pair").split_once(':') {
        Some((pair, market)) => (pair, format!("_{}", market.to_ascii_uppercase())),
        None => (of_label(row, "pair"), String::new()),
    };
    let [exchange, kind, span] = ["exchange", "kind", "span"].map(|label| of_label(row, label));
    let span = if span.is_empty() { String::new() } else { format!("/{span}") };
    format!("{exchange}/{}{market}/{kind}{span}", pair.replace('/', "-"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::model::Series;
    use crate::telemetry::Telemetry;
    use crate::telemetry::events::{JobSucceeded, QueueCounted, RequestDone};
    use crate::telemetry::history::sampled_families;

    const AT: Micros = Micros(1_800_000_000_000_000);

    fn told(observed: &[Observed], key: &str) -> Option<f64> {
        observed.iter().find(|one| one.key == key).map(|one| one.value)
    }

    #[test]
    fn every_family_that_is_kept_exists_with_the_labels_of_its_key() {
        let telemetry = Telemetry::new();
        let families = telemetry.metrics().families();
        for (name, labels) in sampled_families() {
            let family = families.iter().find(|family| family.name == name);
            let family = family.unwrap_or_else(|| panic!("there is no {name}"));
            for label in labels {
                assert!(family.labels.iter().any(|own| own == label), "{name} has no {label}");
            }
        }
    }

    #[test]
    fn a_counter_is_recorded_by_its_growth_and_the_endpoints_of_an_exchange_together() {
        let (telemetry, mut sampled) = (Telemetry::new(), Sampled::default());
        let ask = |endpoint, times| {
            for _ in 0..times {
                let took = Duration::from_millis(9);
                telemetry.emit(RequestDone { exchange: "binance", endpoint, code: 200, took, bytes: 10 });
            }
        };
        ask("klines", 2);
        ask("trades", 3);
        let first = sampled.observe(&telemetry.metrics().gather(), AT);
        ask("klines", 4);
        let second = sampled.observe(&telemetry.metrics().gather(), AT);
        let third = sampled.observe(&telemetry.metrics().gather(), AT);

        let requests = [first, second, third].map(|observed| told(&observed, "exchange:binance:requests"));
        assert_eq!(requests, [Some(5.0), Some(4.0), None]);
    }

    #[test]
    fn a_counter_that_begins_anew_counts_from_nothing() {
        let mut sampled = Sampled::default();
        let of = |requests: u64| {
            let telemetry = Telemetry::new();
            let sent = &telemetry.metrics().requests.sent;
            sent.with_label_values(&["okx", "candles", "200"]).inc_by(requests);
            telemetry.metrics().gather()
        };

        let told: Vec<_> =
            [7, 3].map(|requests| told(&sampled.observe(&of(requests), AT), "exchange:okx:requests")).into();

        assert_eq!(told, [Some(7.0), Some(3.0)]);
    }

    #[test]
    fn a_queue_is_recorded_by_its_depth_and_the_age_of_its_oldest_task() {
        let (telemetry, mut sampled) = (Telemetry::new(), Sampled::default());
        let oldest_due = Some(Micros(AT.0 - 90_000_000));
        let by_status = &[("in_progress", 2), ("failed", 9)];
        telemetry.emit(QueueCounted { exchange: "kraken", by_status, due: 4, oldest_due });
        let observed = sampled.observe(&telemetry.metrics().gather(), AT);

        let levels = ["depth", "in_progress", "oldest_age"]
            .map(|name| told(&observed, &format!("queue:kraken:{name}")));
        assert_eq!(levels, [Some(4.0), Some(2.0), Some(90.0)]);
    }

    #[test]
    fn the_runs_of_a_job_are_kept_under_the_name_of_its_series() {
        let (telemetry, mut sampled) = (Telemetry::new(), Sampled::default());
        let names = ["okx/BTC-USDT_PERP/ohlc/1h", "binance/ETH-BTC/trades", "kraken/BTC-USD/ohlc/1mo"];
        for name in names {
            let series: Series = name.parse().unwrap();
            telemetry.declare_series(&series, "id", Duration::from_secs(60));
            let took = Duration::from_secs(1);
            telemetry.emit(JobSucceeded { series: &series, rows: 3, took, at: AT });
        }
        let observed = sampled.observe(&telemetry.metrics().gather(), AT);

        let runs: BTreeSet<&str> =
            observed.iter().map(|one| one.key.as_str()).filter(|key| key.ends_with(":runs")).collect();
        assert_eq!(runs, names.map(|name| format!("job:{name}:runs")).iter().map(String::as_str).collect());
    }
}
