//! The state of one exchange's request budget: when a request of some weight may be sent. Pure; the time is an
//! argument.
//!
//! A token bucket in the exchange's weights. A bucket of capacity `c` refilled at `r` per second lets at most `c +
//! r * per` pass in any window of length `per`, so both are chosen to make that [`SHARE`] of the quota, even at
//! the start. A request heavier than the capacity is sent only after a whole window of silence and leaves a debt,
//! which keeps the same bound.

use std::time::Duration;

use tokio::time::Instant;

use crate::exchange::Quota;

/// The share of the quota that is used; the rest is a margin for requests that arrive closer together than they
/// were sent.
const SHARE: f64 = 0.9;

/// The share of that which may be sent at once. The rest is refilled over the window, so that a steady stream
/// stays within the quota wherever the exchange's windows begin.
const BURST: f64 = 0.1;

/// The first and the longest back-off after refusals that name no time.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// The budget of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// The exchange's heaviest request; the bucket holds it if the quota is large enough.
    heaviest: f64,
    quota: Quota,
    /// How many processes share the quota equally.
    sharers: u32,
    usable: f64,
    capacity: f64,
    per: Duration,
    level: f64,
    filled_at: Instant,
    /// The shortest time between two requests, from `requests_per_second`.
    spacing: Duration,
    sent_at: Option<Instant>,
    closed_until: Option<Instant>,
    strikes: u32,
    struck_at: Option<Instant>,
}

impl Bucket {
    /// A full bucket. `heaviest` is the largest weight that will be requested.
    pub(crate) fn new(quota: Quota, heaviest: u32, requests_per_second: Option<f64>, now: Instant) -> Self {
        let spacing = requests_per_second
            .filter(|rate| *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok())
            .unwrap_or_default();
        let mut bucket = Bucket {
            heaviest: f64::from(heaviest),
            quota,
            sharers: 1,
            usable: 0.0,
            capacity: 0.0,
            per: Duration::from_secs(1),
            level: f64::INFINITY,
            filled_at: now,
            spacing,
            sent_at: None,
            closed_until: None,
            strikes: 0,
            struck_at: None,
        };
        bucket.set_quota(quota, now);
        bucket
    }

    /// Adopts a quota that the exchange announced; what was spent stays spent.
    pub(crate) fn set_quota(&mut self, quota: Quota, now: Instant) {
        if quota.per.is_zero() || quota.weight == 0 {
            return;
        }
        if self.level.is_finite() {
            self.fill(now);
        }
        self.quota = quota;
        self.usable = f64::from(quota.weight) * SHARE / f64::from(self.sharers);
        self.capacity = (self.usable * BURST).max(self.heaviest.min(self.usable / 2.0));
        self.per = quota.per;
        self.level = self.level.min(self.capacity);
    }

    /// Uses one of this many equal parts of the quota from now on.
    pub(crate) fn share_among(&mut self, sharers: u32, now: Instant) {
        if self.sharers != sharers.max(1) {
            self.sharers = sharers.max(1);
            self.set_quota(self.quota, now);
        }
    }

    /// When a request of this weight may be sent: `now` or later.
    pub(crate) fn ready_at(&mut self, weight: u32, now: Instant) -> Instant {
        self.fill(now);
        let weight = f64::from(weight);
        let budget = if weight > self.capacity {
            self.sent_at.map_or(now, |sent| sent + self.per.div_f64(SHARE) * self.sharers)
        } else if weight > self.level {
            now + Duration::from_secs_f64((weight - self.level) / self.per_second())
        } else {
            now
        };
        let spaced = self.sent_at.map_or(now, |sent| sent + self.spacing * self.sharers);
        let open = self.closed_until.unwrap_or(now);
        budget.max(spaced).max(open).max(now)
    }

    /// Takes the weight of a request that is sent now.
    pub(crate) fn take(&mut self, weight: u32, now: Instant) {
        self.fill(now);
        let weight = f64::from(weight);
        // A heavy request follows a silence, so any older debt has been paid.
        self.level = if weight > self.capacity { self.capacity - weight } else { self.level - weight };
        self.sent_at = Some(now);
    }

