//! How long a series is left alone that failed again and again.

use std::time::{Duration, Instant};

/// The first wait: a moment later it may succeed.
const FIRST: Duration = Duration::from_secs(5);
/// An attempt that fails does so within this time.
const ATTEMPT: Duration = Duration::from_secs(60);

/// The failures of a series in a row.
#[derive(Debug)]
pub(super) struct BackOff {
    longest: Duration,
    /// The wait after the last one, and when it was.
    last: Option<(Duration, Instant)>,
}

impl BackOff {
    pub(super) fn new(longest: Duration) -> Self {
        BackOff { longest, last: None }
    }

    /// Counts one more and returns the wait after it, twice that of the one before. A series that was listened to in
    /// between begins anew.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        let in_a_row = self.last.filter(|(wait, at)| now.saturating_duration_since(*at) <= *wait + ATTEMPT);
        let wait = in_a_row.map_or(FIRST, |(wait, _)| (wait * 2).min(self.longest));
        self.last = Some((wait, now));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_while_every_attempt_fails_and_begin_anew_after_one_that_did_not() {
        let (mut back_off, mut now) = (BackOff::new(Duration::from_secs(600)), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..9 {
            let wait = back_off.next(now);
            waits.push(wait.as_secs());
            now += wait + Duration::from_secs(11);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600]);

        assert_eq!(back_off.next(now + ATTEMPT), FIRST);
    }
}
