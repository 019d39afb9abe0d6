//! Jobs that somebody paused, kept over restarts.

use sqlx::Row;

use crate::db::{Database, DbError};
use crate::model::{Micros, Series};

impl Database {
    /// The series whose jobs are paused.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn paused(&self) -> Result<Vec<Series>, DbError> {
        let rows = sqlx::query("SELECT series FROM paused_jobs").fetch_all(&self.0).await;
        let rows = rows.map_err(Database::failed)?;
        Ok(rows.iter().filter_map(|row| row.try_get::<String, _>("series").ok()?.parse().ok()).collect())
    }

    /// Keeps that jobs are paused since an instant, or that they are not any more; all of them or none.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn set_paused(&self, series: &[Series], is_paused: bool, at: Micros) -> Result<(), DbError> {
        let mut all = self.0.begin().await.map_err(Database::failed)?;
        for one in series {
            let name = one.to_string();
            let kept = if is_paused {
                let kept =
                    "INSERT INTO paused_jobs (series, since) VALUES ($1, $2) ON CONFLICT (series) DO NOTHING";
                sqlx::query(kept).bind(name).bind(at.0).execute(&mut *all).await
            } else {
                sqlx::query("DELETE FROM paused_jobs WHERE series = $1").bind(name).execute(&mut *all).await
            };
            kept.map_err(Database::failed)?;
        }
        all.commit().await.map_err(Database::failed)
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
