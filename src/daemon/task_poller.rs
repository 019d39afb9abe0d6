//! Polls the tracker for due tasks, planned by any process: windows that another process left, that were retried or
//! that have waited out their rest, and jobs whose rows are due before the schedule has them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::daemon::Control;
use crate::daemon::command::Command;
use crate::engine::{Job, Work};
use crate::model::Series;
use crate::tracker::{Task, TrackerError};

/// How often the tracker is polled.
const ROUND: Duration = Duration::from_secs(1);
/// How long one poll may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How often exhausted windows are revived.
const LOOK: Duration = Duration::from_secs(60);
/// Most windows taken per poll.
const WINDOWS: u32 = 64;
/// Most jobs read per poll.
const JOBS: u32 = 1_000;

/// Sends due tasks to the scheduler.
pub struct TaskPoller {
    control: Control,
}

impl TaskPoller {
    /// A poller for a running daemon.
    #[must_use]
    pub fn new(control: Control) -> Self {
        TaskPoller { control }
    }

    /// Polls until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: Option<Instant> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK);
            let round = timeout(ANSWER_WITHIN, self.poll(is_due));
            // The tracker reports its own errors; the next round tries again.
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = round => done,
            };
            if is_due && matches!(done, Ok(Ok(()))) {
                looked = Some(Instant::now());
            }
        }
    }

    async fn poll(&self, looks: bool) -> Result<(), TrackerError> {
        let tracker = self.control.engine().worker().tracker();
        if looks {
            tracker.reopen_rested().await?;
        }
        let jobs = tracker.due_jobs(JOBS).await?;
        let due = jobs.into_iter().filter_map(|(id, at)| Some((id.parse::<Series>().ok()?, at)));
        let fleet = self.control.engine().fleet();
        let due: Vec<_> = due.filter(|(series, _)| fleet.has(series)).collect();
        if !due.is_empty() {
            self.tell(Command::Wake { due }).await;
        }
        let windows = tracker.due_windows(WINDOWS).await?;
        if !windows.is_empty() {
            self.take_up(&windows).await;
        }
        Ok(())
    }

    async fn take_up(&self, windows: &[Task]) {
        let config = self.control.in_force();
        let jobs = Job::all(&config);
        let mut works = Vec::new();
        let fleet = self.control.engine().fleet();
        let all = windows.iter().filter_map(|task| Work::of_task(task, &jobs));
        for work in all.filter(|work| fleet.may_have(&work.order.series)) {
            match self.control.engine().register(&config, &[Arc::clone(&work.order.series)]).await {
                Ok(()) => works.push(work),
                Err(error) => tracing::debug!(series = %work.order.series, %error, "a window waits"),
            }
        }
        self.tell(Command::TakeUp { works }).await;
    }

    /// Sends a command to the scheduler; if it is busy, the next round sends it again.
    async fn tell(&self, command: Command) {
        let _ = self.control.send(command).await;
    }
}
