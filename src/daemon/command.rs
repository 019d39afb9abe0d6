//! What the scheduler is told by those who act on a running daemon.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::config::Config;
use crate::daemon::refusal::Refusal;
use crate::daemon::requests::Follower;
use crate::daemon::schedule::Changes;
use crate::engine::{CopyAsked, Job, Work};
use crate::model::{Micros, Series};

/// Commands that may wait for the scheduler.
pub(super) const INBOX: usize = 64;
/// What the scheduler is told.
pub(super) enum Command {
    /// Do this work.
    Work { works: Vec<Work>, at_once: usize, reply: oneshot::Sender<Result<Follower, Refusal>> },
    /// Do this with the copies.
    Copies { asked: CopyAsked, config: Arc<Config>, reply: oneshot::Sender<Result<Follower, Refusal>> },
    /// Run these jobs now.
    RunJobs { asked: Vec<String>, reply: oneshot::Sender<Result<Follower, Refusal>> },
    /// Which jobs are meant?
    Find { asked: Vec<String>, reply: oneshot::Sender<Result<Vec<Series>, Refusal>> },
    /// Let these jobs not run by themselves, or let them again.
    Pause { series: Vec<Series>, is_paused: bool },
    /// Take a request back.
    Cancel { id: u64, reply: oneshot::Sender<bool> },
    /// Do what waits in the tracker; what is in hand already, or too much, is offered again.
    TakeUp { works: Vec<Work> },
    /// The rows of these jobs are due since then.
    Wake { due: Vec<(Series, Micros)> },
    /// Go on with these jobs.
    Adopt { jobs: Vec<Job>, slots: usize, reply: oneshot::Sender<Changes> },
}
