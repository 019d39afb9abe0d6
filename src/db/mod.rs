//! What must be remembered beside the files, in SQLite (`.dccd/state.db`) or in PostgreSQL. It is a cache;
//! files and ledgers are the truth.
//!
//! **The state store is a cache and is treated as one**: at every start each page is read and each index held
//! to its table; what is not what was written is set aside with the helper files of SQLite, and a new one is
//! made aside and named once it is whole. Health comes back from metrics.json and the ledgers. A server may
//! hold data of others, so nothing there is ever moved: it is refused.

mod damage;
mod error;
mod health;
mod paused;
mod postgres;
mod probe;
mod sqlite;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlitePool};

use crate::model::Micros;

pub use damage::SetAside;
pub use error::DbError;
pub use probe::Probed;

/// A version of the schema: its number, what it brings, and its statements for SQLite and for PostgreSQL.
struct Version(i64, &'static str, &'static str, &'static str);

/// The schema, one statement list a version; a released one is never changed.
const VERSIONS: [Version; 4] = [
    Version(
        1,
        "health of each series",
        include_str!("0001_series_health.sql"),
        include_str!("0001_series_health.sql"),
    ),
    Version(
        2,
        "tasks and their owners",
        include_str!("0002_tracker_sqlite.sql"),
        include_str!("0002_tracker_postgres.sql"),
    ),
    Version(10, "paused jobs", include_str!("0010_paused_jobs.sql"), include_str!("0010_paused_jobs.sql")),
    Version(
        12,
        "places of owners",
        include_str!("0012_owner_place.sql"),
        include_str!("0012_owner_place.sql"),
    ),
];

/// The state store, whichever it is. A clone is the same store.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    /// What errors call it; holds no secret.
    place: Arc<str>,
    /// Its last answer was an error, or none came.
    away: Arc<AtomicBool>,
    /// A pooler stands before the server, so that nothing stays with a connection.
    is_pooled: bool,
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

/// Runs one statement on the connections of either store. `$on` is what it runs on, and `$persistent` whether it may
/// be prepared for the next time.
macro_rules! on_either {
    ($database:expr, |$on:ident, $persistent:ident| $body:expr) => {
        match $database.pool() {
            $crate::db::Pool::Sqlite { write: $on, .. } => {
                let $persistent = true;
                $body
            }
            $crate::db::Pool::Postgres($on) if !$database.is_pooled() => {
                let $persistent = true;
                $body
            }
            $crate::db::Pool::Postgres(pool) => {
                let $persistent = false;
                async {
                    let mut whole = $crate::db::begin(pool, true).await?;
                    let $on = &mut *whole;
                    let done = $body?;
                    whole.commit().await?;
                    Ok(done)
                }
                .await
            }
        }
    };
}
pub(crate) use on_either;
pub(crate) use postgres::begin;

impl Database {
    fn of(pool: Pool, place: String) -> Self {
        Database { pool, place: Arc::from(place), away: Arc::default(), is_pooled: false }
    }

    /// Opens the embedded store in a data path's own folder, creating and migrating it as needed.
    ///
    /// # Errors
    /// Where the file cannot be opened, is damaged or is of a newer program.
    pub async fn open(own: &Path) -> Result<Self, DbError> {
        sqlite::open(own).await
    }

    /// The same for the owner of the data path: one that is damaged is set aside, `now`, and made anew.
    ///
    /// # Errors
    /// Where the file cannot be opened or moved, or is of a newer program.
    pub async fn open_or_rebuild(own: &Path, now: Micros) -> Result<(Self, Option<SetAside>), DbError> {
        let why = match sqlite::open(own).await {
            Err(DbError::Damaged { why, .. }) => why,
            opened => return opened.map(|database| (database, None)),
        };
        let aside = damage::set_aside(own, &why, now)
            .map_err(|error| DbError::of_sqlite(&own.join("state.db"), error.into()))?;
        Ok((sqlite::open(own).await?, Some(aside)))
    }

    /// When an embedded store of a data path was last set aside; none where none ever was.
    #[must_use]
    pub fn last_set_aside(own: &Path) -> Option<Micros> {
        damage::last(own)
    }

    /// Connects to PostgreSQL, migrating the schema as needed.
    ///
    /// # Errors
    /// Where the URL is none, the server does not answer, or the schema is of a newer program.
    pub async fn connect(url: &str) -> Result<Self, DbError> {
        postgres::connect(url).await
    }

    /// Looks whether the embedded store in a data path's own folder can be used; migrates nothing and moves nothing.
    ///
    /// # Errors
    /// Where there is none, where it is damaged, or where it is of a newer program.
    pub async fn check(own: &Path) -> Result<(), DbError> {
        sqlite::check(own).await
    }

    /// Tries what the program needs of a PostgreSQL server, the schema included, and takes it all back. Gives
    /// whether a pooler stands before the server that keeps nothing for a connection.
    ///
    /// # Errors
    /// Where the server does not answer, refuses any of it, or holds the schema of a newer program.
    pub async fn check_server(url: &str) -> Result<bool, DbError> {
        postgres::check(url).await
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

    /// Whether it failed when it was last asked: what can wait for it waits until it has answered again.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
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
            Pool::Sqlite { .. } => DbError::of_sqlite(Path::new(&*self.place), source),
            Pool::Postgres(_) => DbError::Postgres { place: self.place.to_string(), source },
        }
    }
}

/// The newest version of the schema this program knows.
fn newest() -> Option<i64> {
    VERSIONS.iter().map(|version| version.0).max()
}

/// What brings a store up to date.
fn migrator(statements: fn(&Version) -> &'static str) -> Migrator {
    let migrations = VERSIONS.iter().map(|version| {
        let text = sqlx::SqlStr::from_static(statements(version));
        Migration::new(version.0, version.1.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(migrations.collect())
}
