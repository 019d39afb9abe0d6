//! The state machine of a task: what each operation may do to it. Pure.
//!
//! Both stores change a task through this file alone, but for claims and completions by the batch: those are
//! statements of their own (`sql/*/claim.sql`, `complete.sql`) that say the same, and change with it.

use std::time::Duration;

use crate::model::Micros;
use crate::tracker::refusal::Refusal;
use crate::tracker::status::{Status, TaskKind};
use crate::tracker::task::{Lease, Start, Task};
use crate::tracker::verdict::{Next, Verdict, short};

/// Why a task that was cancelled is ignored.
const CANCELLED: &str = "cancelled";

impl Task {
    /// Whether another than the holder of `fence` holds it at `now`.
    #[must_use]
    pub fn is_locked(&self, fence: Option<i64>, now: Micros) -> bool {
        self.lease.as_ref().is_some_and(|lease| fence != Some(self.fence) && now < lease.until)
    }

    /// Begins an attempt. Gives the fence of an attempt that this one replaces, whose lease is lost.
    ///
    /// # Errors
    /// Locked first, then exhausted, ignored and succeeded. The time it is due plays no part: naming a task
    /// starts it in spite of its back-off.
    pub fn start(&mut self, ask: &Start<'_>, now: Micros) -> Result<Option<i64>, Refusal> {
        if !ask.ignore_lock && self.is_locked(ask.fence, now) {
            return Err(self.locked());
        }
        match self.status {
            Status::Exhausted | Status::Ignored if !ask.force => return Err(self.refused()),
            Status::Succeeded if !ask.rerun => return Err(self.refused()),
            _ => {}
        }
        let replaced = (self.status == Status::InProgress).then_some(self.fence);
        self.status = Status::InProgress;
        self.attempts = self.attempts.saturating_add(1);
        self.attempts_total = self.attempts_total.saturating_add(1);
        self.fence += 1;
        self.lease = Some(Lease { worker: ask.worker.to_owned(), since: now, until: now + ask.lease });
        (self.cancel_requested, self.finished_at, self.reason) = (false, None, None);
        self.updated_at = now;
        Ok(replaced)
    }

    /// Ends the attempt of `fence`.
    ///
    /// # Errors
    /// When its lease is lost. One that ran out before anybody else took the task still counts.
    pub fn settle(&mut self, fence: i64, verdict: &Verdict, now: Micros) -> Result<(), Refusal> {
        if self.fence != fence || self.status != Status::InProgress {
            return Err(Refusal::LeaseLost { id: self.id.clone() });
        }
        match verdict {
            Verdict::Succeeded { again_at } => {
                self.attempts = 0;
                self.close(Status::Succeeded, now);
                self.arm(*again_at);
            }
            Verdict::Failed { next, .. } => self.fail(*next, now),
            Verdict::RateLimited { wait, .. } => self.forgive(now + *wait, now),
            Verdict::GivenBack => self.forgive(now, now),
            Verdict::Cancelled { again_at } => {
                self.close(Status::Ignored, now);
                self.reason = Some(CANCELLED.to_owned());
                self.arm(*again_at);
            }
        }
        Ok(())
    }

    /// Takes the task from a holder whose lease is over; gives whether there was one.
    pub fn expire(&mut self, now: Micros) -> bool {
        let is_over = self.lease.as_ref().is_none_or(|lease| lease.until <= now);
        if self.status != Status::InProgress || !is_over {
            return false;
        }
        match (self.cancel_requested, self.max_attempts) {
            (true, Some(_)) => {
                self.close(Status::Ignored, now);
                self.reason = Some(CANCELLED.to_owned());
            }
            _ => self.fail(Next::Backoff { at_least: Duration::ZERO }, now),
        }
        true
    }

    /// Has it done as if it had never been tried, at once.
    ///
    /// # Errors
    /// While a worker holds it, and once it succeeded unless `force` is given.
    pub fn retry(&mut self, force: bool, now: Micros) -> Result<(), Refusal> {
        self.must_be_idle()?;
        if self.status == Status::Succeeded && !force {
            return Err(self.refused());
        }
        self.attempts = 0;
        self.fence += 1;
        self.run_at = now;
        self.close(Status::Pending, now);
        Ok(())
    }

