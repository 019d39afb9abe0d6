//! Fire drills of the alerts.

use std::time::Duration;

use crate::telemetry::{Event, Telemetry};

/// A fire drill was asked for, or is over.
pub struct TestAlertSet {
    /// How long the alert is to fire from now on; no time ends the drill.
    pub lasting: Duration,
}

impl Event for TestAlertSet {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().drill.raise(self.lasting);
        tracing::info!(secs = self.lasting.as_secs(), "fire drill of the alerts");
    }
}
