//! The present by the system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Micros;

/// The system's present time.
#[must_use]
pub fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
