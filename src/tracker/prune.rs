//! Forgetting tasks that ended long ago, a batch at a time. Ignored ones stay: they say what is not to be done.

use std::time::Duration;

use crate::telemetry::events::TasksPruned;
use crate::tracker::connection::values;
use crate::tracker::{Status, Tracker, TrackerError};

/// Tasks forgotten in one transaction.
const BATCH: i64 = 500;
/// How long a worker that is gone stays in the table.
const WORKERS_KEPT: Duration = Duration::from_secs(86_400);

/// How long tasks that ended are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Those that succeeded.
    pub succeeded: Duration,
    /// Those that are exhausted; none keeps them for ever.
    pub exhausted: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        let day = 86_400;
        Retention { succeeded: Duration::from_secs(7 * day), exhausted: Some(Duration::from_secs(90 * day)) }
    }
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Tasks that had succeeded.
    pub succeeded: u64,
    /// Tasks that were exhausted.
    pub exhausted: u64,
}

impl Tracker {
    /// Forgets tasks that ended long ago, with their attempts, and workers that are gone.
    ///
    /// # Errors
    /// Where the store fails; what was forgotten before stays so.
    pub async fn prune(&self, retention: &Retention) -> Result<Pruned, TrackerError> {
        let mut pruned =
            Pruned { succeeded: self.prune_all(Status::Succeeded, retention.succeeded).await?, exhausted: 0 };
        if let Some(kept) = retention.exhausted {
            pruned.exhausted = self.prune_all(Status::Exhausted, kept).await?;
        }
        self.telemetry.emit(TasksPruned { tasks: pruned.succeeded + pruned.exhausted });
        let before = self.about_now() - WORKERS_KEPT;
        self.trying("prune", || async {
            let mut change = self.change().await?;
            change.run(change.sql.forget_workers, values![before.0]).await?;
            change.commit().await
        })
        .await?;
        Ok(pruned)
    }

    async fn prune_all(&self, status: Status, kept: Duration) -> Result<u64, TrackerError> {
        let before = (self.about_now() - kept).0;
        let mut pruned = 0;
        loop {
            let batch = self.trying("prune", || self.prune_batch(status, before)).await?;
            pruned += batch;
            if batch < BATCH.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }

    async fn prune_batch(&self, status: Status, before: i64) -> sqlx::Result<u64> {
        let mut change = self.change().await?;
        let old: Vec<(String,)> = change.rows(change.sql.old, values![status.code(), before, BATCH]).await?;
        for (id,) in &old {
            change.run(change.sql.drop_attempts, values![id]).await?;
            change.run(change.sql.drop_task, values![id]).await?;
        }
        change.commit().await?;
        Ok(old.len() as u64)
    }
}
