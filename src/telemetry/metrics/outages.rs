//! Gauges of outages: whether failures belong to one series, its exchange, or everything.

use super::Metrics;
use crate::telemetry::outages::Verdict;

impl Metrics {
    /// Sets every gauge by a verdict.
    pub(in crate::telemetry) fn show_outages(&self, verdict: &Verdict) {
        self.requests.all_failing.set(i64::from(verdict.all));
        for (exchange, known) in self.exchanges().iter() {
            if known.is_shown {
                let is_failing = verdict.exchanges.contains(exchange);
                self.requests.failing.with_label_values(&[exchange]).set(f64::from(u8::from(is_failing)));
            }
        }
        self.series.each(|series, own| {
            own.failing.set(f64::from(u8::from(verdict.series.contains(series))));
        });
    }
}