    /// Adopts the exchange's count if it is higher than ours: another process shares our address.
    pub(crate) fn observe_used(&mut self, used: u32, now: Instant) {
        self.fill(now);
        // Its count is the sum over all who share the address.
        let left = f64::from(self.quota.weight) * SHARE - f64::from(used);
        self.level = self.level.min(left);
    }

    /// Sends nothing before `until`.
    pub(crate) fn close_until(&mut self, until: Instant) {
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// Backs off after a refusal that names no time, and returns for how long: from 1 s, doubling up to 60 s,
    /// of which `jitter` (0 to 1) selects between half and all. Requests in flight together count as one
    /// refusal.
    pub(crate) fn strike(&mut self, sent: Instant, jitter: f64, now: Instant) -> Duration {
        if self.struck_at.is_none_or(|struck| struck <= sent) {
            self.strikes = self.strikes.saturating_add(1);
            self.struck_at = Some(now);
        }
        let doubled = FIRST_BACKOFF * 2_u32.pow(self.strikes.saturating_sub(1).min(6));
        let wait = doubled.min(LONGEST_BACKOFF).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        self.close_until(now + wait);
        wait
    }

    /// Resets the back-off once a request sent after the last refusal was answered.
    pub(crate) fn forgive(&mut self, sent: Instant) {
        if self.struck_at.is_some_and(|struck| struck <= sent) {
            self.strikes = 0;
            self.struck_at = None;
        }
    }

    /// The weight that may be spent at once, and its maximum.
    pub(crate) fn level(&mut self, now: Instant) -> (f64, f64) {
        self.fill(now);
        (self.level, self.capacity)
    }

    fn per_second(&self) -> f64 {
        (self.usable - self.capacity) / self.per.as_secs_f64()
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.level = (self.level + passed * self.per_second()).min(self.capacity);
        self.filled_at = self.filled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Sends each request as soon as it is allowed, after the given pause.
    fn send_all(bucket: &mut Bucket, mut now: Instant, requests: &[(u32, u64)]) -> Vec<(Instant, u32)> {
        let mut sent = Vec::new();
        for (weight, pause_ms) in requests {
            now += Duration::from_millis(*pause_ms);
            loop {
                let ready = bucket.ready_at(*weight, now);
                if ready <= now {
                    break;
                }
                now = ready;
            }
            bucket.take(*weight, now);
            sent.push((now, *weight));
        }
        sent
    }

    fn most_in_a_window(sent: &[(Instant, u32)], per: Duration) -> u32 {
        let within = |from: Instant| sent.iter().filter(move |(at, _)| *at >= from && *at < from + per);
        sent.iter().map(|(from, _)| within(*from).map(|(_, weight)| weight).sum()).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_window_of_the_quotas_length_ever_holds_more_than_the_quota(
            quota in 1_u32..7_000,
            per_secs in 1_u64..120,
            requests in prop::collection::vec((1_u32..300, prop_oneof![Just(0_u64), 0_u64..90_000]), 1..120),
        ) {
            let requests: Vec<_> =
                requests.into_iter().map(|(weight, pause)| (weight.min(quota), pause)).collect();
            let heaviest = requests.iter().map(|(weight, _)| *weight).max().unwrap_or(1);
            let per = Duration::from_secs(per_secs);
            let now = Instant::now();
            let mut bucket = Bucket::new(Quota { weight: quota, per }, heaviest, None, now);

            let sent = send_all(&mut bucket, now, &requests);

            prop_assert!(most_in_a_window(&sent, per) <= quota);
        }
    }

    #[test]
    fn a_full_bucket_and_its_refill_use_nine_tenths_of_the_quota_and_no_less() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 6_000, per: MINUTE }, 250, None, now);

        let sent = send_all(&mut bucket, now, &vec![(2, 0); 6_000]);

