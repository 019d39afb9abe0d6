//! How often a host may be connected to: all connections of the process count together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep_until};

use crate::exchange::live::Rate;

/// The attempts to connect, by host.
#[derive(Debug, Default)]
pub(super) struct ConnectBudget(Mutex<HashMap<String, VecDeque<Instant>>>);

impl ConnectBudget {
    /// Waits until one more attempt is within the rate, and counts it.
    pub(super) async fn wait(&self, host: &str, rate: Rate) {
        while let Err(until) = self.take(host, rate, Instant::now()) {
            sleep_until(until).await;
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// When it has to wait until the instant returned.
    fn take(&self, host: &str, rate: Rate, now: Instant) -> Result<(), Instant> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = hosts.entry(host.to_owned()).or_default();
        while attempts.front().is_some_and(|at| *at + rate.per <= now) {
            attempts.pop_front();
        }
        let most = usize::try_from(rate.count).unwrap_or(usize::MAX).max(1);
        match attempts.len().checked_sub(most).and_then(|place| attempts.get(place)) {
            Some(oldest) => Err(*oldest + rate.per),
            None => {
                attempts.push_back(now);
                Ok(())
            }
        }
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
