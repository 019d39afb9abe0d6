//! Families of the daemon's heartbeat.

use prometheus::IntCounter;

use super::register::Register;

/// The daemon's heartbeat.
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
