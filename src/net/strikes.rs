//! How long to back off after refusals that name no time.

use std::time::Duration;

use tokio::time::Instant;

/// The first and the longest back-off.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Refusals in a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes {
    count: u32,
    at: Option<Instant>,
}

impl Strikes {
    /// How long to back off after one more: from 1 s, doubling up to 60 s, of which `jitter` (0 to 1) selects between half
    /// and all. Requests in flight together count as one refusal.
    pub(crate) fn strike(&mut self, sent: Instant, jitter: f64, now: Instant) -> Duration {
        if self.at.is_none_or(|struck| struck <= sent) {
            self.count = self.count.saturating_add(1);
            self.at = Some(now);
        }
        let doubled = FIRST * 2_u32.pow(self.count.saturating_sub(1).min(6));
        doubled.min(LONGEST).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// Starts over once a request sent after the last refusal was answered.
    pub(crate) fn forgive(&mut self, sent: Instant) {
        if self.at.is_some_and(|struck| struck <= sent) {
            *self = Strikes::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_without_a_time_double_from_one_second_to_sixty() {
        let (mut now, mut strikes, mut waits) = (Instant::now(), Strikes::default(), Vec::new());

        for _ in 0..8 {
            let wait = strikes.strike(now, 1.0, now);
            now += wait;
            waits.push(wait.as_secs());
        }

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        strikes.forgive(now);
        assert_eq!(strikes.strike(now, 0.0, now), Duration::from_millis(500));
    }

    #[test]
    fn requests_refused_together_count_as_one_refusal() {
        let (sent, mut strikes) = (Instant::now(), Strikes::default());
        let now = sent + Duration::from_millis(200);

        let waits: Vec<_> = (0..4).map(|_| strikes.strike(sent, 1.0, now).as_secs()).collect();
        strikes.forgive(sent);

        assert_eq!(waits, [1, 1, 1, 1]);
        assert_eq!(strikes.strike(now, 1.0, now).as_secs(), 2);
    }
}
