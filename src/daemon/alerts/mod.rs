//! Alerts that would fire by the thresholds of the shipped rules, and how many series are fresh: from the metrics of
//! this process. Pure.
//!
//! A rule is met here as soon as its threshold is; Prometheus waits for as long as the rule says, and knows the past.

mod found;
mod freshness;
mod rules;
mod samples;

use prometheus::proto::MetricFamily;

pub(super) use self::freshness::freshness;
use self::rules::RULES;
use self::samples::Samples;
use crate::api::AlertView;
use crate::model::Micros;

/// The most alerts of one rule that are told; its last says how many more there are.
const MOST_OF_A_RULE: usize = 20;

/// The alerts that would fire, in the order of the rules.
pub(super) fn would_fire(families: &[MetricFamily], at: Micros) -> Vec<AlertView> {
    let samples = Samples::of(families, at);
    let mut alerts = Vec::new();
    for rule in RULES {
        let mut found = rule.test.found(&samples);
        let more = found.len().saturating_sub(MOST_OF_A_RULE);
        found.truncate(MOST_OF_A_RULE);
        alerts.extend(found.into_iter().map(|found| AlertView {
            name: rule.name.to_owned(),
            severity: rule.severity.to_owned(),
            about: found.series.clone().or(found.exchange).unwrap_or_else(|| rule.about.to_owned()),
            series: found.series,
            summary: (rule.summary)(found.value),
        }));
        if more > 0 {
            alerts.push(AlertView {
                name: rule.name.to_owned(),
                severity: rule.severity.to_owned(),
                about: rule.about.to_owned(),
                series: None,
                summary: format!("and {more} more"),
            });
        }
    }
    alerts
}
