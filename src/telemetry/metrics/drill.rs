//! The family that a fire drill of the alerts raises. It lowers itself: the requester may have disconnected.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntGauge;

use super::register::Register;

/// Whether the alert of a fire drill is to fire.
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

    /// Lets the alert fire for so long from now on; for no time lowers it.
    pub(crate) fn raise(&self, lasting: Duration) {
        let until = (!lasting.is_zero()).then(|| Instant::now() + lasting);
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        self.look();
    }

    /// Lowers it when its time is over.
    pub(super) fn look(&self) {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        self.active.set(i64::from(until.is_some_and(|until| Instant::now() < until)));
    }
}
