//! The daemon's sign of life.

use std::error::Error;

use super::Chain;
use crate::telemetry::{Event, Telemetry};

/// `health.json` was written, or was to be.
pub struct HealthFileWritten<E> {
    /// The fault; none where it is there.
    pub error: Option<E>,
}

impl<E: Error> Event for HealthFileWritten<E> {
    fn emit(self, telemetry: &Telemetry) {
        let Some(error) = self.error else { return };
        telemetry.metrics().alive.file_failures.inc();
        tracing::warn!(error = %Chain(&error), "health.json not written; `dccd healthcheck` will say that nobody is alive");
    }
}
