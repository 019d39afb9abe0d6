//! Renews leases and ends attempts. Each operation requires the fence, so that a worker that lost its lease
//! changes nothing.

use crate::telemetry::events::{AttemptEnded, AttemptsSucceeded, LeaseTaken};
use crate::tracker::change::{Ending, Wire, json};
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::verdict::outcome;
use crate::tracker::{Claim, Claimer, Refusal, Status, Task, Tracker, TrackerError, Verdict};

/// Leases taken from dead workers per round.
const REAPED_AT_ONCE: i64 = 200;

/// A held task with its fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLease {
    /// The task.
    pub id: String,
    /// The fence of the attempt.
    pub fence: i64,
    /// Progress as JSON; `None` keeps the stored one.
    pub data: Option<String>,
}

impl From<&Claim> for HeldLease {
    fn from(claim: &Claim) -> Self {
        HeldLease { id: claim.id.clone(), fence: claim.fence, data: None }
    }
}

/// A renewed lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The task.
    pub id: String,
    /// Whether the work was asked to stop.
    pub cancel_requested: bool,
}

impl Tracker {
    /// Renews the leases of everything a worker holds, in one statement, and saves the progress of each. A
    /// task missing from the result is lost: its work must stop at once.
    ///
    /// # Errors
    /// If the store fails; the leases are not extended then.
    pub async fn renew(
        &self,
        claimer: Claimer<'_>,
        held: &[HeldLease],
    ) -> Result<Vec<Renewed>, TrackerError> {
        let (now, held) = (self.now(), wire(held));
        let values = values![now, micros(claimer.lease), &held];
        let renewed: Vec<(String, i64)> = self.write("renew", |sql| sql.renew, values).await?;
        Ok(renewed.into_iter().map(|(id, cancel)| Renewed { id, cancel_requested: cancel != 0 }).collect())
    }

    /// Ends the attempt of a claim; `data` is its progress as JSON. Returns the task's new state.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] if another worker took the task meanwhile; nothing is recorded then.
    pub async fn settle(
        &self,
        claim: &Claim,
        verdict: &Verdict,
        data: Option<&str>,
    ) -> Result<Status, TrackerError> {
        let altered = self
            .alter("settle", &claim.id, |task| {
                task.settle(claim.fence, verdict, task.as_of)?;
                data.into_iter().for_each(|data| data.clone_into(&mut task.data));
                let (outcome, fault) = (verdict.outcome(), verdict.fault().cloned());
                Ok(Some(Ending { fence: claim.fence, outcome, fault }))
            })
            .await;
        let status = altered.map_err(|error| not_found_is_lost(error, &claim.id))?.task.status;
        let (exchange, outcome) = (claim.queue.as_str(), verdict.outcome());
        let is_exhausted = status == Status::Exhausted;
        self.telemetry.emit(AttemptEnded { exchange, task: &claim.id, outcome, is_exhausted });
        Ok(status)
    }

    /// Ends the attempt of a claim that is no longer wanted, and deletes its task.
    ///
    /// # Errors
    /// [`Refusal::LeaseLost`] if another worker took the task meanwhile; it is not deleted then.
    pub async fn withdraw(&self, claim: &Claim) -> Result<(), TrackerError> {
        if !self.trying("cancel", || self.withdraw_once(claim)).await? {
            return Err(Refusal::LeaseLost { id: claim.id.clone() }.into());
        }
        let (exchange, outcome) = (claim.queue.as_str(), outcome::CANCELLED);
        self.telemetry.emit(AttemptEnded { exchange, task: &claim.id, outcome, is_exhausted: false });
        Ok(())
    }

