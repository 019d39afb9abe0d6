//! Helpers to create families: one line each, all under `dccd_`, with buckets fixed at compile time.

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts,
};

use super::catalogue::Catalogue;
use super::traced::TracedHistograms;

/// Buckets for HTTP requests in seconds, as the OpenTelemetry conventions recommend.
pub(super) const HTTP: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Buckets for runs in seconds.
pub(super) const RUN: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
/// Buckets for delays in seconds.
pub(super) const LAG: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Buckets for writing a file in seconds.
pub(super) const FLUSH: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets for syncs in seconds.
pub(super) const SYNC: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Buckets for rate-limit waits in seconds.
pub(super) const WAIT: &[f64] = &[0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Buckets for file sizes in bytes: 4 KiB to 256 MiB, by factors of four.
pub(super) const SIZE: &[f64] =
    &[4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0, 268435456.0];

/// A registry under construction.
pub(super) struct Register<'a>(pub(super) &'a Catalogue);

impl Register<'_> {
    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::with_opts(opts(name, help)))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(opts(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.add(Gauge::with_opts(opts(name, help)))
    }

    pub(super) fn count_gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::with_opts(opts(name, help)))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.add(GaugeVec::new(opts(name, help), labels))
    }

    pub(super) fn count_gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(opts(name, help), labels))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
        self.add(HistogramVec::new(opts, labels))
    }

    /// Duration histograms with exemplars.
    pub(super) fn traced_histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &'static [f64],
    ) -> TracedHistograms {
        TracedHistograms {
            name: opts(name, help).fq_name(),
            labels: labels.iter().map(ToString::to_string).collect(),
            bounds,
            family: self.histograms(name, help, labels, bounds),
            exemplars: Arc::clone(&self.0.exemplars),
        }
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.add(Histogram::with_opts(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec())))
    }

    fn add<C: Collector + Clone + 'static>(&self, family: prometheus::Result<C>) -> C {
        let family = family.expect("names, labels and buckets are constants a test has registered");
        self.0.register(Arc::new(family.clone()));
        family
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("dccd_{name}"), help)
}
