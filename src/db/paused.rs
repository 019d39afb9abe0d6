//! Jobs that somebody paused, kept over restarts.

use sqlx::Row;

use crate::db::{Database, DbError, on_either};
use crate::model::{Micros, Series};

const ALL: &str = "SELECT series FROM paused_jobs";
const PAUSE: &str = "INSERT INTO paused_jobs (series, since) VALUES ($1, $2) ON CONFLICT (series) DO NOTHING";
const RESUME: &str = "DELETE FROM paused_jobs WHERE series = $1";

impl Database {
    /// The series whose jobs are paused.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn paused(&self) -> Result<Vec<Series>, DbError> {
        let names: sqlx::Result<Vec<String>> = on_either!(self, |pool| {
            let rows = sqlx::query(ALL).fetch_all(pool).await;
            rows.and_then(|rows| rows.iter().map(|row| row.try_get("series")).collect())
        });
        let names = names.map_err(|source| self.failed(source))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Keeps that jobs are paused since an instant, or that they are not any more; all of them or none.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn set_paused(&self, series: &[Series], is_paused: bool, at: Micros) -> Result<(), DbError> {
        let kept: sqlx::Result<()> = on_either!(self, |pool| {
            async {
                let mut all = pool.begin().await?;
                for one in series {
                    let name = one.to_string();
                    if is_paused {
                        sqlx::query(PAUSE).bind(name).bind(at.0).execute(&mut *all).await?;
                    } else {
                        sqlx::query(RESUME).bind(name).execute(&mut *all).await?;
                    }
                }
                all.commit().await
            }
            .await
        });
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
