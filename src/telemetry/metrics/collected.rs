//! The families of one run of `dccd collect`. They have names of their own, since the server that exposes the file
//! gives it other target labels than a daemon's.

use std::sync::Arc;
use std::time::Duration;

use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntGauge};

use super::catalogue::{Catalogue, Family};
use super::register::Register;
use crate::model::Series;
use crate::telemetry::exemplars::Exemplars;

const SERIES: [&str; 4] = ["exchange", "pair", "kind", "span"];

/// The state of a series after `dccd collect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected {
    /// The series.
    pub series: Arc<Series>,
    /// When its last run ended, in seconds since 1970.
    pub last_run_secs: Option<f64>,
    /// When its last successful run ended, in seconds since 1970.
    pub last_success_secs: Option<f64>,
    /// Duration and new rows of this run; `None` if there was none.
    pub ran: Option<(Duration, u64)>,
}

/// The families of the text file.
pub(in crate::telemetry) struct CollectFamilies {
    catalogue: Catalogue,
    last_run: GaugeVec,
    last_success: GaugeVec,
    duration: GaugeVec,
    rows: GaugeVec,
    exit_code: IntGauge,
}

impl CollectFamilies {
    pub(in crate::telemetry) fn new() -> Self {
        let catalogue = Catalogue::default();
        let add = Register(&catalogue);
        CollectFamilies {
            last_run: add.gauges(
                "collect_last_run_timestamp_seconds",
                "When the series was last collected, in seconds since 1970; 0 before the first time.",
                &SERIES,
            ),
            last_success: add.gauges(
                "collect_last_success_timestamp_seconds",
                "When it was last collected well, in seconds since 1970; 0 before the first time.",
                &SERIES,
            ),
            duration: add.gauges(
                "collect_duration_seconds",
                "How long the series took in the last `dccd collect`; absent if it was not reached.",
                &SERIES,
            ),
            rows: add.gauges(
                "collect_rows",
                "New rows of the last `dccd collect`; absent if the series was not reached.",
                &SERIES,
            ),
            exit_code: add.count_gauge("collect_exit_code", "Exit code of the last `dccd collect`."),
            catalogue,
        }
    }

    pub(in crate::telemetry) fn list(&self) -> Vec<Family> {
        self.catalogue.families()
    }

    pub(in crate::telemetry) fn set(&self, series: &[Collected], exit_code: u8) {
        self.exit_code.set(i64::from(exit_code));
        for one in series {
            let (pair, span) = (one.series.pair().to_string(), one.series.span_label());
            let labels = [one.series.exchange(), pair.as_str(), one.series.kind().name(), span.as_ref()];
            self.last_run.with_label_values(&labels).set(one.last_run_secs.unwrap_or(0.0));
            self.last_success.with_label_values(&labels).set(one.last_success_secs.unwrap_or(0.0));
            if let Some((took, rows)) = one.ran {
                self.duration.with_label_values(&labels).set(took.as_secs_f64());
                self.rows.with_label_values(&labels).set(rows as f64);
            }
        }
    }

    pub(in crate::telemetry) fn gather(&self) -> (Vec<MetricFamily>, &Exemplars) {
        (self.catalogue.gather(), &self.catalogue.exemplars)
    }
}
