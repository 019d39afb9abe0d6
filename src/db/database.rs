//! The connections of the state store, and whether it answered last.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sqlx::{PgPool, SqlitePool};

use crate::db::DbError;

/// The state store, whichever it is. A clone is the same store.
#[derive(Clone, Debug)]
pub struct Database {
    pub(super) pool: Pool,
    /// Its name in errors; holds no secret.
    pub(super) place: Arc<str>,
    /// Its last answer was an error, or none came.
    pub(super) away: Arc<AtomicBool>,
    /// The fault of an embedded store that was damaged while it is open: no later answer takes that back.
    pub(super) damage: Arc<OnceLock<String>>,
    /// A pooler stands before the server, so that nothing stays with a connection.
    pub(super) is_pooled: bool,
}

/// The connections of a store.
#[derive(Clone, Debug)]
pub enum Pool {
    /// SQLite: one connection that writes, so that writers queue in the process, and some that read.
    Sqlite {
        /// The one that writes.
        write: SqlitePool,
        /// The ones that read.
        read: SqlitePool,
    },
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

    /// Whether a pooler stands before the server: what is prepared or set on a connection is gone with the
    /// transaction.
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

    /// Whether it failed when it was last asked: what can wait for it waits until it has answered again. One that is
    /// damaged stays away until the next start sets it aside.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) || self.damage.get().is_some()
    }

    /// It answered.
    pub fn answered(&self) {
        self.away.store(false, Ordering::Relaxed);
    }

    /// An error of this store, which is away until it has [`Database::answered`].
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
