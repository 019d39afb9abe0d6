//! When a topic has been quiet for longer than its own rhythm explains.

use std::time::{Duration, Instant};

/// No topic is doubted before it has been quiet for this long.
const LEAST: Duration = Duration::from_secs(30);
/// How many times its usual pause a topic may be quiet.
const PAUSES: u32 = 6;
/// The longest wait between two checks of a topic that stays quiet.
const MOST: Duration = Duration::from_secs(300);

/// The rhythm of one topic.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    heard: Instant,
    /// The usual pause between two handovers with rows: the mean, newer ones weighing more.
    pause: Option<Duration>,
    /// When it is checked next if nothing comes.
    due: Instant,
    /// The wait after the next check.
    wait: Duration,
}

impl Quiet {
    /// Of a topic that nothing came of yet.
    pub(crate) fn new(now: Instant) -> Self {
        Quiet { heard: now, pause: None, due: now + LEAST, wait: LEAST }
    }

    /// Rows came.
    pub(crate) fn heard(&mut self, now: Instant) {
        let pause = now.saturating_duration_since(self.heard);
        self.pause = Some(self.pause.map_or(pause, |usual| (usual * 7 + pause) / 8));
        self.heard = now;
        self.wait = self.pause.unwrap_or_default().saturating_mul(PAUSES).clamp(LEAST, MOST);
        self.due = now + self.wait;
    }

    /// Whether it is to be checked now; the next check is then due later.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due <= now;
        if is_due {
            self.due = now + self.wait;
            self.wait = (self.wait * 2).min(MOST);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_busy_topic_is_checked_after_half_a_minute_of_quiet_and_then_ever_less_often() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start);
        (1..100).for_each(|second| quiet.heard(start + second * SECOND));
        let heard = start + 99 * SECOND;

        assert!(!quiet.is_due(heard + 29 * SECOND));
        assert!(quiet.is_due(heard + 30 * SECOND));
        assert!(!quiet.is_due(heard + 59 * SECOND));
        assert!(quiet.is_due(heard + 60 * SECOND));
        assert!(!quiet.is_due(heard + 119 * SECOND));
        assert!(quiet.is_due(heard + 120 * SECOND));
    }

    #[test]
    fn a_topic_with_a_row_a_minute_is_not_doubted_within_its_rhythm() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start);
        for minute in 1..20 {
            let at = start + minute * 60 * SECOND;
            assert!(minute < 4 || !quiet.is_due(at), "minute {minute}");
            quiet.heard(at);
        }
    }

    #[test]
    fn a_topic_that_never_sent_anything_is_checked_after_half_a_minute() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start);
        assert!(!quiet.is_due(start + 29 * SECOND));
        assert!(quiet.is_due(start + 30 * SECOND));
    }
}