        let used = most_in_a_window(&sent, MINUTE);
        assert!((5_300..=5_400).contains(&used), "{used}");
    }

    #[test]
    fn a_quota_of_one_request_a_second_gives_nearly_that() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 1, per: Duration::from_secs(1) }, 1, None, now);

        let sent = send_all(&mut bucket, now, &[(1, 0); 10]);

        let took = sent[9].0 - now;
        assert!(took >= Duration::from_secs(9) && took < Duration::from_secs(11), "{took:?}");
    }

    #[test]
    fn requests_per_second_spaces_requests_whatever_the_quota_allows() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 6_000, per: MINUTE }, 250, Some(4.0), now);

        let sent = send_all(&mut bucket, now, &[(2, 0); 5]);

        assert_eq!(sent[4].0 - now, Duration::from_secs(1));
    }

    #[test]
    fn weight_used_by_somebody_else_makes_us_wait() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 6_000, per: MINUTE }, 250, None, now);
        assert_eq!(bucket.ready_at(2, now), now);

        bucket.observe_used(100, now);
        assert_eq!(bucket.ready_at(2, now), now);
        bucket.observe_used(5_900, now);

        let wait = bucket.ready_at(2, now) - now;
        assert!(wait > Duration::from_secs(6) && wait < Duration::from_secs(7), "{wait:?}");
    }

    #[test]
    fn a_smaller_quota_holds_at_once() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 6_000, per: MINUTE }, 20, None, now);

        bucket.set_quota(Quota { weight: 1_200, per: MINUTE }, now);

        assert_eq!(bucket.level(now), (108.0, 108.0));
        bucket.set_quota(Quota { weight: 0, per: Duration::ZERO }, now);
        assert_eq!(bucket.level(now), (108.0, 108.0));
    }

    #[test]
    fn sharers_together_spend_no_more_than_one_alone_and_what_all_have_spent_binds_each() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 1_200, per: MINUTE }, 20, Some(10.0), now);
        bucket.share_among(3, now);
        let began = now;
        let mut spent = 0;
        while now < began + MINUTE {
            now = bucket.ready_at(4, now);
            bucket.take(4, now);
            spent += 4;
        }
        assert!((340..=400).contains(&spent), "{spent}: a third of 1 200, less some room");

        bucket.observe_used(500, now);
        assert_eq!(bucket.ready_at(4, now + MINUTE), now + MINUTE, "there is room for all");
        bucket.observe_used(1_080, now + MINUTE);
        assert!(bucket.ready_at(4, now + MINUTE) > now + MINUTE, "the others spent it");
        bucket.share_among(0, now + MINUTE * 2);
        bucket.take(4, now + MINUTE * 2);
        let next = bucket.ready_at(4, now + MINUTE * 2) - (now + MINUTE * 2);
        assert_eq!(next, Duration::from_millis(100), "alone, only the configured rate is left");
    }

    #[test]
    fn refusals_without_a_time_double_from_one_second_to_sixty() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 6_000, per: MINUTE }, 250, None, now);
        let mut waits = Vec::new();

        for _ in 0..8 {
            let wait = bucket.strike(now, 1.0, now);
            now += wait;
            waits.push(wait.as_secs());
        }

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        bucket.forgive(now);
        assert_eq!(bucket.strike(now, 0.0, now), Duration::from_millis(500));
    }

    #[test]
    fn requests_refused_together_count_as_one_refusal() {
        let sent = Instant::now();
        let mut bucket = Bucket::new(Quota { weight: 6_000, per: MINUTE }, 250, None, sent);
        let now = sent + Duration::from_millis(200);

        let waits: Vec<_> = (0..4).map(|_| bucket.strike(sent, 1.0, now).as_secs()).collect();
        bucket.forgive(sent);

        assert_eq!(waits, [1, 1, 1, 1]);
        assert_eq!(bucket.strike(now, 1.0, now).as_secs(), 2);
    }
}
