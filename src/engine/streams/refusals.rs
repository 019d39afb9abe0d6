//! How long a series that its exchange refuses is left alone.

use std::time::{Duration, Instant};

/// The first wait: an exchange may refuse what it sends a moment later.
const FIRST: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST: Duration = Duration::from_secs(600);
/// An attempt that is refused is refused within this time.
const ATTEMPT: Duration = Duration::from_secs(60);

/// The refusals of a series in a row.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// The wait after the last one, and when it was.
    last: Option<(Duration, Instant)>,
}

impl Refusals {
    /// Counts one more and returns the wait after it, twice that of the one before. A series that was listened to in
    /// between begins anew.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        let in_a_row = self.last.filter(|(wait, at)| now.saturating_duration_since(*at) <= *wait + ATTEMPT);
        let wait = in_a_row.map_or(FIRST, |(wait, _)| (wait * 2).min(LONGEST));
        self.last = Some((wait, now));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_while_every_attempt_is_refused_and_begin_anew_after_one_that_was_not() {
        let (mut refusals, mut now, mut waits) = (Refusals::default(), Instant::now(), Vec::new());
        for _ in 0..9 {
            let wait = refusals.next(now);
            waits.push(wait.as_secs());
            now += wait + Duration::from_secs(11);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600]);

        assert_eq!(refusals.next(now + ATTEMPT), FIRST);
    }
}
