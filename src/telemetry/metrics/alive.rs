//! Families of the daemon's sign of life, and the figures its snapshot reads back.

use prometheus::IntCounter;

use super::Metrics;
use super::register::Register;
use crate::model::Micros;
use crate::telemetry::DiskView;

/// The daemon's sign of life.
pub(crate) struct Alive {
    pub(crate) file_failures: IntCounter,
}

impl Alive {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Alive {
            file_failures: add
                .counter("health_file_write_failures_total", "Attempts to write health.json that failed."),
        }
    }
}

/// What is told of an exchange.
pub(crate) struct ExchangeTold {
    /// Whether its last request was answered.
    pub(crate) is_up: bool,
    /// Until when it refused us last.
    pub(crate) banned_until: Option<Micros>,
}

impl Metrics {
    /// What is told of an exchange that was declared.
    pub(crate) fn exchange(&self, name: &str) -> ExchangeTold {
        let until = self.requests.banned_until.with_label_values(&[name]).get();
        ExchangeTold {
            is_up: self.requests.up.with_label_values(&[name]).get() > 0.0,
            banned_until: (until > 0.0).then(|| Micros::from_secs_f64(until)),
        }
    }

    /// The disk as it was last measured.
    pub(crate) fn disk(&self) -> DiskView {
        let bytes = |gauge: &prometheus::Gauge| gauge.get() as u64;
        DiskView {
            free_bytes: bytes(&self.storage.free_bytes),
            size_bytes: bytes(&self.storage.size_bytes),
            error: None,
        }
    }
}
