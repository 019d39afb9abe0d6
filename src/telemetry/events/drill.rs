//! Fire drills of the alerts.

use crate::telemetry::{Event, Telemetry};

/// A fire drill began, or is over.
pub struct TestAlertSet {
    /// Whether the alert is to fire.
    pub active: bool,
}

impl Event for TestAlertSet {
    fn emit(self, telemetry: &Telemetry) {
        telemetry.metrics().drill.active.set(i64::from(self.active));
        tracing::info!(active = self.active, "fire drill of the alerts");
    }
}
