//! When a job is due: at each close of its candle, at an interval, by a cron line, once, or on demand. Pure.

use std::time::Duration;

use crate::config::Cron;
use crate::model::{Grid, Micros, Series, Zone};

/// The longest delay after a failed run of a job without an interval.
const LAST_RETRY: Duration = Duration::from_secs(3_600);
/// The delay after the first failed run; it doubles up to the job's interval.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// Runs are delayed by at most this fraction of their interval (one in so many), and at most by this long.
const SPREAD_SHARE: u32 = 50;
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

/// When a job runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At each close of a candle, plus the exchange's grace.
    AtClose {
        /// The grid of the candles' opens.
        grid: Grid,
        /// How long after its end a candle counts as closed.
        grace: Duration,
    },
    /// At multiples of an interval since the epoch, which makes it independent of restarts.
    Every(Duration),
    /// By a cron line, in a time zone.
    Cron(Cron, Zone),
    /// At program start, until it succeeds.
    Once,
    /// Never by itself.
    OnDemand,
}

impl Trigger {
    /// When a job that has not run yet is due, in a program started at `now`.
    #[must_use]
    #[doc(hidden)]
    pub fn first(&self, now: Micros) -> Option<Micros> {
        (!matches!(self, Trigger::OnDemand)).then_some(now)
    }

    /// The first due instant after `now`; missed runs coalesce into it. `None` if it is never due again.
    #[must_use]
    pub(crate) fn next_after(&self, now: Micros) -> Option<Micros> {
        match self {
            Trigger::AtClose { grid, grace } => Some(grid.next(now - *grace) + *grace),
            Trigger::Every(interval) => {
                let step = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX).max(1);
                Some(Micros((now.0.div_euclid(step) + 1).saturating_mul(step)))
            }
            Trigger::Cron(cron, zone) => cron.next_after(now, zone),
            Trigger::Once | Trigger::OnDemand => None,
        }
    }

    /// The delay of a series' runs after their trigger: constant for a series and different between series, so
    /// that they do not all send requests at once. Cron lines are kept to the second.
    #[must_use]
    pub(crate) fn jitter(&self, series: &Series) -> Duration {
        let interval = match self {
            Trigger::AtClose { .. } | Trigger::Every(_) => self.interval(Micros(0)),
            Trigger::Cron(..) | Trigger::Once | Trigger::OnDemand => Duration::ZERO,
        };
        let drawn = f64::from(crc32fast::hash(series.to_string().as_bytes())) / f64::from(u32::MAX);
        (interval / SPREAD_SHARE).min(LONGEST_SPREAD).mul_f64(drawn)
    }

    /// The time between two runs at `now`; zero if it runs only once.
    #[must_use]
    #[doc(hidden)]
    pub fn interval(&self, now: Micros) -> Duration {
        match self {
            Trigger::AtClose { grid, .. } => grid.next(now).since(grid.floor(now)),
            Trigger::Every(interval) => *interval,
            Trigger::Once | Trigger::OnDemand => Duration::ZERO,
            Trigger::Cron(..) => {
                match self.next_after(now).and_then(|next| Some((next, self.next_after(next)?))) {
                    Some((next, after)) => after.since(next),
                    None => FIRST_RETRY,
                }
            }
        }
    }

    /// When a job is due after `failed` consecutive failures: after 30 s, doubling up to its interval, and
    /// never before the exchange's own wait is over.
    #[must_use]
    #[doc(hidden)]
    pub fn retry_after(&self, failed: u32, asked: Duration, now: Micros) -> Micros {
        let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1).min(16)));
        let longest = Some(self.interval(now)).filter(|interval| !interval.is_zero()).unwrap_or(LAST_RETRY);
        now + doubled.min(longest).max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    fn at(text: &str) -> Micros {
        Micros::parse(text, &Zone::UTC).unwrap()
    }

    #[test]
    fn a_candle_job_is_due_at_each_close_plus_the_grace() {
        let hourly = Trigger::AtClose { grid: Span::HOUR.grid(), grace: Duration::from_secs(2) };
        assert_eq!(hourly.next_after(at("2024-01-01 10:00:00")), Some(at("2024-01-01 10:00:02")));
        assert_eq!(hourly.next_after(at("2024-01-01 10:00:02")), Some(at("2024-01-01 11:00:02")));
        let monthly = Trigger::AtClose { grid: Span::Month.grid(), grace: Duration::ZERO };
        assert_eq!(monthly.next_after(at("2024-02-10")), Some(at("2024-03-01")));
        assert_eq!(monthly.interval(at("2024-02-10")), Duration::from_secs(29 * 86_400));
    }

    #[test]
    fn an_interval_keeps_its_beat_however_late_the_last_run_was() {
        let trigger = Trigger::Every(Duration::from_secs(60));
        assert_eq!(trigger.next_after(at("2024-01-01 10:07:59")), Some(at("2024-01-01 10:08:00")));
    }

    #[test]
    fn series_are_spread_by_at_most_a_fiftieth_of_their_interval_and_each_always_alike() {
        let trigger = Trigger::Every(Duration::from_secs(300));
        let series = |index| format!("binance/X{index}-USDT/ohlc/5m").parse::<Series>().unwrap();
        let jitters: Vec<Duration> = (0..200).map(|index| trigger.jitter(&series(index))).collect();

        assert!(jitters.iter().all(|jitter| *jitter <= Duration::from_secs(6)));
        let in_third =
            |third: u32| jitters.iter().filter(|jitter| jitter.as_secs() as u32 / 2 == third).count();
        assert!((0..3).all(|third| in_third(third) > 40), "{:?}", [0, 1, 2].map(in_third));
        assert_eq!(trigger.jitter(&series(7)), jitters[7]);
        let monthly = Trigger::AtClose { grid: Span::Month.grid(), grace: Duration::ZERO };
        assert!((0..200).all(|index| monthly.jitter(&series(index)) <= LONGEST_SPREAD));
        let cron = Trigger::Cron(Cron::parse("30 6 * * *").unwrap(), Zone::UTC);
        assert_eq!(cron.jitter(&series(1)), Duration::ZERO);
    }

    #[test]
    fn a_cron_line_is_read_in_the_zone_of_the_settings() {
        let paris = Zone::parse("Europe/Paris").unwrap();
        let daily = Trigger::Cron(Cron::parse("30 6 * * *").unwrap(), paris);
        assert_eq!(daily.next_after(at("2024-07-01 00:00:00")), Some(at("2024-07-01 04:30:00")));
        assert_eq!(daily.interval(at("2024-07-01")), Duration::from_secs(86_400));
    }

    #[test]
    fn a_job_that_runs_once_is_due_at_the_start_alone_and_one_on_demand_never() {
        let now = at("2024-01-01");
        assert_eq!((Trigger::Once.first(now), Trigger::Once.next_after(now)), (Some(now), None));
        assert_eq!((Trigger::OnDemand.first(now), Trigger::OnDemand.next_after(now)), (None, None));
        assert_eq!(Trigger::Once.retry_after(1, Duration::ZERO, now).since(now).as_secs(), 30);
    }

    #[test]
    fn failed_runs_come_again_after_30_seconds_doubling_up_to_the_interval() {
        let trigger = Trigger::Every(Duration::from_secs(300));
        let now = at("2024-01-01");
        let waits: Vec<u64> = (1..7)
            .map(|failed| trigger.retry_after(failed, Duration::ZERO, now).since(now).as_secs())
            .collect();
        assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
        assert_eq!(trigger.retry_after(1, Duration::from_secs(900), now).since(now).as_secs(), 900);
    }
}
