//! An exchange's clock: one measured instant, advanced by the monotonic clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use tokio::time::Instant;

use crate::model::Micros;

/// How long a measurement is trusted; clocks drift by seconds a day.
const MEASURE_EVERY: Duration = Duration::from_secs(3_600);

/// How far the `Date` of an answer may be off: it has whole seconds and may have been delayed.
const DATE_SLACK: Duration = Duration::from_secs(5);

/// How long a measurement outweighs `Date`: some servers' `Date` is simply wrong.
const STANDS_FOR: Duration = Duration::from_secs(60);

/// The present time at an exchange.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Option<Anchor>>);

#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    theirs: Micros,
    doubted: bool,
}

impl Clock {
    /// The exchange's present time; the system's before the first measurement.
    #[must_use]
    pub fn now(&self) -> Micros {
        match self.anchor() {
            Some(anchor) => anchor.theirs + anchor.at.elapsed(),
            None => system_now(),
        }
    }

    /// Whether it has been measured.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.anchor().is_some()
    }

    /// Whether to measure it: never measured, too long ago, or contradicted by an answer since.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.anchor().is_none_or(|anchor| anchor.doubted || anchor.at.elapsed() >= MEASURE_EVERY)
    }

    /// Sets it from an answer that stated `theirs`, requested at `sent` and received at `heard`; returns how
    /// far it is ahead of the system's clock. Assumes that the exchange read its clock half way.
    pub(crate) fn set(&self, theirs: Micros, sent: Instant, heard: Instant) -> SignedDuration {
        let theirs = theirs + heard.saturating_duration_since(sent) / 2;
        *self.lock() = Some(Anchor { at: heard, theirs, doubted: false });
        let ours = system_now();
        SignedDuration::from_micros(self.now().0.saturating_sub(ours.0))
    }

    /// Compares it with the `Date` of an answer: after a suspend the monotonic clock is behind.
    pub(crate) fn check(&self, date: Micros) {
        let apart = self.now().0.abs_diff(date.0);
        if u128::from(apart) > DATE_SLACK.as_micros()
            && let Some(anchor) = self.lock().as_mut()
        {
            anchor.doubted = anchor.at.elapsed() >= STANDS_FOR;
        }
    }

    fn anchor(&self) -> Option<Anchor> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Anchor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's clock.
fn system_now() -> Micros {
    Micros(0) + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: Micros = Micros::from_secs(1_700_000_000);

    #[tokio::test(start_paused = true)]
    async fn a_measured_clock_runs_on_by_monotonic_time() {
        let clock = Clock::default();
        let sent = Instant::now();
        let heard = sent + Duration::from_millis(400);
        tokio::time::advance(Duration::from_millis(400)).await;

        clock.set(THEIRS, sent, heard);
        tokio::time::advance(Duration::from_secs(10)).await;

        assert_eq!(clock.now(), THEIRS + Duration::from_millis(10_200));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_is_due_before_it_was_measured_and_an_hour_after() {
        let clock = Clock::default();
        assert!(clock.is_due());

        clock.set(THEIRS, Instant::now(), Instant::now());
        assert!(!clock.is_due());
        tokio::time::advance(MEASURE_EVERY).await;

        assert!(clock.is_due());
    }

    #[tokio::test(start_paused = true)]
    async fn a_date_far_from_the_clock_makes_it_due() {
        let clock = Clock::default();
        clock.set(THEIRS, Instant::now(), Instant::now());

        clock.check(THEIRS + Duration::from_secs(600));
        assert!(!clock.is_due(), "it was measured just now");
        tokio::time::advance(STANDS_FOR).await;
        clock.check(THEIRS + STANDS_FOR + Duration::from_secs(4));
        assert!(!clock.is_due(), "four seconds are within the slack");
        clock.check(THEIRS + Duration::from_secs(600));

        assert!(clock.is_due());
        assert_eq!(clock.now(), THEIRS + STANDS_FOR);
    }

    #[test]
    fn an_unmeasured_clock_is_the_systems() {
        let clock = Clock::default();

        let apart = clock.now().0.abs_diff(system_now().0);

        assert!(apart < 5_000_000);
    }
}
