//! A task as stored, and a request to start one. Pure.

use std::time::Duration;

use crate::model::{Micros, Window};
use crate::tracker::status::{Priority, Status, TaskKind};

/// A task as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its id, the same for the same work.
    pub id: String,
    pub queue: String,
    /// The kind of work.
    pub kind: TaskKind,
    /// The series, as text; empty if it belongs to none.
    pub series: String,
    /// The window to fetch, if it is a window task.
    pub window: Option<Window>,
    pub status: Status,
    pub priority: Priority,
    /// Not claimed before this.
    pub run_at: Micros,
    /// Attempts since it last succeeded, the present one included.
    pub attempts: u32,
    /// Attempts ever begun.
    pub attempts_total: u32,
    /// Failed attempts until it is exhausted; `None` for never.
    pub max_attempts: Option<u32>,
    /// The delay after the first failed attempt; it doubles from one to the next.
    pub retry_delay: Duration,
    /// Grows with every claim and every intervention; attempts with an older fence cannot settle the task.
    pub fence: i64,
    /// Its holder.
    pub lease: Option<Lease>,
    /// Whether its holder was asked to stop.
    pub cancel_requested: bool,
    /// When it was first planned.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
    /// When it finished.
    pub finished_at: Option<Micros>,
    /// Progress as JSON, for the next attempt.
    pub data: String,
    /// Why it is ignored.
    pub reason: Option<String>,
    /// The store's time when this was read.
    pub as_of: Micros,
}

/// The right to work on a task until an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The holder.
    pub worker: String,
    /// When it was claimed.
    pub since: Micros,
    /// When it expires, exclusive.
    pub until: Micros,
}

/// A request to start a task.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// The requesting worker.
    pub worker: &'a str,
    /// The length of the lease.
    pub lease: Duration,
    /// The fence of a lease that the requester already holds, which does not block it.
    pub fence: Option<i64>,
    /// Take it from its holder.
    pub ignore_lock: bool,
    /// Start it even if it is exhausted or ignored.
    pub force: bool,
    /// Start it even if it succeeded.
    pub rerun: bool,
}

impl<'a> Start<'a> {
    /// A start that overrides nothing.
    #[must_use]
    pub fn new(worker: &'a str, lease: Duration) -> Self {
        Start { worker, lease, fence: None, ignore_lock: false, force: false, rerun: false }
    }
}
