//! Deletes tasks that ended long ago, in batches. Ignored ones stay, since they record what not to do.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::telemetry::events::TasksPruned;
use crate::tracker::connection::{Change, values};
use crate::tracker::{Filter, Status, TaskKind, Tracker, TrackerError};

/// Tasks deleted in one transaction.
const BATCH: i64 = 500;
/// Recurring jobs read at once; more than any configuration has.
const JOBS_AT_ONCE: u32 = 1_000_000;
/// How long the row of a dead worker stays.
const WORKERS_KEPT: Duration = Duration::from_secs(86_400);

/// How long finished tasks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Succeeded ones.
    pub succeeded: Duration,
    /// Exhausted ones; `None` keeps them forever.
    pub exhausted: Option<Duration>,
}

/// The longest that succeeded tasks are kept.
const SUCCEEDED_DAYS: u32 = 7;

impl Default for Retention {
    fn default() -> Self {
        Retention::of_days(90)
    }
}

impl Retention {
    /// Keeps failures for this many days, forever if 0, and successes for a week at most.
    #[must_use]
    pub(crate) fn of_days(days: u32) -> Self {
        let of = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
        let succeeded = if days == 0 { SUCCEEDED_DAYS } else { days.min(SUCCEEDED_DAYS) };
        Retention { succeeded: of(succeeded), exhausted: (days > 0).then(|| of(days)) }
    }
}

/// Numbers of deleted tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Succeeded tasks.
    pub succeeded: u64,
    /// Exhausted tasks.
    pub exhausted: u64,
}

impl Tracker {
    /// Deletes tasks that ended long ago, with their attempts, and dead workers.
    ///
    /// # Errors
    /// If the store fails; earlier batches stay deleted.
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

    /// Deletes the rows of jobs and streams that are not among `configured`, unless a worker holds them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn forget_jobs(&self, configured: &BTreeSet<String>) -> Result<u64, TrackerError> {
        let mut rows = Vec::new();
        for kind in TaskKind::ALL.into_iter().filter(|kind| kind.recurs()) {
            rows.extend(self.tasks(&Filter { kind: Some(kind), ..Filter::default() }, JOBS_AT_ONCE).await?);
        }
        let gone = rows.into_iter().filter(|job| job.status.is_waiting() && !configured.contains(&job.id));
        let gone: Vec<(String,)> = gone.map(|job| (job.id,)).collect();
        self.trying("prune", || async {
            let mut change = self.change().await?;
            drop_all(&mut change, &gone).await?;
            change.commit().await
        })
        .await?;
        Ok(gone.len() as u64)
    }

    /// The same in a shared store: only those whose series this data path wrote last.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn forget_jobs_of(
        &self,
        place: &str,
        configured: &BTreeSet<String>,
    ) -> Result<u64, TrackerError> {
        let jobs: Vec<(String,)> = self.read(|sql| sql.jobs_of_place, values![place]).await?;
        let gone: Vec<(String,)> = jobs.into_iter().filter(|(id,)| !configured.contains(id)).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        self.trying("prune", || async {
            let mut change = self.change().await?;
            drop_all(&mut change, &gone).await?;
            change.commit().await
        })
        .await?;
        Ok(gone.len() as u64)
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
        drop_all(&mut change, &old).await?;
        change.commit().await?;
        Ok(old.len() as u64)
    }
}

/// Deletes tasks with their attempts.
async fn drop_all(change: &mut Change, tasks: &[(String,)]) -> sqlx::Result<()> {
    for (id,) in tasks {
        change.run(change.sql.drop_attempts, values![id]).await?;
        change.run(change.sql.drop_task, values![id]).await?;
    }
    Ok(())
}
