//! The health of each series, which survives restarts.

use sqlx::{ColumnIndex, Decode, Row, Type};

use crate::db::{Database, DbError, on_either};
use crate::model::Micros;
use crate::telemetry::SeriesHealth;

const ALL: &str =
    "SELECT series, last_run_at, last_success_at, rows, consecutive_errors, last_error FROM series_health";

const SAVE: &str =
    "INSERT INTO series_health (series, last_run_at, last_success_at, rows, consecutive_errors, last_error)
     SELECT $1, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), $6
     WHERE CAST($7 AS TEXT) IS NULL
         OR NOT EXISTS (SELECT 1 FROM owner WHERE owner.series = $1 AND owner.worker <> $7)
     ON CONFLICT (series) DO UPDATE SET
         last_run_at = excluded.last_run_at, last_success_at = excluded.last_success_at,
         rows = excluded.rows, consecutive_errors = excluded.consecutive_errors,
         last_error = excluded.last_error";

impl Database {
    /// The health of every series that ever ran.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn series_health(&self) -> Result<Vec<SeriesHealth>, DbError> {
        let known: sqlx::Result<_> = on_either!(self, |on, persistent| {
            let rows = sqlx::query(ALL).persistent(persistent).fetch_all(on).await;
            rows.map(|rows| rows.iter().filter_map(of_row).collect())
        });
        known.map_err(|source| self.failed(source))
    }

    /// Saves the health of a series if `worker` was its last owner; without a name, always.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(crate) async fn save_series_health(
        &self,
        health: &SeriesHealth,
        worker: Option<&str>,
    ) -> Result<(), DbError> {
        let saved: sqlx::Result<()> = on_either!(self, |on, persistent| {
            let saving = sqlx::query(SAVE)
                .persistent(persistent)
                .bind(health.series.to_string())
                .bind(health.last_run_at.map(|at| at.0))
                .bind(health.last_success_at.map(|at| at.0))
                .bind(i64::try_from(health.rows).unwrap_or(i64::MAX))
                .bind(i64::from(health.consecutive_errors))
                .bind(&health.last_error)
                .bind(worker);
            saving.execute(on).await.map(drop)
        });
        saved.map_err(|source| self.failed(source))
    }
}

/// A row whose series this program can parse; others are left to the program that wrote them.
fn of_row<R: Row>(row: &R) -> Option<SeriesHealth>
where
    for<'a> &'a str: ColumnIndex<R>,
    for<'a> i64: Decode<'a, R::Database> + Type<R::Database>,
    for<'a> String: Decode<'a, R::Database> + Type<R::Database>,
{
    let at = |name: &str| row.try_get::<Option<i64>, _>(name).ok().map(|at| at.map(Micros));
    Some(SeriesHealth {
        series: row.try_get::<String, _>("series").ok()?.parse().ok()?,
        last_run_at: at("last_run_at")?,
        last_success_at: at("last_success_at")?,
        rows: u64::try_from(row.try_get::<i64, _>("rows").ok()?).unwrap_or(0),
        consecutive_errors: u32::try_from(row.try_get::<i64, _>("consecutive_errors").ok()?).unwrap_or(0),
        last_error: row.try_get::<Option<String>, _>("last_error").ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_saved_of_a_series_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let health = SeriesHealth {
            series: "binance/BTC-USDT/ohlc/1h".parse().unwrap(),
            last_run_at: Some(Micros(7)),
            last_success_at: None,
            rows: 215,
            consecutive_errors: 2,
            last_error: Some("three attempts failed".to_owned()),
        };
        let db = Database::open(folder.path()).await.unwrap();
        db.save_series_health(&SeriesHealth { rows: 1, ..health.clone() }, None).await.unwrap();
        db.save_series_health(&health, None).await.unwrap();
        db.close().await;

        let db = Database::open(folder.path()).await.unwrap();

        assert_eq!(db.series_health().await.unwrap(), [health]);
    }
}
