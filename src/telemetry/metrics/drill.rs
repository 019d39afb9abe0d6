//! The family raised by a fire drill of the alerts. It resets itself: the requester may have disconnected.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntGauge;

use super::register::Register;

/// Whether the test alert fires.
pub(crate) struct Drill {
    active: IntGauge,
    until: Mutex<Option<Instant>>,
}

impl Drill {
    pub(super) fn new(add: &Register<'_>) -> Self {
        Drill {
            active: add
                .count_gauge("test_alert_active", "1 while `dccd alerts test` tries the way an alert takes."),
            until: Mutex::default(),
        }
    }

    /// Makes the alert fire for this long from now on; zero ends the drill.
    pub(crate) fn raise(&self, lasting: Duration) {
        let until = (!lasting.is_zero()).then(|| Instant::now() + lasting);
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        self.look();
    }

    /// Resets it when its time is over.
    pub(super) fn look(&self) {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        self.active.set(i64::from(until.is_some_and(|until| Instant::now() < until)));
    }
}
