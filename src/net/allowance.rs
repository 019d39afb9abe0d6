//! The weight left of one exchange's request budget. Pure; the time is an argument.
//!
//! Weight counts against the quota from the moment a request is sent until one window after its answer began. Wherever
//! in between it reached the exchange, and however the exchange cuts its windows (on the minute, sliding, or as a bucket
//! that refills), it never counts more than the quota, and a whole quota may be sent at once.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::exchange::Quota;
use crate::net::Lane;

/// The share of the quota that everything but live refills may use, so that those find room at any time.
const SHARE: f64 = 0.97;
/// The share of the quota that repairs may use, so that new data never waits for old.
const REPAIR_SHARE: f64 = 0.3;
/// Answers that begin within this part of a window expire together, with the last of them.
const SLOTS: u32 = 250;
/// Sums of parts of a quota are compared as equal within this.
const ROUNDING: f64 = 1e-6;
/// How far the exchange's clock may differ from what was measured of it.
const CLOCK_ERROR: Duration = Duration::from_millis(500);

/// When a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// At this instant, now or later.
    At(Instant),
    /// Not before a request that was sent is answered.
    AfterAnAnswer,
}

/// Weight that was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Spent {
    all: f64,
    repairs: f64,
}

impl Spent {
    fn of(weight: f64, lane: Lane) -> Self {
        Spent { all: weight, repairs: if lane == Lane::Repair { weight } else { 0.0 } }
    }

    fn add(&mut self, other: Spent) {
        self.all += other.all;
        self.repairs += other.repairs;
    }

    fn remove(&mut self, other: Spent) {
        self.all = (self.all - other.all).max(0.0);
        self.repairs = (self.repairs - other.repairs).max(0.0);
    }
}

/// Answers that began shortly after one another, which expire together.
#[derive(Clone, Copy, Debug)]
struct Slot {
    first: Instant,
    last: Instant,
    spent: Spent,
}

/// The exchange's count of what all who share the address have used of its present window.
#[derive(Clone, Copy, Debug)]
struct Counted {
    /// Its count, what was in flight then, and what was sent since.
    used: f64,
    until: Instant,
}

/// The budget of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    quota: Quota,
    /// How many processes share the quota equally.
    sharers: u32,
    in_flight: Spent,
    /// Weight that was answered, oldest first.
    answered: VecDeque<Slot>,
    /// The sum of what was answered.
    recent: Spent,
    counted: Option<Counted>,
    /// The shortest time between two requests, from `requests_per_second`.
    spacing: Duration,
    sent_at: Option<Instant>,
    closed_until: Option<Instant>,
}

impl Allowance {
    /// Of which nothing was used yet.
    pub(crate) fn new(quota: Quota, requests_per_second: Option<f64>) -> Self {
        let spacing = requests_per_second
            .filter(|rate| *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok())
            .unwrap_or_default();
        Allowance {
            quota,
            sharers: 1,
            in_flight: Spent::default(),
            answered: VecDeque::new(),
            recent: Spent::default(),
            counted: None,
            spacing,
            sent_at: None,
            closed_until: None,
        }
    }

    /// The length of a window.
    pub(crate) fn per(&self) -> Duration {
        self.quota.per
    }

    /// Adopts a quota that the exchange announced; what was spent stays spent.
    pub(crate) fn set_quota(&mut self, quota: Quota) {
        if !quota.per.is_zero() && quota.weight > 0 {
            self.quota = quota;
        }
    }

    /// Uses one of this many equal parts of the quota from now on.
    pub(crate) fn share_among(&mut self, sharers: u32) {
        self.sharers = sharers.max(1);
    }

    /// The part of the quota that this process may use.
    pub(crate) fn own_quota(&self) -> Quota {
        Quota { weight: (self.quota.weight / self.sharers).max(1), ..self.quota }
    }

