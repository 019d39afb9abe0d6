//! When a topic has been quiet for longer than its own rhythm explains.

use std::time::{Duration, Instant};

/// How many times its usual pause a topic may be quiet.
const PAUSES: u32 = 6;

/// The bounds of the waits for checks of quiet topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuietLimits {
    /// No topic is doubted before it has been quiet for this long.
    least: Duration,
    /// The longest wait between two checks of a topic that stays quiet.
    most: Duration,
    /// How long after its close a candle may come: longer than any exchange's grace.
    pub(super) overdue: Duration,
}

impl Default for QuietLimits {
    fn default() -> Self {
        let secs = Duration::from_secs;
        QuietLimits { least: secs(30), most: secs(300), overdue: secs(12) }
    }
}

impl QuietLimits {
    /// So many times shorter; candles are late no sooner.
    pub(crate) fn hastened(self, times: u32) -> Self {
        QuietLimits { least: self.least / times.max(1), most: self.most / times.max(1), ..self }
    }
}

/// The rhythm of one topic.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    limits: QuietLimits,
    heard: Instant,
    /// The usual pause between two handovers with rows: the mean, newer ones weighing more. Not of candles, which come at
    /// known times.
    pause: Option<Duration>,
    is_measured: bool,
    /// When it is checked next if nothing comes.
    due: Instant,
    /// The wait after the next check.
    wait: Duration,
}

impl Quiet {
    /// Of a topic that nothing came of yet. Without a measured rhythm it is due after the shortest quiet.
    pub(crate) fn new(now: Instant, limits: QuietLimits, is_measured: bool) -> Self {
        Quiet { limits, heard: now, pause: None, is_measured, due: now + limits.least, wait: limits.least }
    }

    /// How long after its close a candle may come.
    pub(crate) fn overdue_after(&self) -> Duration {
        self.limits.overdue
    }

    /// Rows came.
    pub(crate) fn heard(&mut self, now: Instant) {
        if self.is_measured {
            let pause = now.saturating_duration_since(self.heard);
            self.pause = Some(self.pause.map_or(pause, |usual| (usual * 7 + pause) / 8));
        }
        let rhythm = self.pause.unwrap_or_default().saturating_mul(PAUSES);
        self.wait_for(rhythm, now);
    }

    /// The exchange sends it from now on: its rhythm of before does not explain that nothing comes at all.
    pub(crate) fn begins(&mut self, now: Instant) {
        self.wait_for(Duration::ZERO, now);
    }

    fn wait_for(&mut self, rhythm: Duration, now: Instant) {
        self.heard = now;
        self.wait = rhythm.clamp(self.limits.least, self.limits.most);
        self.due = now + self.wait;
    }

    /// Whether it is to be checked now; the next check is then due later.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due <= now;
        if is_due {
            self.due = now + self.wait;
            self.wait = (self.wait * 2).min(self.limits.most);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn trades(now: Instant) -> Quiet {
        Quiet::new(now, QuietLimits::default(), true)
    }

    #[test]
    fn a_busy_topic_is_checked_after_half_a_minute_of_quiet_and_then_ever_less_often() {
        let start = Instant::now();
        let mut quiet = trades(start);
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
        let mut quiet = trades(start);
        for minute in 1..20 {
            let at = start + minute * 60 * SECOND;
            assert!(minute < 4 || !quiet.is_due(at), "minute {minute}");
            quiet.heard(at);
        }
    }

    #[test]
    fn a_topic_that_never_sent_anything_is_checked_half_a_minute_after_it_was_acknowledged() {
        let start = Instant::now();
        let mut quiet = trades(start);
        (1..20).for_each(|minute| quiet.heard(start + minute * 60 * SECOND));
        let acknowledged = start + 1_145 * SECOND;
        quiet.begins(acknowledged);
        assert!(!quiet.is_due(acknowledged + 29 * SECOND));
        assert!(quiet.is_due(acknowledged + 30 * SECOND));
    }

    #[test]
    fn pauses_between_candles_are_no_rhythm() {
        let start = Instant::now();
        let mut quiet = Quiet::new(start, QuietLimits::default(), false);
        (1..20).for_each(|hour| quiet.heard(start + hour * 3_600 * SECOND));
        let heard = start + 19 * 3_600 * SECOND;
        assert!(!quiet.is_due(heard + 29 * SECOND));
        assert!(quiet.is_due(heard + 30 * SECOND));
    }
}
