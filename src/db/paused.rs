//! Paused jobs, which survive restarts.

use sqlx::Row;

use crate::db::{Database, DbError, Pool, begin, on_either};
use crate::model::{Micros, Series};

const ALL: &str = "SELECT series FROM paused_jobs";
const PAUSE: &str = "INSERT INTO paused_jobs (series, since) VALUES ($1, $2) ON CONFLICT (series) DO NOTHING";
const RESUME: &str = "DELETE FROM paused_jobs WHERE series = $1";

/// Changes the rows of all series in one transaction.
macro_rules! changed {
    ($all:expr, $series:expr, $is_paused:expr, $at:expr, $persistent:expr) => {
        async {
            let mut all = $all?;
            for one in $series {
                let name = one.to_string();
                let change = if $is_paused {
                    sqlx::query(PAUSE).bind(name).bind($at.0)
                } else {
                    sqlx::query(RESUME).bind(name)
                };
                change.persistent($persistent).execute(&mut *all).await?;
            }
            all.commit().await
        }
        .await
    };
}

impl Database {
    /// The series whose jobs are paused.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn paused(&self) -> Result<Vec<Series>, DbError> {
        let names: sqlx::Result<Vec<String>> = on_either!(self, |on, persistent| {
            let rows = sqlx::query(ALL).persistent(persistent).fetch_all(on).await;
            rows.and_then(|rows| rows.iter().map(|row| row.try_get("series")).collect())
        });
        let names = names.map_err(|source| self.failed(source))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Saves that jobs are paused since an instant, or resumed; all of them or none.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn set_paused(&self, series: &[Series], is_paused: bool, at: Micros) -> Result<(), DbError> {
        let kept = match self.pool() {
            Pool::Sqlite { write, .. } => changed!(write.begin().await, series, is_paused, at, true),
            Pool::Postgres(pool) => {
                let is_pooled = self.is_pooled();
                changed!(begin(pool, is_pooled).await, series, is_paused, at, !is_pooled)
            }
        };
        kept.map_err(|source| self.failed(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_paused_job_is_paused_after_reopening_until_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let series: Series = "binance/BTC-USDT/ohlc/1h".parse().unwrap();
        let db = Database::open(folder.path()).await.unwrap();
        for at in [1, 2] {
            db.set_paused(std::slice::from_ref(&series), true, Micros(at)).await.unwrap();
        }
        db.close().await;

        let db = Database::open(folder.path()).await.unwrap();
        assert_eq!(db.paused().await.unwrap(), std::slice::from_ref(&series));
        db.set_paused(&[series], false, Micros(3)).await.unwrap();

        assert_eq!(db.paused().await.unwrap(), []);
    }
}
