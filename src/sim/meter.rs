//! Request weights: how much of its limit a client has used, and whether it is banned.

use std::time::Duration;

use super::knobs::Knobs;

/// The weights of one client; times are since the start of the simulator.
#[derive(Debug, Default)]
pub(super) struct Meter {
    window: u128,
    used: u32,
    refused: u32,
    banned_until: Duration,
}

/// Whether a request is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    /// The request is granted.
    Granted,
    /// The limit is exceeded; the next window begins in this many seconds.
    Throttled { wait_secs: u64 },
    /// Banned for this many more seconds.
    Banned { wait_secs: u64 },
}

impl Meter {
    /// Counts a request and decides about it.
    pub(super) fn charge(&mut self, knobs: &Knobs, weight: u32, at: Duration) -> Charge {
        let length = knobs.weight_window.max(Duration::from_millis(1));
        let window = at.as_nanos() / length.as_nanos();
        if window != self.window {
            (self.window, self.used, self.refused) = (window, 0, 0);
        }
        self.used = self.used.saturating_add(weight);
        if at < self.banned_until {
            return Charge::Banned { wait_secs: secs_up(self.banned_until - at) };
        }
        if self.used <= knobs.weight_limit {
            return Charge::Granted;
        }
        self.refused += 1;
        if self.refused > knobs.ban_after {
            self.banned_until = at + knobs.ban;
            return Charge::Banned { wait_secs: secs_up(knobs.ban) };
        }
        let inside = Duration::from_nanos(u64::try_from(at.as_nanos() % length.as_nanos()).unwrap_or(0));
        Charge::Throttled { wait_secs: secs_up(length - inside) }
    }

    /// The weight used in the running window.
    pub(super) fn used(&self) -> u32 {
        self.used
    }
}

/// Rounded up to full seconds, so that a client that waits that long is not early.
fn secs_up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knobs() -> Knobs {
        Knobs { weight_limit: 10, ban_after: 2, ban: Duration::from_secs(120), ..Knobs::default() }
    }

    #[test]
    fn weight_over_the_limit_is_refused_until_the_window_ends() {
        let (mut meter, knobs) = (Meter::default(), knobs());
        assert_eq!(meter.charge(&knobs, 10, Duration::from_secs(1)), Charge::Granted);
        assert_eq!(
            meter.charge(&knobs, 1, Duration::from_millis(20_500)),
            Charge::Throttled { wait_secs: 40 }
        );
        assert_eq!(meter.used(), 11);
        assert_eq!(meter.charge(&knobs, 10, Duration::from_secs(60)), Charge::Granted);
    }

    #[test]
    fn hammering_on_brings_a_ban_that_outlasts_the_window() {
        let (mut meter, knobs) = (Meter::default(), knobs());
        let charges: Vec<_> = (0..4).map(|at| meter.charge(&knobs, 10, Duration::from_secs(at))).collect();
        assert!(matches!(charges[2], Charge::Throttled { .. }));
        assert_eq!(charges[3], Charge::Banned { wait_secs: 120 });
        assert_eq!(meter.charge(&knobs, 1, Duration::from_secs(100)), Charge::Banned { wait_secs: 23 });
        assert_eq!(meter.charge(&knobs, 1, Duration::from_secs(123)), Charge::Granted);
    }
}
