//! Whether the store can be used, and its figures.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::db::{Database, DbError};

/// What a probe of the store found.
#[derive(Clone, Debug)]
pub struct Probed {
    /// `sqlite`.
    pub kind: &'static str,
    /// The version of its engine.
    pub version: String,
    /// How long it took to be given the right to write.
    pub latency: Duration,
    /// The size of its file.
    pub size_bytes: Option<u64>,
    /// The size of its write-ahead log.
    pub wal_bytes: Option<u64>,
    /// Connections held open.
    pub connections: u32,
}

impl Database {
    /// Asks for the right to write and gives it back: an answer from a store that only reads, or that somebody
    /// keeps locked, would be worth nothing. Nothing is written or synced.
    ///
    /// # Errors
    /// Where the store cannot be read or written; that may take as long as a statement waits for another writer.
    pub async fn probe(&self, own: &Path) -> Result<Probed, DbError> {
        let began = Instant::now();
        let mut asking = self.0.begin_with("BEGIN IMMEDIATE").await.map_err(Database::failed)?;
        let version = sqlx::query_scalar("SELECT sqlite_version() FROM sqlite_schema LIMIT 1")
            .fetch_one(&mut *asking)
            .await
            .map_err(Database::failed)?;
        asking.rollback().await.map_err(Database::failed)?;
        let size = |name| std::fs::metadata(own.join(name)).ok().map(|found| found.len());
        Ok(Probed {
            kind: "sqlite",
            version,
            latency: began.elapsed(),
            size_bytes: size("state.db"),
            wal_bytes: size("state.db-wal"),
            connections: self.0.size(),
        })
    }
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
        let lock = other.0.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let refused = db.probe(folder.path()).await.unwrap_err();
        lock.rollback().await.unwrap();

        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains("locked"), "{why}");
        assert!(db.probe(folder.path()).await.is_ok());
    }
}
