//! The exchange's own time, as it tells it on a connection.

use std::time::Duration;

use crate::exchange::live::Now;
use crate::model::Micros;

/// An instant this much behind our idea of the exchange's clock is a wrong number.
const MOST_AHEAD: Duration = Duration::from_secs(60);

/// The newest time the exchange told.
#[derive(Debug, Default)]
pub(crate) struct ExchangeClock {
    newest: Option<Micros>,
    /// When it was told last, by monotonic time.
    told: Option<Duration>,
    /// How often it was told.
    times: u64,
}

/// Whether an instant may be true now.
#[inline]
pub(crate) fn may_be(at: Micros, now: Now) -> bool {
    at <= now.at + MOST_AHEAD && at >= Micros::OLDEST
}

impl ExchangeClock {
    /// The exchange tells the time.
    #[inline]
    pub(crate) fn hear(&mut self, at: Micros, now: Now) {
        if may_be(at, now) {
            self.newest = self.newest.max(Some(at));
            self.told = Some(now.elapsed);
            self.times += 1;
        }
    }

    pub(crate) fn newest(&self) -> Option<Micros> {
        self.newest
    }

    /// How often it was told: what is told from now on is told after what happens now.
    pub(crate) fn times(&self) -> u64 {
        self.times
    }

    pub(crate) fn told(&self) -> Option<Duration> {
        self.told
    }
}
