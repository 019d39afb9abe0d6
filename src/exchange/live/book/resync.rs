//! When a book that is not in step is asked for again: at once where it was in step for a while, else ever later.

use std::time::Duration;

/// How long a whole book may take to come once it was asked for.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// How long a whole book over REST waits at first for an update that shows it to be joined; the wait doubles. Another one
/// shows whether there was any.
const JOINS_WITHIN: Duration = Duration::from_secs(15);
const JOINS_WITHIN_AT_MOST: Duration = Duration::from_secs(600);

/// The first wait after a failure that followed another one; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The wait after the price moved through all levels that can be asked for. The next whole book is as good as the last, and
/// waiting longer only leaves more out; it still costs a request each time.
const USED_UP_WAIT: Duration = Duration::from_secs(2);

/// So long in step makes up for one time that it fell out.
const GOOD: Duration = Duration::from_secs(5);

/// The attempts to bring one book into step: never two at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resync {
    /// How often it fell out of step, less what the time in step made up for.
    falls: u32,
    /// How many attempts have failed since it was in step.
    tries: u32,
    /// Since when it is in step.
    since: Option<Duration>,
    /// When it is asked for next.
    due: Option<Duration>,
    /// How many whole books in a row no update has joined.
    joining: u32,
}

impl Resync {
    /// When it is asked for, if it is not in step.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Whether it is to be asked for now.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// It may be asked for at once.
    pub(crate) fn begin(&mut self, now: Duration) {
        self.due = Some(now);
    }

    /// It was asked for, or will come by itself.
    pub(crate) fn asked(&mut self, now: Duration) {
        self.due = Some(now + COMES_WITHIN);
    }

    /// It came and waits for an update to join.
    pub(crate) fn joining(&mut self, now: Duration) {
        let wait = JOINS_WITHIN.saturating_mul(2_u32.saturating_pow(self.joining.min(8)));
        self.joining += 1;
        self.due = Some(now + wait.min(JOINS_WITHIN_AT_MOST));
    }

    /// Nothing can come before something else happens.
    pub(crate) fn hold(&mut self) {
        self.due = None;
    }

    pub(crate) fn in_step(&mut self, now: Duration) {
        (self.since, self.due, self.joining, self.tries) = (Some(now), None, 0, 0);
    }

    /// It fell out of step since the price moved beyond the deepest book there is, through no fault of anyone.
    pub(crate) fn used_up(&mut self, now: Duration) {
        self.since = None;
        self.due = Some(now + USED_UP_WAIT);
    }

    /// It fell out of step by the first checksum that came: until then nothing spoke for it, however long that was.
    pub(crate) fn never_right(&mut self, now: Duration) {
        self.since = self.since.map(|_| now);
        self.failed(now);
    }

    /// It fell out of step, or could not come into it.
    pub(crate) fn failed(&mut self, now: Duration) {
        let since = self.since.take();
        let good = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        let made_up = u32::try_from(good.as_secs() / GOOD.as_secs()).unwrap_or(u32::MAX);
        self.falls = self.falls.saturating_sub(made_up);
        let wait = match self.falls.saturating_add(self.tries) {
            0 => Duration::ZERO,
            more => FIRST_WAIT.saturating_mul(2_u32.saturating_pow(more.min(16) - 1)).min(LONGEST_WAIT),
        };
        let count = if since.is_some() { &mut self.falls } else { &mut self.tries };
        *count = count.saturating_add(1);
        self.due = Some(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// When a book is asked for that falls out of step so long after each time it came into it.
    fn asked(good: Duration, until: Duration) -> Vec<u64> {
        let (mut resync, mut now, mut asked) = (Resync::default(), Duration::ZERO, Vec::new());
        while now < until {
            resync.in_step(now);
            now += good;
            resync.failed(now);
            now = resync.due().unwrap();
            asked.push(now.as_secs());
        }
        asked
    }

    #[test]
    fn a_book_that_is_never_right_is_asked_for_twelve_times_in_ten_minutes_at_most() {
        let asked = asked(Duration::from_millis(100), 600 * SECOND);
        let within = asked.iter().filter(|at| **at < 600).count();
        assert!((8..=12).contains(&within), "{asked:?}");
    }

    #[test]
    fn a_book_whose_first_checksum_is_always_wrong_is_asked_for_as_seldom_however_late_that_comes() {
        for quiet in [5, 10, 30] {
            let (mut resync, mut now, mut asked) = (Resync::default(), Duration::ZERO, 0);
            while now < 600 * SECOND {
                resync.in_step(now);
                resync.never_right(now + quiet * SECOND);
                now = resync.due().unwrap();
                asked += 1;
            }
            assert!((6..=12).contains(&asked), "{asked} times with {quiet} s");
        }
    }

    #[test]
    fn a_book_that_was_right_for_a_while_is_asked_for_at_once() {
        assert_eq!(asked(10 * SECOND, 60 * SECOND), [10, 20, 30, 40, 50, 60]);
    }

    #[test]
    fn attempts_that_failed_are_forgotten_once_it_is_in_step() {
        let mut resync = Resync::default();
        resync.in_step(Duration::ZERO);
        let mut now = 20 * SECOND;
        for waited in [0, 1, 2, 4] {
            resync.failed(now);
            assert_eq!(resync.due(), Some(now + waited * SECOND));
            now += waited * SECOND;
        }
        resync.in_step(now);

        resync.failed(now + 6 * SECOND);

        assert_eq!(resync.due(), Some(now + 6 * SECOND), "it fell once before, and that is made up for");
    }

    #[test]
    fn a_book_whose_levels_are_used_up_again_and_again_never_waits_longer_for_it() {
        let mut resync = Resync::default();
        for round in (0..100).step_by(4) {
            resync.in_step(round * SECOND);
            resync.used_up((round + 1) * SECOND);
            assert_eq!(resync.due(), Some((round + 3) * SECOND));
        }
        resync.failed(100 * SECOND);
        assert_eq!(resync.due(), Some(100 * SECOND), "none of it counts as a failure");
    }

    #[test]
    fn a_whole_book_that_does_not_come_is_asked_for_again() {
        let mut resync = Resync::default();
        resync.begin(SECOND);
        assert!(resync.is_due(SECOND));
        resync.asked(SECOND);
        assert!(!resync.is_due(30 * SECOND) && resync.is_due(31 * SECOND));
        resync.in_step(5 * SECOND);
        assert_eq!(resync.due(), None);
    }
}
