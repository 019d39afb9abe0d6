//! Commands that `Control` and the task poller send to the scheduler.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::config::Config;
use crate::daemon::refusal::Refusal;
use crate::daemon::requests::Follower;
use crate::daemon::schedule::Changes;
use crate::engine::{CopyAsked, Job, Work};
use crate::model::{Micros, Series};

/// Capacity of the scheduler's command channel.
pub(super) const INBOX: usize = 64;
pub(super) enum Command {
    /// Start this work.
    Work { works: Vec<Work>, at_once: usize, reply: oneshot::Sender<Result<Follower, Refusal>> },
    /// Sync, purge or restore the copies.
    Copies { asked: CopyAsked, config: Arc<Config>, reply: oneshot::Sender<Result<Follower, Refusal>> },
    /// Run these jobs now.
    RunJobs { asked: Vec<String>, reply: oneshot::Sender<Result<Follower, Refusal>> },
    /// Resolve selectors to jobs, and live series beside them.
    Find { asked: Vec<String>, live: Vec<Arc<Series>>, reply: oneshot::Sender<Result<Vec<Series>, Refusal>> },
    /// Pause or resume the scheduling of these jobs.
    Pause { series: Vec<Series>, is_paused: bool },
    /// Cancel a request.
    Cancel { id: u64, reply: oneshot::Sender<bool> },
    /// Start tasks that wait in the tracker. Any that do not fit now are offered again later.
    TakeUp { works: Vec<Work> },
    /// These jobs' tracker rows are due earlier than the schedule has them.
    Wake { due: Vec<(Series, Micros)> },
    /// Switch to the jobs of a new configuration.
    Adopt { jobs: Vec<Job>, slots: usize, reply: oneshot::Sender<Changes> },
}
