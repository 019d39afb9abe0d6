//! The family that a fire drill of the alerts raises.

use prometheus::IntGauge;

use super::register::Register;

/// Whether the alert of a fire drill is to fire.
pub(crate) struct Drill {
    pub(crate) active: IntGauge,
}

impl Drill {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Drill {
            active: add
                .count_gauge("test_alert_active", "1 while `dccd alerts test` tries the way an alert takes."),
        }
    }
}