    /// When a request of this weight may be sent.
    pub(crate) fn ready(&mut self, weight: u32, lane: Lane, now: Instant) -> Ready {
        self.forget(now);
        let weight = f64::from(weight);
        let spaced = self.sent_at.map_or(now, |sent| sent + self.spacing * self.sharers);
        let earliest = now.max(spaced).max(self.closed_until.unwrap_or(now));
        let mut at = earliest;
        let all = self.free_at(self.most(lane), weight, |spent| spent.all, now);
        let repairs = match lane {
            Lane::Repair => self.free_at(self.part(REPAIR_SHARE), weight, |spent| spent.repairs, now),
            Lane::Live | Lane::New => Ready::At(now),
        };
        for ready in [all, repairs] {
            match ready {
                Ready::At(free) => at = at.max(free),
                Ready::AfterAnAnswer => return ready,
            }
        }
        if let Some(counted) = self.counted.filter(|counted| counted.used + weight > self.whole(lane)) {
            at = at.max(counted.until);
        }
        Ready::At(at)
    }

    /// Takes the weight of a request that is sent now.
    pub(crate) fn send(&mut self, weight: u32, lane: Lane, now: Instant) {
        self.in_flight.add(Spent::of(f64::from(weight), lane));
        if let Some(counted) = &mut self.counted {
            counted.used += f64::from(weight);
        }
        self.sent_at = Some(now);
    }

    /// The answer of a request of this weight began, or none will come.
    pub(crate) fn answer(&mut self, weight: u32, lane: Lane, now: Instant) {
        let spent = Spent::of(f64::from(weight), lane);
        self.in_flight.remove(spent);
        self.recent.add(spent);
        let length = self.quota.per / SLOTS;
        match self.answered.back_mut().filter(|slot| now < slot.first + length) {
            Some(slot) => {
                slot.last = slot.last.max(now);
                slot.spent.add(spent);
            }
            None => self.answered.push_back(Slot { first: now, last: now, spent }),
        }
    }

    /// Adopts the exchange's count of its present window, which ends in `left`: others may share the address.
    pub(crate) fn observe_used(&mut self, used: u32, left: Duration, now: Instant) {
        let used = f64::from(used) + self.in_flight.all;
        self.counted = Some(Counted { used, until: now + left.min(self.quota.per) + CLOCK_ERROR });
    }

    /// Sends nothing before `until`.
    pub(crate) fn close_until(&mut self, until: Instant) {
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// The weight that may be spent at once, and its maximum.
    pub(crate) fn level(&mut self, now: Instant) -> (f64, f64) {
        self.forget(now);
        let most = self.part(1.0);
        let counted =
            self.counted.map_or(f64::INFINITY, |counted| f64::from(self.quota.weight) - counted.used);
        ((most - self.in_flight.all - self.recent.all).min(counted), most)
    }

    /// The most weight of one window that requests of this lane may fill it up to.
    fn most(&self, lane: Lane) -> f64 {
        self.whole(lane) / f64::from(self.sharers)
    }

    /// The same for all who share the quota.
    fn whole(&self, lane: Lane) -> f64 {
        let weight = f64::from(self.quota.weight);
        if lane == Lane::Live { weight } else { (weight * SHARE).ceil() }
    }

    fn part(&self, share: f64) -> f64 {
        (f64::from(self.quota.weight) * share).max(1.0) / f64::from(self.sharers)
    }

    /// When enough of what was spent has expired for `weight` more to stay within `most`. A request heavier than that is
    /// sent after a silence, so long that its part of the quota would have made it.
    fn free_at(&self, most: f64, weight: f64, of: impl Fn(&Spent) -> f64, now: Instant) -> Ready {
        let (per, is_heavy) = (self.quota.per, weight > most);
        let silent = self.sent_at.filter(|_| is_heavy).map_or(now, |sent| sent + per * self.sharers);
        let spent = of(&self.in_flight) + of(&self.recent);
        let mut over = if is_heavy { spent } else { spent + weight - most };
        if over <= ROUNDING {
            return Ready::At(silent);
        }
        for slot in &self.answered {
            over -= of(&slot.spent);
            if over <= ROUNDING {
                return Ready::At(silent.max(slot.last + per));
            }
        }
        Ready::AfterAnAnswer
    }

    /// Drops what counts no more.
    fn forget(&mut self, now: Instant) {
        while let Some(slot) = self.answered.front().copied().filter(|slot| slot.last + self.quota.per <= now)
        {
            self.answered.pop_front();
            self.recent.remove(slot.spent);
        }
        if self.answered.is_empty() {
            self.recent = Spent::default();
        }
        self.counted = self.counted.filter(|counted| counted.until > now);
    }
}

#[cfg(test)]
#[path = "allowance_tests.rs"]
mod tests;
