//! Events of the daemon's heartbeat.

use std::error::Error;

use super::Chain;
use crate::telemetry::{Event, Telemetry};

/// `health.json` was written, or could not be.
pub struct HealthFileWritten<E> {
    /// The error, if it failed.
    pub error: Option<E>,
}

impl<E: Error> Event for HealthFileWritten<E> {
    fn emit(self, telemetry: &Telemetry) {
        let Some(error) = self.error else { return };
        telemetry.metrics().alive.file_failures.inc();
        tracing::warn!(error = %Chain(&error), "health.json not written; `dccd healthcheck` will say that nobody is alive");
    }
}
