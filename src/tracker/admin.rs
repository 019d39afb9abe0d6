//! The operators' side: lists, the record of one task, and taking decisions back.

use crate::model::Micros;
use crate::tracker::change::Ending;
use crate::tracker::connection::values;
use crate::tracker::verdict::outcome;
use crate::tracker::{Attempt, Refusal, Status, Task, TaskKind, Tracker, TrackerError};

/// Which tasks to list; what is none is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those of a queue.
    pub queue: Option<String>,
    /// Those in a state.
    pub status: Option<Status>,
    /// Those of a kind.
    pub kind: Option<TaskKind>,
    /// Those whose series begins so.
    pub series: Option<String>,
}

impl Tracker {
    /// At most `most` tasks, the last changed first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn tasks(&self, filter: &Filter, most: u32) -> Result<Vec<Task>, TrackerError> {
        let values = values![
            self.now(),
            filter.queue.as_deref(),
            filter.status.map(Status::code),
            filter.kind.map(TaskKind::name),
            filter.series.as_deref(),
            i64::from(most),
        ];
        self.read(|sql| sql.list, values).await
    }

    /// One task, if there is one of that name.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn task(&self, id: &str) -> Result<Option<Task>, TrackerError> {
        Ok(self.read(|sql| sql.show, values![self.now(), id]).await?.pop())
    }

    /// The attempts at a task that are kept, the oldest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn attempts(&self, id: &str) -> Result<Vec<Attempt>, TrackerError> {
        self.read(|sql| sql.attempts, values![id]).await
    }

    /// Has a task done as if it had never been tried, at once; one that succeeded only by `force`.
    ///
    /// # Errors
    /// Refused while a worker holds it and where there is none of that name.
    pub async fn retry(&self, id: &str, force: bool) -> Result<Task, TrackerError> {
        self.decide("retry", id, |task, now| task.retry(force, now)).await
    }

    /// Skips a task until it is retried.
    ///
    /// # Errors
    /// Refused while a worker holds it and where there is none of that name.
    pub async fn ignore(&self, id: &str, reason: &str) -> Result<Task, TrackerError> {
        self.decide("ignore", id, |task, now| task.ignore(reason, now)).await
    }

    /// Asks the holder of a task to stop, which it learns when it next renews the lease; a window that waits
    /// is ignored.
    ///
    /// # Errors
    /// Refused where there is nothing to cancel.
    pub async fn cancel(&self, id: &str) -> Result<Task, TrackerError> {
        self.decide("cancel", id, Task::cancel).await
    }

    /// Takes a task from its holder: whatever that one does from now on is not recorded.
    ///
    /// # Errors
    /// Refused where no worker holds it.
    pub async fn unlock(&self, id: &str) -> Result<Task, TrackerError> {
        let altered = self.alter("unlock", id, |task| {
            let fence = task.unlock(task.as_of)?;
            Ok(Some(Ending { fence, outcome: outcome::LEASE_LOST, fault: None }))
        });
        Ok(altered.await?.task)
    }

    async fn decide(
        &self,
        operation: &'static str,
        id: &str,
        decide: impl Fn(&mut Task, Micros) -> Result<(), Refusal>,
    ) -> Result<Task, TrackerError> {
        let altered = self.alter(operation, id, |task| decide(task, task.as_of).map(|()| None));
        Ok(altered.await?.task)
    }
}
