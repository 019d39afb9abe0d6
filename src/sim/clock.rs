//! The time at the simulated exchange.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Micros;

/// A source of the present instant that tests can control.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Micros + Send + Sync>);

impl Clock {
    /// The host's clock.
    #[must_use]
    pub fn real() -> Self {
        Clock::of(host_now)
    }

    /// The host's clock, shifted by some microseconds.
    #[must_use]
    pub fn offset(by_micros: i64) -> Self {
        Clock::of(move || Micros(host_now().0.saturating_add(by_micros)))
    }

    /// A clock that starts at an instant.
    #[must_use]
    pub fn running_from(instant: Micros) -> Self {
        Clock::offset(instant.0.saturating_sub(host_now().0))
    }

    /// A stopped clock.
    #[must_use]
    pub fn fixed(at: Micros) -> Self {
        Clock::of(move || at)
    }

    /// A clock backed by a function.
    #[must_use]
    pub fn of(source: impl Fn() -> Micros + Send + Sync + 'static) -> Self {
        Clock(Arc::new(source))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Micros {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

fn host_now() -> Micros {
    Micros(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}
