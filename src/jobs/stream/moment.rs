//! When in a period a live series is published.

use std::time::{Duration, Instant};

/// The part of a period that the moments of one series and the next are apart: the golden ratio, by which any number of
/// series lie evenly in it.
const APART: f64 = 0.618_033_988_749_895;

/// The moment in each period at which a series is published: another for each series, so that neither their rows all
/// wait at the same time nor are they all written at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// When the first period began.
    began: Instant,
    /// The part of each period that is before it.
    part: f64,
}

impl Moment {
    /// The moment of one of the series that are listened to, by its number among them.
    pub(super) fn of(number: usize, began: Instant) -> Self {
        // The numbers are far below the 2^52 that a float tells apart.
        Moment { began, part: (number as f64 * APART).fract() }
    }

    /// Whether it came after `earlier`, and not after `now`.
    pub(super) fn has_come(self, earlier: Instant, now: Instant, period: Duration) -> bool {
        let moments = |at: Instant| {
            let periods = at.saturating_duration_since(self.began).as_secs_f64() / period.as_secs_f64();
            (periods - self.part).floor()
        };
        !period.is_zero() && moments(earlier) < moments(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    #[test]
    fn it_comes_once_in_each_period() {
        let began = Instant::now();
        for number in 0..100 {
            let moment = Moment::of(number, began);
            let at = |second: u64| began + Duration::from_secs(second);
            let came: Vec<u64> =
                (1..=600).filter(|second| moment.has_come(at(second - 1), at(*second), PERIOD)).collect();

            assert_eq!(came.len(), 10, "{came:?}");
            assert!(came.windows(2).all(|pair| pair[1] - pair[0] == 60), "{came:?}");
        }
    }

    #[test]
    fn those_of_many_series_are_spread_evenly() {
        let began = Instant::now();
        let (from, until) = (began + PERIOD, began + PERIOD + PERIOD / 10);
        for count in [10, 100, 1_000] {
            let within = (0..count).filter(|number| Moment::of(*number, began).has_come(from, until, PERIOD));

            let within = within.count();

            assert!(within.abs_diff(count / 10) <= 2, "{within} of {count} in a tenth of the period");
        }
    }

    #[test]
    fn without_a_period_it_never_comes() {
        let began = Instant::now();

        assert!(!Moment::of(7, began).has_come(began, began + PERIOD, Duration::ZERO));
    }
}
