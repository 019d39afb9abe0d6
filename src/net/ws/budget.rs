//! How often a host may be connected to: all connections of the process count together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep_until};

use crate::exchange::live::Rate;

/// The attempts to connect by host, those that wait for their turn among them.
#[derive(Debug, Default)]
pub(super) struct ConnectBudget(Mutex<HashMap<String, VecDeque<Instant>>>);

impl ConnectBudget {
    /// Waits until one more attempt is within the rate; attempts have their turn in the order in which they came.
    pub(super) async fn wait(&self, host: &str, rate: Rate) {
        let turn = self.turn(host, rate, Instant::now());
        sleep_until(turn).await;
    }

    /// Counts an attempt. Returns when it may be made.
    fn turn(&self, host: &str, rate: Rate, now: Instant) -> Instant {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = hosts.entry(host.to_owned()).or_default();
        while attempts.front().is_some_and(|at| *at + rate.per <= now) {
            attempts.pop_front();
        }
        let most = usize::try_from(rate.count).unwrap_or(usize::MAX).max(1);
        let oldest = attempts.len().checked_sub(most).and_then(|place| attempts.get(place));
        let turn = oldest.map_or(now, |oldest| (*oldest + rate.per).max(now));
        attempts.push_back(turn);
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_of_a_host_are_held_to_its_rate_and_other_hosts_are_not() {
        let (budget, rate, began) = (ConnectBudget::default(), Rate::new(2, 5), Instant::now());
        let mut waited = Vec::new();
        for _ in 0..5 {
            budget.wait("a", rate).await;
            waited.push(began.elapsed().as_secs());
        }
        assert_eq!(waited, [0, 0, 5, 5, 10]);
        let now = Instant::now();
        budget.wait("b", rate).await;
        assert_eq!(now.elapsed(), Duration::ZERO);
    }
}