    async fn withdraw_once(&self, claim: &Claim) -> sqlx::Result<bool> {
        let mut change = self.change().await?;
        let held = self.load(&mut change, &claim.id).await?;
        if held.is_none_or(|task| task.fence != claim.fence || task.status != Status::InProgress) {
            change.undo().await?;
            return Ok(false);
        }
        change.run(change.sql.drop_attempts, values![&claim.id]).await?;
        change.run(change.sql.drop_task, values![&claim.id]).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Marks many claimed tasks of a queue as succeeded, in one statement. Returns those that count; the
    /// leases of the others were lost.
    ///
    /// # Errors
    /// If the store fails; no attempt has ended then.
    pub async fn complete(&self, queue: &str, held: &[HeldLease]) -> Result<Vec<String>, TrackerError> {
        let done = self.trying("complete", || self.complete_once(held)).await?;
        self.telemetry.emit(AttemptsSucceeded { exchange: queue, tasks: &done });
        Ok(done)
    }

    async fn complete_once(&self, held: &[HeldLease]) -> sqlx::Result<Vec<String>> {
        let (mut change, now, held) = (self.change().await?, self.now(), wire(held));
        let done: Vec<(String,)> = change.rows(change.sql.complete, values![now, &held]).await?;
        if !change.sql.close_attempts.is_empty() {
            change.run(change.sql.close_attempts, values![now, &held]).await?;
        }
        change.commit().await?;
        Ok(done.into_iter().map(|(id,)| id).collect())
    }

    /// Takes every task with an expired lease from its holder, which counts as a failed attempt. Returns them
    /// as they are now.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn reap(&self) -> Result<Vec<Task>, TrackerError> {
        let reaped = self.trying("reap", || self.reap_once(None)).await?;
        self.tell_reaped(&reaped);
        Ok(reaped.into_iter().map(|(task, _)| task).collect())
    }

    /// Takes every task held by other workers of a data path. Only for a caller that holds the data path's
    /// lock, which proves that they are dead.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn reap_place(&self, place: &str, worker: &str) -> Result<Vec<Task>, TrackerError> {
        let mut all = Vec::new();
        loop {
            let reaped = self.trying("reap", || self.reap_once(Some((place, worker)))).await?;
            self.tell_reaped(&reaped);
            if reaped.is_empty() {
                return Ok(all);
            }
            all.extend(reaped.into_iter().map(|(task, _)| task));
        }
    }

    /// The tasks taken, each with its former holder.
    async fn reap_once(&self, dead: Option<(&str, &str)>) -> sqlx::Result<Vec<(Task, String)>> {
        let (mut change, now, mut reaped) = (self.change().await?, self.now(), Vec::new());
        let over: Vec<Task> = match dead {
            None => change.rows(change.sql.expired, values![now, REAPED_AT_ONCE]).await?,
            Some((place, worker)) => {
                change.rows(change.sql.orphaned, values![now, place, worker, REAPED_AT_ONCE]).await?
            }
        };
        for held in over {
            let mut task = held.clone();
            if dead.is_some() {
                // Its holder is known to be dead, so the lease ends now.
                task.lease.iter_mut().for_each(|lease| lease.until = held.as_of);
            }
            if task.expire(held.as_of) {
                change.save(&held, &task).await?;
                let ending = Ending { fence: held.fence, outcome: outcome::LEASE_LOST, fault: None };
                change.close_attempt(&held.id, &ending, held.as_of).await?;
                reaped.push((task, held.holder().to_owned()));
            }
        }
        change.commit().await?;
        Ok(reaped)
    }

    fn tell_reaped(&self, reaped: &[(Task, String)]) {
        for (task, worker) in reaped {
            let (exchange, is_exhausted) = (task.queue.as_str(), task.status == Status::Exhausted);
            self.telemetry.emit(LeaseTaken { exchange, task: &task.id, worker });
            let outcome = outcome::LEASE_LOST;
            self.telemetry.emit(AttemptEnded { exchange, task: &task.id, outcome, is_exhausted });
        }
    }
}

fn wire(held: &[HeldLease]) -> String {
    let wire = held.iter().map(|held| Wire { id: &held.id, fence: held.fence, data: held.data.as_deref() });
    json(&wire.collect::<Vec<_>>())
}

/// A missing task was pruned or merged with another, so its attempt no longer counts.
fn not_found_is_lost(error: TrackerError, id: &str) -> TrackerError {
    match error {
        TrackerError::Refused(Refusal::NotFound { .. }) => Refusal::LeaseLost { id: id.to_owned() }.into(),
        other => other,
    }
}
