//! How many checks of quiet topics an exchange is asked for: a small share of what it allows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::exchange::{Budget, Quota};
use crate::model::Series;

/// The share of a quota that checks may spend.
const SHARE: f64 = 0.05;

/// The shortest time that the share is measured over: within a second it would often be less than one request.
const OVER: Duration = Duration::from_secs(60);

/// How long the requests of a check may be on their way: they count for so much longer.
const LATE: Duration = Duration::from_secs(5);

/// The weights that checks have spent lately, by exchange and budget.
#[derive(Debug, Default)]
pub(super) struct CheckBudget(BTreeMap<(&'static str, Budget), Checks>);

/// The checks that count against one budget.
#[derive(Debug, Default)]
struct Checks {
    spent: Vec<Spent>,
    /// The weight of the last one that ended: the next one is expected to cost as much.
    expected: u32,
}

/// The weight of a check.
#[derive(Debug)]
struct Spent {
    at: Instant,
    weight: u32,
    /// Whose check it is, while it is under way.
    under_way: Option<Series>,
}

impl CheckBudget {
    /// Counts the weight that the check of a series spent in the end.
    pub(super) fn spent(
        &mut self,
        exchange: &'static str,
        budget: Budget,
        series: &Series,
        weight: u32,
        now: Instant,
    ) {
        let own = self.0.entry((exchange, budget)).or_default();
        own.expected = weight;
        if let Some(spent) = own.spent.iter_mut().find(|spent| spent.under_way.as_ref() == Some(series)) {
            *spent = Spent { at: now, weight, under_way: None };
        }
    }

    /// Takes the weight of one check of a series, as far as it is known yet, and returns whether it is within the share.
    pub(super) fn take(
        &mut self,
        (exchange, budget): (&'static str, Budget),
        quota: Quota,
        request_weight: u32,
        series: &Series,
        now: Instant,
    ) -> bool {
        let per_second = SHARE * f64::from(quota.weight) / quota.per.as_secs_f64();
        let own = self.0.entry((exchange, budget)).or_default();
        let weight = own.expected.max(request_weight);
        // Long enough that one check is within the share.
        let one = Duration::try_from_secs_f64(f64::from(weight) / per_second).unwrap_or(Duration::MAX);
        let over = quota.per.max(OVER).max(one);
        let counts = |spent: &Spent| now.saturating_duration_since(spent.at) < over + LATE;
        own.spent.retain(|spent| spent.under_way.is_some() || counts(spent));
        let total: u32 = own.spent.iter().map(|spent| spent.weight).sum();
        // Products of fractions differ in their last digits.
        let is_within = f64::from(total + weight) <= per_second * over.as_secs_f64() + 1e-6;
        if is_within {
            own.spent.push(Spent { at: now, weight, under_way: Some(series.clone()) });
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::find;

    fn take(budget: &mut CheckBudget, series: &str, quota: Option<Quota>, at: Instant) -> bool {
        let series: Series = series.parse().unwrap();
        let exchange = find(series.exchange()).unwrap();
        let offer = exchange.offer_for(&series).unwrap();
        let quota = quota.unwrap_or_else(|| exchange.quota(offer.budget));
        budget.take((exchange.name(), offer.budget), quota, offer.weight, &series, at)
    }

    /// A check ends after so many requests.
    fn end(budget: &mut CheckBudget, series: &str, requests: u32, at: Instant) {
        let series: Series = series.parse().unwrap();
        let exchange = find(series.exchange()).unwrap();
        let offer = exchange.offer_for(&series).unwrap();
        budget.spent(exchange.name(), offer.budget, &series, requests * offer.weight, at);
    }

    /// The seconds in which checks of one request end if one is asked for every tenth of a second.
    fn made(series: &str, quota: Option<Quota>, secs: u64) -> Vec<u64> {
        let (mut budget, start) = (CheckBudget::default(), Instant::now());
        let at = |tenth| start + Duration::from_millis(100 * tenth);
        let mut made = Vec::new();
        for tenth in 0..10 * secs {
            if take(&mut budget, series, quota, at(tenth)) {
                end(&mut budget, series, 1, at(tenth));
                made.push(tenth / 10);
            }
        }
        made
    }

    #[test]
    fn checks_spend_at_most_a_twentieth_of_the_limit_in_any_minute_and_most_of_it() {
        // 6000 a minute, of which an answer with trades costs 4; one a second.
        for (series, most) in [("binance/BTC-USDT/trades", 75), ("kraken/BTC-USDT/trades", 3)] {
            let made = made(series, None, 600);
            let within = |from: u64| made.iter().filter(|at| (from..from + 65).contains(*at)).count();
            assert!((0..535).all(|from| within(from) <= most), "{series}");
            assert!(made.len() >= 9 * most, "{series}: {}", made.len());
        }
    }

    #[test]
    fn where_a_minute_allows_less_than_one_check_there_is_one_in_as_long_as_allows_it() {
        let quota = Quota { weight: 5, per: Duration::from_secs(60) };
        assert_eq!(made("kraken/BTC-USDT/trades", Some(quota), 1_200), [0, 245, 490, 735, 980]);
    }

    #[test]
    fn a_check_is_expected_to_cost_what_the_last_one_did_until_it_ends() {
        let (mut budget, start, series) = (CheckBudget::default(), Instant::now(), "kraken/BTC-USDT/trades");
        let after = |secs| start + Duration::from_secs(secs);
        assert!(take(&mut budget, series, None, start));
        end(&mut budget, series, 3, after(200));
        assert!(!take(&mut budget, series, None, after(264)));
        assert!(take(&mut budget, series, None, after(265)));

        assert!(!take(&mut budget, "kraken/ETH-USDT/trades", None, after(400)), "it is still under way");
        end(&mut budget, series, 1, after(400));
        assert!(take(&mut budget, "kraken/ETH-USDT/trades", None, after(400)));
    }

    #[test]
    fn checks_of_one_exchange_take_nothing_from_another() {
        let (mut budget, now) = (CheckBudget::default(), Instant::now());
        while take(&mut budget, "kraken/BTC-USDT/trades", None, now) {}
        assert!(take(&mut budget, "coinbase/BTC-USD/trades", None, now));
    }
}
