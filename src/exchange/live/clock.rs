//! The exchange's own time, as it tells it on a connection.

use std::time::Duration;

use crate::exchange::live::Now;
use crate::model::Micros;

/// A row this far ahead of our idea of the exchange's clock has a wrong instant.
const MOST_AHEAD: Duration = Duration::from_secs(60);

/// Times that close candles are held to less: no more than offers have as grace, so that a wrong number closes none early.
const CLOCK_AHEAD: Duration = Duration::from_secs(5);

/// The newest time the exchange told.
#[derive(Debug, Default)]
pub(crate) struct ExchangeClock {
    newest: Option<Micros>,
    /// When it was told last, by monotonic time.
    told: Option<Duration>,
    /// How often it was told.
    times: u64,
    /// How often an instant was told that was past.
    pasts: u64,
}

/// Whether a row of this instant may be there now.
#[inline]
pub(crate) fn may_be(at: Micros, now: Now) -> bool {
    at <= now.at + MOST_AHEAD && at >= Micros::OLDEST
}

/// Whether this instant may be past.
#[inline]
pub(crate) fn may_be_past(at: Micros, now: Now) -> bool {
    at <= now.at + CLOCK_AHEAD && at >= Micros::OLDEST
}

impl ExchangeClock {
    /// The exchange tells the time.
    #[inline]
    pub(crate) fn hear(&mut self, at: Micros, now: Now) {
        if may_be_past(at, now) {
            self.newest = self.newest.max(Some(at));
            self.told = Some(now.elapsed);
            self.times += 1;
        }
    }

    /// An instant that is past, told some time after it: it says nothing of what is sent from then on.
    pub(crate) fn is_past(&mut self, at: Micros, now: Now) {
        if may_be_past(at, now) {
            self.newest = self.newest.max(Some(at));
            self.told = Some(now.elapsed);
            self.pasts += 1;
        }
    }

    /// The same of candles: one that is told after a topic of them was granted is complete in itself, and the next one shows
    /// whether another was left out.
    pub(crate) fn times_for_candles(&self) -> u64 {
        self.times + self.pasts
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
