//! The rate limiter of one exchange: passes requests in order of arrival, and none during a ban.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::exchange::Quota;
use crate::net::bucket::Bucket;
use crate::net::{NetError, Watch};
use crate::telemetry::trace;

/// The limiter that all requests to one exchange pass through.
pub struct Limiter {
    exchange: &'static str,
    bucket: Mutex<Bucket>,
    /// The head of the queue; dropping a waiter passes its place to the next.
    turn: Semaphore,
    watch: Arc<dyn Watch>,
}

impl Limiter {
    /// A limiter for a quota whose heaviest request weighs `heaviest`, and for this many requests per second.
    #[must_use]
    pub fn new(
        exchange: &'static str,
        quota: Quota,
        heaviest: u32,
        requests_per_second: Option<f64>,
        watch: Arc<dyn Watch>,
    ) -> Self {
        let bucket = Bucket::new(quota, heaviest, requests_per_second, Instant::now());
        Limiter { exchange, bucket: Mutex::new(bucket), turn: Semaphore::new(1), watch }
    }

    /// Waits until a request of this weight may be sent and takes the weight; the caller sends at once.
    ///
    /// # Errors
    /// [`NetError::Stopped`] if `stop` is cancelled first; nothing is taken then.
    pub async fn wait(&self, weight: u32, stop: &CancellationToken) -> Result<(), NetError> {
        let came = Instant::now();
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err(NetError::Stopped),
            () = self.pass_traced(weight) => {}
        }
        self.watch.limit_waited(self.exchange, came.elapsed());
        let (level, capacity) = self.bucket().level(Instant::now());
        self.watch.limit_level(self.exchange, level, capacity);
        Ok(())
    }

    /// Adopts a quota that the exchange announced.
    pub fn set_quota(&self, quota: Quota) {
        self.bucket().set_quota(quota, Instant::now());
    }

    /// Uses one of this many equal parts of the quota, since others share the address.
    pub fn share_among(&self, sharers: u32) {
        self.bucket().share_among(sharers, Instant::now());
    }

    /// Adopts the used weight that the exchange reports for the current window.
    pub fn observe_used(&self, weight: u32) {
        self.bucket().observe_used(weight, Instant::now());
    }

    /// Sends nothing before `until`; a ban in force is never shortened.
    pub fn ban_until(&self, until: Instant) {
        self.bucket().close_until(until);
    }

    /// Backs off after a refusal that names no time, of a request sent at `sent`; returns the delay.
    pub fn back_off(&self, sent: Instant) -> Duration {
        self.bucket().strike(sent, jitter(), Instant::now())
    }

    /// Resets the back-off once a request sent at `sent`, after the last refusal, was answered.
    pub fn answered(&self, sent: Instant) {
        self.bucket().forgive(sent);
    }

    /// Passes; actual waits get a span in the trace.
    async fn pass_traced(&self, weight: u32) {
        let mut passing = pin!(self.pass(weight));
        let waits = poll_fn(|context| Poll::Ready(passing.as_mut().poll(context).is_pending())).await;
        if waits {
            passing.instrument(trace::limit_wait(self.exchange)).await;
        }
    }

    async fn pass(&self, weight: u32) {
        // Never closed: the semaphore lives as long as this limiter.
        let _turn = self.turn.acquire().await;
        loop {
            let now = Instant::now();
            let ready = self.take_or_ready_at(weight, now);
            match ready {
                None => return,
                // The ready time was computed in floating point: advance by at least a timer tick.
                Some(ready) => {
                    tokio::time::sleep_until(ready.max(now + Duration::from_millis(1))).await;
                }
            }
        }
    }

    /// Takes the weight if it may be sent now, else returns when to try again.
    fn take_or_ready_at(&self, weight: u32, now: Instant) -> Option<Instant> {
        let mut bucket = self.bucket();
        let ready = bucket.ready_at(weight, now);
        if ready > now {
            return Some(ready);
        }
        bucket.take(weight, now);
        None
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number from 0 to 1 that differs between processes and calls, from the standard hasher's random keys.
pub(super) fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0_u8);
    bits as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::net::Silent;

    const SECOND: Duration = Duration::from_secs(1);

    fn limiter(weight: u32, rate: Option<f64>) -> Arc<Limiter> {
        let quota = Quota { weight, per: Duration::from_secs(60) };
        Arc::new(Limiter::new("binance", quota, 1, rate, Arc::new(Silent)))
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_requests_keep_every_window_inside_the_quota() {
        let limiter = limiter(60, None);
        let started = Instant::now();
        let mut senders = JoinSet::new();

        for _ in 0..200 {
            let limiter = Arc::clone(&limiter);
            senders.spawn(async move {
                limiter.wait(1, &CancellationToken::new()).await.unwrap();
                started.elapsed()
            });
        }
        let mut sent = senders.join_all().await;
        sent.sort();

        for from in &sent {
            let within = sent.iter().filter(|at| *at >= from && **at < *from + 60 * SECOND).count();
            assert!(within <= 54, "{within} from {from:?}");
        }
        assert!(sent[199] < 250 * SECOND, "{:?}", sent[199]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_go_out_in_the_order_they_came() {
        let limiter = limiter(6_000, Some(1.0));
        let (done, mut order) = tokio::sync::mpsc::channel(8);
        let mut senders = JoinSet::new();

        for number in 0..5 {
            let (limiter, done) = (Arc::clone(&limiter), done.clone());
            senders.spawn(async move {
                limiter.wait(1, &CancellationToken::new()).await.unwrap();
                done.send(number).await.unwrap();
            });
            tokio::task::yield_now().await;
        }
        senders.join_all().await;
        drop(done);

        let mut seen = Vec::new();
        while let Some(number) = order.recv().await {
            seen.push(number);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_out_inside_a_ban_even_one_set_while_waiting() {
        let limiter = limiter(6_000, None);
        let started = Instant::now();
        limiter.ban_until(started + 7 * SECOND);
        let stop = CancellationToken::new();

        let longer = async {
            tokio::time::sleep(5 * SECOND).await;
            limiter.ban_until(started + 120 * SECOND);
            limiter.ban_until(started + 10 * SECOND);
        };
        let (passed, ()) = tokio::join!(limiter.wait(1, &stop), longer);

        passed.unwrap();
        assert!(started.elapsed() >= 120 * SECOND && started.elapsed() < 121 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_is_dropped_gives_its_place_back_and_takes_nothing() {
        let limiter = limiter(6_000, Some(1.0));
        let stop = CancellationToken::new();
        let started = Instant::now();
        limiter.wait(1, &stop).await.unwrap();

        let given_up = tokio::time::timeout(SECOND / 2, limiter.wait(1, &stop)).await;
        limiter.wait(1, &stop).await.unwrap();

        assert!(given_up.is_err());
        assert!(started.elapsed() < SECOND + SECOND / 10, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_the_wait() {
        let limiter = limiter(6_000, None);
        limiter.ban_until(Instant::now() + 86_400 * SECOND);
        let stop = CancellationToken::new();
        let started = Instant::now();

        let stopping = async {
            tokio::time::sleep(SECOND).await;
            stop.cancel();
        };
        let (passed, ()) = tokio::join!(limiter.wait(1, &stop), stopping);

        assert_eq!(passed, Err(NetError::Stopped));
        assert_eq!(started.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn back_off_is_jittered_and_obeyed() {
        let limiter = limiter(6_000, None);
        let started = Instant::now();

        let wait = limiter.back_off(started);
        limiter.wait(1, &CancellationToken::new()).await.unwrap();

        assert!(wait >= SECOND / 2 && wait <= SECOND, "{wait:?}");
        assert!(started.elapsed() >= wait);
    }
}
