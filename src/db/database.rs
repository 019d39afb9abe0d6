//! The connections of the state store, and whether it last answered.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sqlx::{PgPool, SqlitePool};

use crate::db::DbError;

/// The state store, of either kind. Clones share it.
#[derive(Clone, Debug)]
pub struct Database {
    pub(super) pool: Pool,
    /// Its location for error messages, without secrets.
    pub(super) place: Arc<str>,
    /// Whether the last request failed or timed out.
    pub(super) away: Arc<AtomicBool>,
    /// Damage found while the embedded store is open, which no later success revokes.
    pub(super) damage: Arc<OnceLock<String>>,
    /// Whether a transaction pooler is in front of the server, so that connections keep no state.
    pub(super) is_pooled: bool,
}

#[derive(Clone, Debug)]
pub enum Pool {
    /// SQLite: one connection that writes, so that writers queue in the process, and several that read.
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// PostgreSQL.
    Postgres(PgPool),
}

impl Database {
    pub(super) fn of(pool: Pool, place: String) -> Self {
        Database {
            pool,
            place: Arc::from(place),
            away: Arc::default(),
            damage: Arc::default(),
            is_pooled: false,
        }
    }

    /// Whether a transaction pooler is in front of the server: prepared statements and settings then last for
    /// one transaction only.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// Its connections.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.pool {
            Pool::Sqlite { .. } => "sqlite",
            Pool::Postgres(_) => "postgres",
        }
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    /// Whether the last request failed. Work that can wait then waits until the store answers again. A damaged
    /// store stays away until the next start sets it aside.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) || self.damage.get().is_some()
    }

    /// Notes that the store answered.
    pub fn answered(&self) {
        self.away.store(false, Ordering::Relaxed);
    }

    /// Converts an error, and counts the store as away until it has [`Database::answered`].
    #[must_use]
    pub fn failed(&self, source: sqlx::Error) -> DbError {
        self.away.store(true, Ordering::Relaxed);
        match &self.pool {
            Pool::Sqlite { .. } => {
                let error = DbError::of_sqlite(Path::new(&*self.place), source);
                if let DbError::Damaged { why, .. } = &error {
                    self.damage.get_or_init(|| why.clone());
                }
                error
            }
            Pool::Postgres(_) => DbError::Postgres { place: self.place.to_string(), source },
        }
    }
}
