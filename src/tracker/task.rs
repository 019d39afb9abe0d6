//! A task as the store knows it, and a wish to begin work on one. Pure.

use std::time::Duration;

use crate::model::{Micros, Window};
use crate::tracker::status::{Priority, Status, TaskKind};

/// A task as the store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its name, the same for the same work.
    pub id: String,
    /// The queue it waits in: its exchange.
    pub queue: String,
    /// The kind of work.
    pub kind: TaskKind,
    /// The series of the work, as text; empty where it belongs to none.
    pub series: String,
    /// The window to fetch, for a task that is one.
    pub window: Option<Window>,
    /// Where it stands.
    pub status: Status,
    /// How urgent it is.
    pub priority: Priority,
    /// It is not claimed before.
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
    /// Its holder was asked to stop.
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
    /// Take it from its holder.
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
