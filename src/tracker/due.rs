//! Work that waits for any worker: windows of history whose time has come, jobs that are due, and windows
//! that were given up and have rested.

use crate::model::Micros;
use crate::telemetry::events::TasksPlanned;
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{EXHAUSTED_REST, Task, Tracker, TrackerError};

/// Windows that are taken up again in one transaction.
const REOPENED_AT_ONCE: i64 = 200;

impl Tracker {
    /// Windows that wait and are due, the more urgent first, then those due longest; at most `most`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn due_windows(&self, most: u32) -> Result<Vec<Task>, TrackerError> {
        self.read(|sql| sql.due_windows, values![self.now(), i64::from(most)]).await
    }

    /// Recurring jobs that wait, are due and are not paused, each with the instant since when; at most
    /// `most`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn due_jobs(&self, most: u32) -> Result<Vec<(String, Micros)>, TrackerError> {
        let due: Vec<(String, i64)> =
            self.read(|sql| sql.due_jobs, values![self.now(), i64::from(most)]).await?;
        Ok(due.into_iter().map(|(id, at)| (id, Micros(at))).collect())
    }

    /// Has windows wait again that were given up and have rested for [`EXHAUSTED_REST`]; gives how many.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn reopen_rested(&self) -> Result<u64, TrackerError> {
        let reopened = self.trying("retry", || self.reopen_once()).await?;
        for task in &reopened {
            self.telemetry.emit(TasksPlanned { exchange: &task.queue, tasks: 1 });
        }
        Ok(reopened.len() as u64)
    }

    async fn reopen_once(&self) -> sqlx::Result<Vec<Task>> {
        let (mut change, mut reopened) = (self.change().await?, Vec::new());
        let values = values![self.now(), micros(EXHAUSTED_REST), REOPENED_AT_ONCE];
        let rested: Vec<Task> = change.rows(change.sql.rested, values).await?;
        for held in rested {
            let mut task = held.clone();
            if task.retry(false, held.as_of).is_ok() {
                change.save(&held, &task).await?;
                reopened.push(task);
            }
        }
        change.commit().await?;
        Ok(reopened)
    }
}
