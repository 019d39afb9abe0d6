//! The state machine of a task: what each operation may do to it, and to what. Pure.
//!
//! Both stores change a task through this file alone, but for claims and completions by the batch: those are
//! statements of their own (`sql.rs`) that say the same, and change with it.

use std::time::Duration;

use thiserror::Error;

use crate::model::{Micros, Window, escaped};
use crate::tracker::status::{Priority, Status, TaskKind};

/// The words of attempts that ended, in the store and in labels.
pub mod outcome {
    /// It did what it was to do.
    pub const SUCCEEDED: &str = "succeeded";
    /// It failed.
    pub const FAILED: &str = "failed";
    /// Its worker did not renew the lease, or somebody took the task away.
    pub const LEASE_LOST: &str = "lease_lost";
    /// The exchange asked to wait; the attempt does not count.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The program stopped; the attempt does not count.
    pub const GIVEN_BACK: &str = "given_back";
    /// Somebody cancelled it.
    pub const CANCELLED: &str = "cancelled";

    /// Every one of them.
    pub const ALL: [&str; 6] = [SUCCEEDED, FAILED, LEASE_LOST, RATE_LIMITED, GIVEN_BACK, CANCELLED];
}

/// Why a task that was cancelled is ignored.
pub const CANCELLED: &str = "cancelled";

/// A task as the store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its name, the same for the same work.
    pub id: String,
    /// The queue it waits in: its exchange.
    pub queue: String,
    /// What kind of work it is.
    pub kind: TaskKind,
    /// Whose work, as text; empty where it belongs to no series.
    pub series: String,
    /// What to fetch, for a task that is a window.
    pub window: Option<Window>,
    /// Where it stands.
    pub status: Status,
    /// How urgent it is.
    pub priority: Priority,
    /// Nobody claims it before.
    pub run_at: Micros,
    /// Attempts since it last succeeded, the present one included.
    pub attempts: u32,
    /// Attempts ever begun.
    pub attempts_total: u32,
    /// After so many failed attempts it is exhausted; none never is.
    pub max_attempts: Option<u32>,
    /// The wait after the first failed attempt; it doubles from one to the next.
    pub retry_delay: Duration,
    /// Grows with every claim and every act of an operator: an older one may not settle the task.
    pub fence: i64,
    /// Who holds it.
    pub lease: Option<Lease>,
    /// Somebody asked its holder to stop.
    pub cancel_requested: bool,
    /// When it was first planned.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
    /// When it came to an end.
    pub finished_at: Option<Micros>,
    /// How far it is, as JSON; for the next attempt.
    pub data: String,
    /// Why it is ignored.
    pub reason: Option<String>,
    /// The store's time when this was read.
    pub as_of: Micros,
}

/// The right to work on a task until an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub worker: String,
    /// Since when.
    pub since: Micros,
    /// Until when, exclusive.
    pub until: Micros,
}

/// A wish to begin work on a task.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// Who wishes.
    pub worker: &'a str,
    /// How long the lease is to last.
    pub lease: Duration,
    /// The fence of a lease that is already the caller's: it does not lock the caller out.
    pub fence: Option<i64>,
    /// Take it from whoever holds it.
    pub ignore_lock: bool,
    /// Begin although it is exhausted or ignored.
    pub force: bool,
    /// Begin although it succeeded.
    pub rerun: bool,
}

impl<'a> Start<'a> {
    /// A start that passes over nothing.
    #[must_use]
    pub fn new(worker: &'a str, lease: Duration) -> Self {
        Start { worker, lease, fence: None, ignore_lock: false, force: false, rerun: false }
    }
}

/// How an attempt ended, as its holder tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The work is done; a recurring job is due again at `again_at`.
    Succeeded {
        /// When it is due again; none for work that is over.
        again_at: Option<Micros>,
    },
    /// The work failed.
    Failed {
        /// Why.
        fault: Fault,
        /// When to try again.
        next: Next,
    },
    /// The exchange asked to wait so long; the attempt does not count.
    RateLimited {
        /// Why.
        fault: Fault,
        /// How long.
        wait: Duration,
    },
    /// The program stops; the attempt does not count and the task waits for whoever comes next.
    GivenBack,
    /// It was stopped because somebody asked for it; a recurring job is due again at `again_at`.
    Cancelled {
        /// When it is due again; none for work that is over.
        again_at: Option<Micros>,
    },
}

