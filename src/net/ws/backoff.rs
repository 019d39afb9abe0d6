//! How long to wait before connecting anew.

use std::time::Duration;

/// The longest first wait.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait of all.
const LONGEST: Duration = Duration::from_secs(60);

/// Waits that double with each failure, drawn between nothing and that (full jitter), so that many connections that
/// ended together do not come back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait; `drawn` is from 0 to 1.
    pub(super) fn next(&mut self, drawn: f64) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(drawn.clamp(0.0, 1.0))
    }

    /// The connection was of use.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_never_end() {
        let mut backoff = Backoff::default();
        let secs: Vec<u64> = (0..8).map(|_| backoff.next(1.0).as_secs()).collect();
        assert_eq!(secs, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!((0..100_000).all(|_| backoff.next(1.0) == LONGEST));
        backoff.reset();
        assert_eq!(backoff.next(1.0), FIRST);
    }

    #[test]
    fn a_wait_may_be_any_part_of_the_longest() {
        for drawn in [0.0, 0.25, 0.9] {
            let mut backoff = Backoff::default();
            backoff.next(0.0);
            assert_eq!(backoff.next(drawn), Duration::from_secs(2).mul_f64(drawn));
        }
    }
}