    /// Skips it until it is retried.
    ///
    /// # Errors
    /// While a worker holds it.
    pub fn ignore(&mut self, reason: &str, now: Micros) -> Result<(), Refusal> {
        self.must_be_idle()?;
        self.fence += 1;
        self.close(Status::Ignored, now);
        self.reason = Some(short(reason));
        Ok(())
    }

    /// Takes it from its holder, who is fenced out at once; gives the fence of the attempt that ends so.
    ///
    /// # Errors
    /// When no worker holds it.
    pub fn unlock(&mut self, now: Micros) -> Result<i64, Refusal> {
        self.must_be_running()?;
        let lost = self.fence;
        self.fence += 1;
        self.run_at = now;
        self.close(Status::Failed, now);
        Ok(lost)
    }

    /// Asks its holder to stop, or has a waiting window never done.
    ///
    /// # Errors
    /// When there is nothing to cancel: it is over, or is a recurring job between two runs.
    pub fn cancel(&mut self, now: Micros) -> Result<(), Refusal> {
        match self.status {
            Status::InProgress => {
                self.cancel_requested = true;
                self.updated_at = now;
                Ok(())
            }
            status if status.is_waiting() && self.kind != TaskKind::Job => self.ignore(CANCELLED, now),
            status => Err(Refusal::NotRunning { id: self.id.clone(), status }),
        }
    }

    /// The wait after the attempts that failed so far.
    #[must_use]
    pub fn backoff(&self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.attempts.saturating_sub(1).min(20));
        self.retry_delay.saturating_mul(doubled)
    }

    fn fail(&mut self, next: Next, now: Micros) {
        let is_last = self.max_attempts.is_some_and(|most| self.attempts >= most || next == Next::Never);
        self.run_at = match next {
            Next::Backoff { at_least } => now + self.backoff().max(at_least),
            Next::At(at) => at,
            Next::Never => now + self.backoff(),
        };
        self.close(if is_last { Status::Exhausted } else { Status::Failed }, now);
    }

    /// Ends an attempt that does not count.
    fn forgive(&mut self, run_at: Micros, now: Micros) {
        self.attempts = self.attempts.saturating_sub(1);
        self.run_at = run_at;
        self.close(Status::Pending, now);
    }

    /// A recurring job is pending again, whatever became of this run.
    fn arm(&mut self, again_at: Option<Micros>) {
        if let Some(at) = again_at {
            (self.status, self.run_at, self.finished_at, self.reason) = (Status::Pending, at, None, None);
        }
    }

    fn close(&mut self, status: Status, now: Micros) {
        self.status = status;
        (self.lease, self.cancel_requested, self.reason) = (None, false, None);
        self.finished_at = (!status.is_open()).then_some(now);
        self.updated_at = now;
    }

    fn must_be_idle(&self) -> Result<(), Refusal> {
        match self.status {
            Status::InProgress => {
                Err(Refusal::InProgress { id: self.id.clone(), worker: self.holder().to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn must_be_running(&self) -> Result<(), Refusal> {
        match self.status {
            Status::InProgress => Ok(()),
            status => Err(Refusal::NotRunning { id: self.id.clone(), status }),
        }
    }

    fn locked(&self) -> Refusal {
        let until = self.lease.as_ref().map_or(self.updated_at, |lease| lease.until);
        Refusal::TaskLocked { id: self.id.clone(), worker: self.holder().to_owned(), until }
    }

    /// Why a task in this state is not begun.
    fn refused(&self) -> Refusal {
        let id = self.id.clone();
        match self.status {
            Status::Ignored => Refusal::Ignored { id, reason: self.reason.clone().unwrap_or_default() },
            Status::Succeeded => Refusal::AlreadySucceeded { id },
            _ => Refusal::NoMoreRetries { id, attempts: self.attempts },
        }
    }

    /// The worker that holds it; a word that names none where it is free.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.lease.as_ref().map_or("nobody", |lease| &lease.worker)
    }
}