impl Verdict {
    /// The word of the attempt.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Verdict::Succeeded { .. } => outcome::SUCCEEDED,
            Verdict::Failed { .. } => outcome::FAILED,
            Verdict::RateLimited { .. } => outcome::RATE_LIMITED,
            Verdict::GivenBack => outcome::GIVEN_BACK,
            Verdict::Cancelled { .. } => outcome::CANCELLED,
        }
    }

    /// Why the attempt failed, where it did.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Verdict::Failed { fault, .. } | Verdict::RateLimited { fault, .. } => Some(fault),
            _ => None,
        }
    }
}

/// When a failed task is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the task's own back-off, and not before the exchange's wait is over.
    Backoff {
        /// What the exchange asked for.
        at_least: Duration,
    },
    /// At an instant, as the rhythm of a recurring job says.
    At(Micros),
    /// Never: the next attempt would meet the same.
    Never,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The class, a word of a closed set.
    pub class: String,
    /// The message, at most [`Fault::MESSAGE_BYTES`].
    pub message: String,
    /// The messages of its causes, at most [`Fault::CAUSES`] of them.
    pub causes: Vec<String>,
}

impl Fault {
    /// The most bytes of a message that are kept.
    pub const MESSAGE_BYTES: usize = 8 << 10;
    /// The most causes that are kept.
    pub const CAUSES: usize = 10;

    /// An error with its causes; a cause that its error repeats is left out.
    #[must_use]
    pub fn of(class: &str, error: &dyn std::error::Error) -> Self {
        let message = short(&error.to_string());
        let (mut causes, mut said, mut next) = (Vec::new(), message.clone(), error.source());
        while let Some(cause) = next.filter(|_| causes.len() < Fault::CAUSES) {
            let text = short(&cause.to_string());
            if !said.ends_with(&text) {
                causes.push(text.clone());
            }
            said = text;
            next = cause.source();
        }
        Fault { class: class.to_owned(), message, causes }
    }
}

fn short(text: &str) -> String {
    escaped(&text[..text.floor_char_boundary(Fault::MESSAGE_BYTES)]).into_owned()
}

/// Why an operation on a task is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else works on it.
    #[error("{id} is locked by {worker} until {until}; wait, or free it with `dccd jobs unlock {id}`")]
    TaskLocked {
        /// The task.
        id: String,
        /// Who holds it.
        worker: String,
        /// Until when, unless the lease is renewed.
        until: Micros,
    },
    /// It failed as often as it may.
    #[error(
        "{id} failed {attempts} times and is not tried again; see `dccd jobs show {id}`, then `dccd jobs retry {id}`"
    )]
    NoMoreRetries {
        /// The task.
        id: String,
        /// How often.
        attempts: u32,
    },
    /// Somebody said that it is not to be done.
    #[error("{id} is ignored ({reason}); `dccd jobs retry {id}` takes that back")]
    Ignored {
        /// The task.
        id: String,
        /// Why.
        reason: String,
    },
    /// It is done already.
    #[error("{id} has succeeded already; `dccd jobs retry --force {id}` has it done again")]
    AlreadySucceeded {
        /// The task.
        id: String,
    },
    /// There is no such task.
    #[error("there is no task {id}; `dccd jobs ls` shows what there is")]
    NotFound {
        /// What was asked for.
        id: String,
    },
    /// A worker is at it.
    #[error("{id} is being worked on by {worker}; cancel or unlock it first")]
    InProgress {
        /// The task.
        id: String,
        /// Who.
        worker: String,
    },
    /// Nobody is at it.
    #[error("{id} is {status}, nobody works on it")]
    NotRunning {
        /// The task.
        id: String,
        /// Where it stands.
        status: Status,
    },
    /// The lease is over and the task is somebody else's business now.
    #[error("the lease on {id} is lost; what this attempt did is not recorded")]
    LeaseLost {
        /// The task.
        id: String,
    },
}

impl Task {
    /// Whether somebody other than the holder of `fence` holds it at `now`.
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
    /// While somebody works on it, and once it succeeded unless `force` is given.
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

    /// Has it never done, until somebody retries it.
    ///
    /// # Errors
    /// While somebody works on it.
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
    /// When nobody works on it.
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

    /// Who holds it; `nobody` where nobody does.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.lease.as_ref().map_or("nobody", |lease| &lease.worker)
    }
}
