//! Finds work for any worker: windows and jobs that are due, and exhausted windows that have rested.

use crate::model::Micros;
use crate::telemetry::events::TasksPlanned;
use crate::tracker::connection::values;
use crate::tracker::enqueue::micros;
use crate::tracker::{EXHAUSTED_REST, Task, Tracker, TrackerError};

/// Windows reopened in one transaction.
const REOPENED_AT_ONCE: i64 = 200;

impl Tracker {
    /// At most `most` pending windows that are due, the most urgent first, then those due longest.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn due_windows(&self, most: u32) -> Result<Vec<Task>, TrackerError> {
        self.read(|sql| sql.due_windows, values![self.now(), i64::from(most)]).await
    }

    /// At most `most` recurring jobs that are pending, due and not paused, each with the instant it became
    /// due.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn due_jobs(&self, most: u32) -> Result<Vec<(String, Micros)>, TrackerError> {
        let due: Vec<(String, i64)> =
            self.read(|sql| sql.due_jobs, values![self.now(), i64::from(most)]).await?;
        Ok(due.into_iter().map(|(id, at)| (id, Micros(at))).collect())
    }

    /// Reopens exhausted windows that have rested for [`EXHAUSTED_REST`]; returns their number.
    ///
    /// # Errors
    /// If the store fails.
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
