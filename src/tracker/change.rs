//! Loads a task, has the state machine change it, and saves it with the attempt that ends or begins.

use serde::Serialize;

use crate::model::Micros;
use crate::tracker::connection::{Change, values};
use crate::tracker::refusal::Refusal;
use crate::tracker::verdict::Fault;
use crate::tracker::{Task, Tracker, TrackerError};

/// Attempts recorded per task.
const ATTEMPTS_KEPT: u32 = 20;

impl Tracker {
    /// A task, locked until the change is committed.
    pub(super) async fn load(&self, change: &mut Change, id: &str) -> sqlx::Result<Option<Task>> {
        let loaded: Vec<Task> = change.rows(change.sql.load, values![self.now(), id]).await?;
        Ok(loaded.into_iter().next())
    }

    /// Has the state machine change a task. If `alter` returns an ending, that attempt is closed.
    pub(super) async fn alter(
        &self,
        operation: &'static str,
        id: &str,
        alter: impl Fn(&mut Task) -> Result<Option<Ending>, Refusal>,
    ) -> Result<Altered, TrackerError> {
        let altered = self.trying(operation, || self.alter_once(id, &alter)).await?;
        Ok(altered?)
    }

    async fn alter_once(
        &self,
        id: &str,
        alter: &impl Fn(&mut Task) -> Result<Option<Ending>, Refusal>,
    ) -> sqlx::Result<Result<Altered, Refusal>> {
        let mut change = self.change().await?;
        let Some(held) = self.load(&mut change, id).await? else {
            change.undo().await?;
            return Ok(Err(Refusal::NotFound { id: id.to_owned() }));
        };
        let mut task = held.clone();
        let ending = match alter(&mut task) {
            Ok(ending) => ending,
            Err(refusal) => {
                change.undo().await?;
                return Ok(Err(refusal));
            }
        };
        change.save(&held, &task).await?;
        if let Some(ending) = ending {
            change.close_attempt(id, &ending, task.as_of).await?;
        }
        if task.fence != held.fence && task.lease.is_some() {
            change.open_attempt(&task).await?;
        }
        change.commit().await?;
        Ok(Ok(Altered { before: held, task }))
    }
}

/// A task before and after a change.
pub(super) struct Altered {
    pub(super) before: Task,
    pub(super) task: Task,
}

/// How an attempt ended.
pub(super) struct Ending {
    pub(super) fence: i64,
    pub(super) outcome: &'static str,
    pub(super) fault: Option<Fault>,
}

/// A task in a batch, in the form the statements parse.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Wire<'a> {
    pub(super) id: &'a str,
    pub(super) fence: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<&'a str>,
}

/// A list, in the form the statements parse.
pub(super) fn json<T: Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
}

impl Change {
    /// Writes the differences between two versions of a task.
    pub(super) async fn save(&mut self, held: &Task, task: &Task) -> sqlx::Result<()> {
        let lease = task.lease.as_ref();
        let values = values![
            &held.id,
            held.fence,
            task.status.code(),
            i64::from(task.attempts),
            i64::from(task.attempts_total),
            task.fence,
            task.run_at.0,
            lease.map(|lease| lease.worker.as_str()),
            lease.map(|lease| lease.since.0),
            lease.map(|lease| lease.until.0),
            i64::from(task.cancel_requested),
            task.updated_at.0,
            task.finished_at.map(|at| at.0),
            task.reason.as_deref(),
            &task.data,
            task.window.map(|window| window.from.0),
            task.window.map(|window| window.until.0),
        ];
        self.run(self.sql.save, values).await.map(drop)
    }

    /// Records the beginning of an attempt, and deletes the oldest one beyond the limit.
    pub(super) async fn open_attempt(&mut self, task: &Task) -> sqlx::Result<()> {
        let Some(lease) = &task.lease else { return Ok(()) };
        let number = i64::from(task.attempts_total);
        let values = values![&task.id, task.fence, number, &lease.worker, lease.since.0];
        self.run(self.sql.open_attempt, values).await?;
        self.forget_attempts(&task.id, task.attempts_total).await
    }

    /// Keeps only the newest attempts of a task that has had `total`.
    pub(super) async fn forget_attempts(&mut self, id: &str, total: u32) -> sqlx::Result<()> {
        match total.checked_sub(ATTEMPTS_KEPT) {
            None | Some(0) => Ok(()),
            Some(oldest) => {
                self.run(self.sql.forget_attempts, values![id, i64::from(oldest)]).await.map(drop)
            }
        }
    }

    /// Records the end of an attempt.
    pub(super) async fn close_attempt(&mut self, id: &str, ending: &Ending, at: Micros) -> sqlx::Result<()> {
        let fault = ending.fault.as_ref();
        let causes = fault.map(|fault| json(&fault.causes));
        let values = values![
            id,
            ending.fence,
            at.0,
            ending.outcome,
            fault.map(|fault| fault.class.as_str()),
            fault.map(|fault| fault.message.as_str()),
            causes.as_deref(),
        ];
        self.run(self.sql.close_attempt, values).await.map(drop)
    }
}
