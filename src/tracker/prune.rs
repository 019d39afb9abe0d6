//! Forgetting tasks that ended long ago, a batch at a time. Ignored ones stay: they say what is not to be done.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::telemetry::events::TasksPruned;
use crate::tracker::connection::{Change, values};
use crate::tracker::{Filter, Status, TaskKind, Tracker, TrackerError};

/// Tasks forgotten in one transaction.
const BATCH: i64 = 500;
/// Recurring jobs that are looked at; more than any configuration has.
const JOBS_AT_ONCE: u32 = 1_000_000;
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

/// Those that succeeded are kept no longer than this.
const SUCCEEDED_DAYS: u32 = 7;

impl Default for Retention {
    fn default() -> Self {
        Retention::of_days(90)
    }
}

impl Retention {
    /// Keeps records of failures so many days, for ever where it is 0, and of successes a week at most.
    #[must_use]
    pub fn of_days(days: u32) -> Self {
        let of = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
        let succeeded = if days == 0 { SUCCEEDED_DAYS } else { days.min(SUCCEEDED_DAYS) };
        Retention { succeeded: of(succeeded), exhausted: (days > 0).then(|| of(days)) }
    }
}

/// Counts of what was removed.
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

    /// Forgets the rows of recurring jobs that are not among `configured`, unless a worker holds them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn forget_jobs(&self, configured: &BTreeSet<String>) -> Result<u64, TrackerError> {
        let filter = Filter { kind: Some(TaskKind::Job), ..Filter::default() };
        let jobs = self.tasks(&filter, JOBS_AT_ONCE).await?;
        let gone = jobs.into_iter().filter(|job| job.status.is_waiting() && !configured.contains(&job.id));
        let gone: Vec<(String,)> = gone.map(|job| (job.id,)).collect();
        self.trying("prune", || async {
            let mut change = self.change().await?;
            drop_all(&mut change, &gone).await?;
            change.commit().await
        })
        .await?;
        Ok(gone.len() as u64)
    }

    /// The same where others have jobs in the store too: of the jobs whose series a place wrote last.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn forget_jobs_of(
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

/// Takes tasks away, with their attempts.
async fn drop_all(change: &mut Change, tasks: &[(String,)]) -> sqlx::Result<()> {
    for (id,) in tasks {
        change.run(change.sql.drop_attempts, values![id]).await?;
        change.run(change.sql.drop_task, values![id]).await?;
    }
    Ok(())
}
