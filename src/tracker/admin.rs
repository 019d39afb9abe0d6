//! Operations for people: list tasks, show the history of one, and override decisions.

use crate::model::Micros;
use crate::tracker::change::Ending;
use crate::tracker::connection::values;
use crate::tracker::verdict::outcome;
use crate::tracker::{Attempt, Refusal, Run, Status, Task, TaskKind, Tracker, TrackerError};

/// Selects tasks to list; `None` selects all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this queue.
    pub queue: Option<String>,
    /// In this state.
    pub status: Option<Status>,
    /// Of this kind.
    pub kind: Option<TaskKind>,
    /// Of this series.
    pub series: Option<String>,
    /// After this one in the list: when it last changed, and its id.
    pub after: Option<(Micros, String)>,
}

/// Selects runs to list; `None` selects all.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this queue.
    pub queue: Option<String>,
    /// Of this series.
    pub series: Option<String>,
    /// Of tasks of this kind.
    pub kind: Option<TaskKind>,
    /// That ended so, one of [`crate::tracker::outcome`]; empty for those that last.
    pub outcome: Option<String>,
    /// After this one in the list: when it began, its task and its fence.
    pub after: Option<(Micros, String, i64)>,
}

impl Tracker {
    /// At most `most` tasks, the last changed first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn tasks(&self, filter: &Filter, most: u32) -> Result<Vec<Task>, TrackerError> {
        let (at, id) = filter.after.as_ref().map_or((Micros(i64::MAX), ""), |(at, id)| (*at, id));
        let values = values![
            self.now(),
            filter.queue.as_deref(),
            filter.status.map(Status::code),
            filter.kind.map(TaskKind::name),
            filter.series.as_deref(),
            at.0,
            id,
            i64::from(most),
        ];
        self.read(|sql| sql.list, values).await
    }

    /// At most `most` runs, the last begun first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn runs(&self, filter: &RunFilter, most: u32) -> Result<Vec<Run>, TrackerError> {
        let none = (Micros(i64::MAX), String::new(), i64::MAX);
        let (at, id, fence) = filter.after.as_ref().unwrap_or(&none);
        let values = values![
            filter.queue.as_deref(),
            filter.series.as_deref(),
            filter.kind.map(TaskKind::name),
            filter.outcome.as_deref(),
            at.0,
            id,
            *fence,
            i64::from(most),
        ];
        self.read(|sql| sql.runs, values).await
    }

    /// The task of this id, if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn task(&self, id: &str) -> Result<Option<Task>, TrackerError> {
        Ok(self.read(|sql| sql.show, values![self.now(), id]).await?.pop())
    }

    /// The recorded attempts at a task, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn attempts(&self, id: &str) -> Result<Vec<Attempt>, TrackerError> {
        self.read(|sql| sql.attempts, values![id]).await
    }

    /// Resets a task so that it runs at once, as if it had never been tried; one that succeeded only with
    /// `force`.
    ///
    /// # Errors
    /// Refused while a worker holds it, and if there is no such task.
    pub async fn retry(&self, id: &str, force: bool) -> Result<Task, TrackerError> {
        self.decide("retry", id, |task, now| task.retry(force, now)).await
    }

    /// Skips a task until it is retried.
    ///
    /// # Errors
    /// Refused while a worker holds it, and if there is no such task.
    pub async fn ignore(&self, id: &str, reason: &str) -> Result<Task, TrackerError> {
        self.decide("ignore", id, |task, now| task.ignore(reason, now)).await
    }

    /// Asks the holder of a task to stop, which it notices when it next renews the lease; a waiting window is
    /// ignored instead.
    ///
    /// # Errors
    /// Refused if there is nothing to cancel.
    pub async fn cancel(&self, id: &str) -> Result<Task, TrackerError> {
        self.decide("cancel", id, Task::cancel).await
    }

    /// Takes a task from its holder, whose further results are rejected.
    ///
    /// # Errors
    /// Refused if no worker holds it.
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
