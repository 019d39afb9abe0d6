//! Checks whether the store can be used, and reads its figures.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{PgPool, SqlitePool};

use crate::db::{Database, DbError, Pool, begin};

/// The figures from a probe of the store.
#[derive(Clone, Debug)]
pub struct Probed {
    /// `sqlite` or `postgres`.
    pub kind: &'static str,
    /// The version of the database engine.
    pub version: String,
    /// How long it took to get the write lock.
    pub latency: Duration,
    /// The size of its file, or of its database.
    pub size_bytes: Option<u64>,
    /// The size of the write-ahead log of SQLite.
    pub wal_bytes: Option<u64>,
    /// Connections held open.
    pub connections: u32,
}

impl Database {
    /// Takes the write lock and releases it: an answer from a store that is read-only, or locked by another
    /// process, would be worthless. Writes and syncs nothing.
    ///
    /// # Errors
    /// If the store cannot be read or written; may take as long as a statement waits for another writer.
    pub async fn probe(&self, own: &Path) -> Result<Probed, DbError> {
        let probed = match self.pool() {
            Pool::Sqlite { write, read } => sqlite(own, write, read).await,
            Pool::Postgres(pool) => postgres(pool, self.is_pooled()).await,
        };
        let probed = probed.map_err(|source| self.failed(source))?;
        match self.damage.get() {
            // Parts of it may still answer.
            Some(why) => Err(DbError::Damaged { place: self.place.to_string(), why: why.clone() }),
            None => Ok(probed),
        }
    }
}

async fn sqlite(own: &Path, write: &SqlitePool, read: &SqlitePool) -> sqlx::Result<Probed> {
    let began = Instant::now();
    let mut asking = write.begin_with("BEGIN IMMEDIATE").await?;
    let version = sqlx::query_scalar("SELECT sqlite_version() FROM sqlite_schema LIMIT 1")
        .fetch_one(&mut *asking)
        .await?;
    asking.rollback().await?;
    let size = |name| std::fs::metadata(own.join(name)).ok().map(|found| found.len());
    Ok(Probed {
        kind: "sqlite",
        version,
        latency: began.elapsed(),
        size_bytes: size("state.db"),
        wal_bytes: size("state.db-wal"),
        connections: write.size() + read.size(),
    })
}

/// A read-only server, such as a standby, refuses the lock.
async fn postgres(pool: &PgPool, is_pooled: bool) -> sqlx::Result<Probed> {
    let began = Instant::now();
    let mut asking = begin(pool, is_pooled).await?;
    sqlx::raw_sql("LOCK TABLE series_health IN ROW EXCLUSIVE MODE").execute(&mut *asking).await?;
    let version = sqlx::query_scalar("SHOW server_version").persistent(!is_pooled);
    let version = version.fetch_one(&mut *asking).await?;
    let latency = began.elapsed();
    let size = sqlx::query_scalar("SELECT pg_database_size(current_database())").persistent(!is_pooled);
    let size: i64 = size.fetch_one(&mut *asking).await?;
    asking.rollback().await?;
    Ok(Probed {
        kind: "postgres",
        version,
        latency,
        size_bytes: u64::try_from(size).ok(),
        wal_bytes: None,
        connections: pool.size(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_somebody_keeps_locked_is_not_usable_until_he_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(folder.path()).await.unwrap();
        assert!(db.probe(folder.path()).await.unwrap().size_bytes > Some(0));

        let other = Database::open(folder.path()).await.unwrap();
        let Pool::Sqlite { write, .. } = other.pool() else { panic!("it is embedded") };
        let lock = write.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let refused = db.probe(folder.path()).await.unwrap_err();
        lock.rollback().await.unwrap();

        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains("locked"), "{why}");
        assert!(db.probe(folder.path()).await.is_ok());
    }
}
