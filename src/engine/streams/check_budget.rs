//! How many checks of quiet topics an exchange is asked for: a small share of what it allows.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::exchange::{Budget, Quota};

/// The share of a quota that checks may spend.
const SHARE: f64 = 0.05;

/// The shortest time that the share is measured over: within a second it would often be less than one request.
const OVER: Duration = Duration::from_secs(60);

/// How long the requests of a check may be on their way: they count for so much longer.
const LATE: Duration = Duration::from_secs(5);

/// The weights that checks have spent lately, by exchange and budget.
#[derive(Debug, Default)]
pub(super) struct CheckBudget(BTreeMap<(&'static str, Budget), VecDeque<(Instant, u32)>>);

impl CheckBudget {
    /// Counts weight that a check spent beyond one request.
    pub(super) fn add(&mut self, exchange: &'static str, budget: Budget, weight: u32, now: Instant) {
        self.0.entry((exchange, budget)).or_default().push_back((now, weight));
    }

    /// Takes the weight of one check, and returns whether it is within the share.
    pub(super) fn take(
        &mut self,
        exchange: &'static str,
        budget: Budget,
        quota: Quota,
        weight: u32,
        now: Instant,
    ) -> bool {
        let per_second = SHARE * f64::from(quota.weight) / quota.per.as_secs_f64();
        // Long enough that one check is within the share.
        let one = Duration::try_from_secs_f64(f64::from(weight) / per_second).unwrap_or(Duration::MAX);
        let over = quota.per.max(OVER).max(one);
        let spent = self.0.entry((exchange, budget)).or_default();
        while spent.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) >= over + LATE) {
            spent.pop_front();
        }
        let total: u32 = spent.iter().map(|(_, weight)| weight).sum();
        // Products of fractions differ in their last digits.
        let is_within = f64::from(total + weight) <= per_second * over.as_secs_f64() + 1e-6;
        if is_within {
            spent.push_back((now, weight));
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::find;
    use crate::model::Series;

    fn take(budget: &mut CheckBudget, series: &str, quota: Option<Quota>, at: Instant) -> bool {
        let series: Series = series.parse().unwrap();
        let exchange = find(series.exchange()).unwrap();
        let offer = exchange.offer_for(&series).unwrap();
        let quota = quota.unwrap_or_else(|| exchange.quota(offer.budget));
        budget.take(exchange.name(), offer.budget, quota, offer.weight, at)
    }

    /// The seconds in which checks of a series are made if one is asked for every tenth of a second.
    fn made(series: &str, quota: Option<Quota>, secs: u64) -> Vec<u64> {
        let (mut budget, start) = (CheckBudget::default(), Instant::now());
        let at = |tenth| start + Duration::from_millis(100 * tenth);
        let tenths = (0..10 * secs).filter(|tenth| take(&mut budget, series, quota, at(*tenth)));
        tenths.map(|tenth| tenth / 10).collect()
    }

    #[test]
    fn checks_spend_a_twentieth_of_the_limit_in_any_minute() {
        // 6000 a minute, of which an answer with trades costs 4; one a second.
        for (series, most) in [("binance/BTC-USDT/trades", 75), ("kraken/BTC-USDT/trades", 3)] {
            let made = made(series, None, 600);
            assert!((9 * most..=10 * most).contains(&made.len()), "{series}: {}", made.len());
            let within = |from: u64| made.iter().filter(|at| (from..from + 65).contains(*at)).count();
            assert!((0..535).all(|from| within(from) <= most), "{series}");
        }
    }

    #[test]
    fn where_a_minute_allows_less_than_one_check_there_is_one_in_as_long_as_allows_it() {
        let quota = Quota { weight: 5, per: Duration::from_secs(60) };
        assert_eq!(made("kraken/BTC-USDT/trades", Some(quota), 1_200), [0, 245, 490, 735, 980]);
    }

    #[test]
    fn more_than_one_request_of_a_check_counts_too() {
        let (mut budget, start, series) = (CheckBudget::default(), Instant::now(), "kraken/BTC-USDT/trades");
        assert!(take(&mut budget, series, None, start));
        let offer = find("kraken").unwrap().offer_for(&series.parse().unwrap()).unwrap();
        budget.add("kraken", offer.budget, 2 * offer.weight, start);
        assert!(!take(&mut budget, series, None, start + Duration::from_secs(64)));
        assert!(take(&mut budget, series, None, start + Duration::from_secs(65)));
    }

    #[test]
    fn checks_of_one_exchange_take_nothing_from_another() {
        let (mut budget, now) = (CheckBudget::default(), Instant::now());
        while take(&mut budget, "kraken/BTC-USDT/trades", None, now) {}
        assert!(take(&mut budget, "coinbase/BTC-USD/trades", None, now));
    }
}
