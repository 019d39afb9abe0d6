//! The state machine of a task: the effect of each operation. Pure.
//!
//! Both stores change tasks only through this file, except for batch claims and completions, whose statements
//! (`sql/*/claim.sql`, `complete.sql`) implement the same rules and must change with it.

use std::time::Duration;

use crate::model::Micros;
use crate::tracker::refusal::Refusal;
use crate::tracker::status::Status;
use crate::tracker::task::{Lease, Start, Task};
use crate::tracker::verdict::{Next, Verdict, short};

/// Why a cancelled task is ignored.
const CANCELLED: &str = "cancelled";

impl Task {
    /// Whether a worker other than the holder of `fence` holds it at `now`.
    #[must_use]
    pub(crate) fn is_locked(&self, fence: Option<i64>, now: Micros) -> bool {
        self.lease.as_ref().is_some_and(|lease| fence != Some(self.fence) && now < lease.until)
    }

    /// Begins an attempt. Returns the fence of the attempt it replaces, whose lease is lost.
    ///
    /// # Errors
    /// Locked is checked first, then exhausted, ignored and succeeded. The due time is not checked: claiming
    /// by id overrides the back-off.
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

    /// Ends the attempt with this fence.
    ///
    /// # Errors
    /// If its lease is lost. A lease that expired still counts until another worker takes the task.
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

    /// Takes the task from a holder whose lease has expired; returns whether there was one.
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

    /// Resets it to run at once, as if it had never been tried.
    ///
    /// # Errors
    /// While a worker holds it, and if it succeeded unless `force` is set.
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

    /// Takes it from its holder, which is fenced off at once; returns the fence of the attempt that ends.
    ///
    /// # Errors
    /// If no worker holds it.
    pub fn unlock(&mut self, now: Micros) -> Result<i64, Refusal> {
        self.must_be_running()?;
        let lost = self.fence;
        self.fence += 1;
        self.run_at = now;
        self.close(Status::Failed, now);
        Ok(lost)
    }

    /// Asks its holder to stop, or ignores a waiting window.
    ///
    /// # Errors
    /// If there is nothing to cancel: it is finished, or a job or stream between two runs.
    pub fn cancel(&mut self, now: Micros) -> Result<(), Refusal> {
        match self.status {
            Status::InProgress => {
                self.cancel_requested = true;
                self.updated_at = now;
                Ok(())
            }
            status if status.is_waiting() && !self.kind.recurs() => self.ignore(CANCELLED, now),
            status => Err(Refusal::NotRunning { id: self.id.clone(), status }),
        }
    }

    /// The delay after the failed attempts so far.
    #[must_use]
    pub(crate) fn backoff(&self) -> Duration {
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

    /// Ends an attempt without counting it.
    fn forgive(&mut self, run_at: Micros, now: Micros) {
        self.attempts = self.attempts.saturating_sub(1);
        self.run_at = run_at;
        self.close(Status::Pending, now);
    }

    /// Makes a recurring job pending again, however this run ended.
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

    /// Why a task in this state cannot be started.
    fn refused(&self) -> Refusal {
        let id = self.id.clone();
        match self.status {
            Status::Ignored => Refusal::Ignored { id, reason: self.reason.clone().unwrap_or_default() },
            Status::Succeeded => Refusal::AlreadySucceeded { id },
            _ => Refusal::NoMoreRetries { id, attempts: self.attempts },
        }
    }

    /// The worker that holds it; a placeholder if it is free.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.lease.as_ref().map_or("nobody", |lease| &lease.worker)
    }
}
