//! Fire drills of the alerts.

use std::time::Duration;

use crate::telemetry::{Event, Telemetry};

/// A fire drill began or ended.
pub struct TestAlertSet {
    /// How long the alert fires from now on; zero ends the drill.
    pub lasting: Duration,
}

impl Event for TestAlertSet {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().drill.raise(self.lasting);
        tracing::info!(secs = self.lasting.as_secs(), "fire drill of the alerts");
    }
}
