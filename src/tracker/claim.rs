//! Claims work: the most urgent tasks of a queue, or one by id.

use std::cmp::Reverse;
use std::time::Duration;

use crate::telemetry::events::{LeaseTaken, TasksClaimed};
use crate::tracker::change::{Altered, Ending, json};
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::verdict::outcome;
use crate::tracker::{Claim, Start, Status, Tracker, TrackerError};

/// Who claims, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Claimer<'a> {
    /// The worker's name, unique among all processes that ever ran.
    pub worker: &'a str,
    /// The length of its leases; it renews them every third of that.
    pub lease: Duration,
}

impl Tracker {
    /// Claims at most `most` due tasks of a queue, the most urgent first, then those due longest.
    ///
    /// No two workers get the same task, and tasks that are not due are not even read.
    ///
    /// # Errors
    /// If the store fails; nothing is claimed then.
    pub async fn claim(
        &self,
        claimer: Claimer<'_>,
        queue: &str,
        most: u32,
    ) -> Result<Vec<Claim>, TrackerError> {
        let mut claimed = self.trying("claim", || self.claim_once(claimer, queue, most)).await?;
        claimed.sort_by(|a, b| {
            (Reverse(a.priority), a.run_at, &a.id).cmp(&(Reverse(b.priority), b.run_at, &b.id))
        });
        if !claimed.is_empty() {
            self.telemetry.emit(TasksClaimed { exchange: queue, tasks: claimed.len() as u64 });
        }
        Ok(claimed)
    }

    async fn claim_once(&self, claimer: Claimer<'_>, queue: &str, most: u32) -> sqlx::Result<Vec<Claim>> {
        let (mut change, now) = (self.change().await?, self.now());
        let values = values![now, micros(claimer.lease), queue, i64::from(most), claimer.worker];
        let claimed: Vec<Claim> = change.rows(change.sql.claim, values).await?;
        if !claimed.is_empty() && !change.sql.open_attempts.is_empty() {
            let ids: Vec<&str> = claimed.iter().map(|claim| claim.id.as_str()).collect();
            change.run(change.sql.open_attempts, values![now, &json(&ids), claimer.worker]).await?;
        }
        for claim in &claimed {
            change.forget_attempts(&claim.id, claim.attempts_total).await?;
        }
        change.commit().await?;
        Ok(claimed)
    }

    /// Claims one task by id, even before it is due.
    ///
    /// # Errors
    /// Refused if it is locked, exhausted, ignored or done, checked in this order, unless the start overrides
    /// that; or if the store fails.
    pub async fn claim_by_id(&self, id: &str, start: &Start<'_>) -> Result<Claim, TrackerError> {
        let Altered { before, task } = self
            .alter("claim", id, |task| {
                let replaced = task.start(start, task.as_of)?;
                Ok(replaced.map(|fence| Ending { fence, outcome: outcome::LEASE_LOST, fault: None }))
            })
            .await?;
        if before.status == Status::InProgress {
            self.telemetry.emit(LeaseTaken { exchange: &task.queue, task: id, worker: before.holder() });
        }
        self.telemetry.emit(TasksClaimed { exchange: &task.queue, tasks: 1 });
        Ok(Claim::from(&task))
    }
}
