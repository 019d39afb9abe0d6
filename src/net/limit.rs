//! The rate limiter of one exchange: passes requests by lane and in order of arrival, and none during a ban.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::exchange::Quota;
use crate::model::Micros;
use crate::net::allowance::{Allowance, Ready};
use crate::net::lane::{Lane, Place, Queue};
use crate::net::strikes::Strikes;
use crate::net::{NetError, Watch};
use crate::telemetry::trace;

/// The limiter that all requests to one exchange pass through.
pub struct Limiter {
    exchange: &'static str,
    allowance: Mutex<Allowance>,
    strikes: Mutex<Strikes>,
    queue: Queue,
    watch: Arc<dyn Watch>,
}

/// A request that passed the limiter; to be dropped as soon as its answer begins.
#[must_use]
pub struct Passed<'a> {
    limiter: &'a Limiter,
    weight: u32,
    lane: Lane,
}

impl Drop for Passed<'_> {
    fn drop(&mut self) {
        self.limiter.allowance().answer(self.weight, self.lane, Instant::now());
        self.limiter.queue.wake_next();
    }
}

impl Limiter {
    /// A limiter for a quota, and for this many requests per second.
    #[must_use]
    pub fn new(
        exchange: &'static str,
        quota: Quota,
        requests_per_second: Option<f64>,
        watch: Arc<dyn Watch>,
    ) -> Self {
        Limiter {
            exchange,
            allowance: Mutex::new(Allowance::new(quota, requests_per_second)),
            strikes: Mutex::default(),
            queue: Queue::default(),
            watch,
        }
    }

    /// Waits until a request of this weight may be sent and takes the weight; the caller sends at once.
    ///
    /// # Errors
    /// [`NetError::Stopped`] if `stop` is cancelled first; nothing is taken then.
    pub async fn wait(
        &self,
        weight: u32,
        lane: Lane,
        stop: &CancellationToken,
    ) -> Result<Passed<'_>, NetError> {
        let came = Instant::now();
        let passed = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(NetError::Stopped),
            passed = self.pass_traced(weight, lane) => passed,
        };
        self.watch.limit_waited(self.exchange, came.elapsed());
        let (level, capacity) = self.allowance().level(Instant::now());
        self.watch.limit_level(self.exchange, level, capacity);
        Ok(passed)
    }

    /// Adopts a quota that the exchange announced.
    pub fn set_quota(&self, quota: Quota) {
        self.allowance().set_quota(quota);
        self.queue.wake_next();
    }

    /// Uses one of this many equal parts of the quota, since others share the address.
    pub fn share_among(&self, sharers: u32) {
        self.allowance().share_among(sharers);
        self.queue.wake_next();
    }

    /// The part of the quota that this process may use.
    pub(crate) fn quota(&self) -> Quota {
        self.allowance().own_quota()
    }

    /// Adopts the used weight that the exchange reports for its current window, at this time by its clock.
    pub fn observe_used(&self, weight: u32, at: Micros) {
        let mut allowance = self.allowance();
        // Windows begin at multiples of their length.
        let per = i64::try_from(allowance.per().as_micros()).unwrap_or(i64::MAX).max(1);
        let left = u64::try_from(per - at.0.rem_euclid(per)).unwrap_or_default();
        allowance.observe_used(weight, Duration::from_micros(left), Instant::now());
    }

    /// Sends nothing before `until`; a ban in force is never shortened.
    pub fn ban_until(&self, until: Instant) {
        self.allowance().close_until(until);
    }

    /// Backs off after a refusal that names no time, of a request sent at `sent`; returns the delay.
    pub fn back_off(&self, sent: Instant) -> Duration {
        let now = Instant::now();
        let wait = self.strikes().strike(sent, jitter(), now);
        self.ban_until(now + wait);
        wait
    }

    /// Resets the back-off once a request sent at `sent`, after the last refusal, was answered.
    pub fn answered(&self, sent: Instant) {
        self.strikes().forgive(sent);
    }

    /// Passes; actual waits get a span in the trace.
    async fn pass_traced(&self, weight: u32, lane: Lane) -> Passed<'_> {
        let mut passing = pin!(self.pass(weight, lane));
        let mut passed = None;
        poll_fn(|context| {
            if let Poll::Ready(done) = passing.as_mut().poll(context) {
                passed = Some(done);
            }
            Poll::Ready(())
        })
        .await;
        match passed {
            Some(passed) => passed,
            None => passing.instrument(trace::limit_wait(self.exchange)).await,
        }
    }

    async fn pass(&self, weight: u32, lane: Lane) -> Passed<'_> {
        let place = self.queue.enter(lane);
        loop {
            let ready = if place.is_next() { self.try_pass(weight, lane, &place) } else { Err(None) };
            match ready {
                Ok(passed) => return passed,
                Err(Some(ready)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(ready) => {}
                        () = place.woken() => {}
                    }
                }
                Err(None) => place.woken().await,
            }
        }
    }

    /// Takes the weight if it may be sent now, else returns when to try again, if that is known.
    fn try_pass(&self, weight: u32, lane: Lane, place: &Place<'_>) -> Result<Passed<'_>, Option<Instant>> {
        let now = Instant::now();
        let mut allowance = self.allowance();
        let ready = allowance.ready(weight, lane, now);
        match ready {
            Ready::At(at) if at <= now => {
                allowance.send(weight, lane, now);
                place.passes();
                Ok(Passed { limiter: self, weight, lane })
            }
            _ if allowance.ready(weight, Lane::New, now) != ready && place.yield_to_new_data() => Err(None),
            // By at least a timer's tick, since instants are compared after rounding.
            Ready::At(at) => Err(Some(at.max(now + Duration::from_millis(1)))),
            Ready::AfterAnAnswer => Err(None),
        }
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strikes(&self) -> MutexGuard<'_, Strikes> {
        self.strikes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number from 0 to 1 that differs between processes and calls, from the standard hasher's random keys.
pub(super) fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0_u8);
    bits as f64 / u64::MAX as f64
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
