//! Deletes history that is older than is kept.

use crate::db::history::sql::{FORGET_METRICS, FORGET_WRITERS, OLDEST, PRUNE};
use crate::db::{Database, DbError, on_either};
use crate::model::Micros;
use crate::telemetry::rollup::Resolution;

/// The most buckets that one statement deletes, so that no writer waits long for it.
const BUCKETS_AT_ONCE: u32 = 16;

impl Database {
    /// Deletes the points that are kept no longer at an instant, and metrics and writers without any. Returns the number
    /// of points.
    ///
    /// # Errors
    /// If the store cannot be written; what was deleted before stays so.
    pub(crate) async fn prune_history(&self, now: Micros) -> Result<u64, DbError> {
        let pruned = self.pruned(now).await;
        pruned.map_err(|source| self.failed(source))
    }

    async fn pruned(&self, now: Micros) -> sqlx::Result<u64> {
        let mut pruned = 0;
        for resolution in Resolution::ALL {
            let (kept, secs) = (resolution.oldest(now), resolution.secs());
            loop {
                let oldest: Option<i64> = on_either!(self, |on, persistent| {
                    sqlx::query_scalar(OLDEST).persistent(persistent).bind(secs).fetch_one(on).await
                })?;
                let Some(oldest) = oldest.map(Micros).filter(|oldest| *oldest < kept) else { break };
                let until = kept.min(oldest + resolution.width() * BUCKETS_AT_ONCE);
                pruned += on_either!(self, |on, persistent| {
                    let prune = sqlx::query(PRUNE).persistent(persistent).bind(secs).bind(until.0);
                    prune.execute(on).await.map(|done| done.rows_affected())
                })?;
            }
        }
        on_either!(self, |on, persistent| {
            sqlx::query(FORGET_METRICS).persistent(persistent).execute(on).await.map(drop)
        })?;
        // The bucket of a last point may have ended a day after it was written.
        let before = now - Resolution::MOST_AGE - Resolution::Day.width() * 2;
        on_either!(self, |on, persistent| {
            let forget = sqlx::query(FORGET_WRITERS).persistent(persistent).bind(before.0);
            forget.execute(on).await.map(drop)
        })?;
        Ok(pruned)
    }
}
