//! What waits in the tracker, whoever put it there: windows that another process left, that somebody retried or
//! that have rested, and jobs whose rows are due before the schedule has them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::daemon::Control;
use crate::daemon::command::Command;
use crate::engine::{Job, Work};
use crate::model::Series;
use crate::tracker::{Task, TrackerError};

/// How often the tracker is asked.
const ROUND: Duration = Duration::from_secs(1);
/// How long its answers may take together.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How often windows that were given up are looked at.
const LOOK: Duration = Duration::from_secs(60);
/// Windows that are taken in at once; the next round takes further ones.
const WINDOWS: u32 = 64;
/// Jobs that are looked at in one round.
const JOBS: u32 = 1_000;

/// Hands the scheduler what is due in the tracker.
pub struct TaskPoller {
    control: Control,
}

impl TaskPoller {
    /// The poller of a running daemon.
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
            // What failed was told by the tracker; it waits for the next round.
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

    /// Tells the scheduler; one that does not listen now is told again in the next round.
    async fn tell(&self, command: Command) {
        let _ = self.control.send(command).await;
    }
}
