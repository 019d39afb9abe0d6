//! The embedded store, `.dccd/state.db`: what must be remembered beside the files. It is a cache; files
//! and ledgers are the truth.

mod health;
mod paused;
mod probe;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};
use thiserror::Error;

pub use probe::Probed;

/// The schema, one statement list a version; a released one is never changed.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "health of each series", include_str!("0001_series_health.sql")),
    (10, "paused jobs", include_str!("0010_paused_jobs.sql")),
];

/// How long a statement waits for another writer.
const BUSY: Duration = Duration::from_secs(5);

/// A pool of connections to the embedded store.
#[derive(Clone, Debug)]
pub struct Database(SqlitePool);

/// Why the embedded store could not be used.
#[derive(Debug, Error)]
#[error("the state store {path} failed; it is a cache, so it may be moved away while dccd is stopped")]
pub struct DbError {
    path: String,
    source: sqlx::Error,
}

impl Database {
    /// Opens the store in a data path's own folder, creating and migrating it as needed.
    ///
    /// # Errors
    /// Where the file cannot be opened or is of a newer program.
    pub async fn open(own: &Path) -> Result<Self, DbError> {
        let path = own.join("state.db");
        let failed = |source| DbError { path: path.display().to_string(), source };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(BUSY * 2)
            .connect_with(options)
            .await
            .map_err(failed)?;
        let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
            let name = (*name).into();
            Migration::new(*version, name, MigrationType::Simple, sqlx::SqlStr::from_static(sql), false)
        });
        Migrator::with_migrations(migrations.collect())
            .run(&pool)
            .await
            .map_err(|error| failed(error.into()))?;
        Ok(Database(pool))
    }

    /// Looks whether the store in a data path's own folder can be used; makes none and migrates none.
    ///
    /// It is opened for writing all the same: a reader alone would leave the two helper files of SQLite behind.
    ///
    /// # Errors
    /// Where there is none, where it is damaged, or where it is of a newer program.
    pub async fn check(own: &Path) -> Result<(), DbError> {
        let path = own.join("state.db");
        let failed = |source| DbError { path: path.display().to_string(), source };
        let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY);
        let mut connection = options.connect().await.map_err(failed)?;
        let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        let known = MIGRATIONS.iter().map(|(version, ..)| *version).max();
        match newest.filter(|_| newest > known) {
            Some(newer) => Err(failed(MigrateError::VersionMissing(newer).into())),
            None => connection.close().await.map_err(failed),
        }
    }

    /// Opens the store in a data path's own folder to look at it, beside the process that uses it; none where there
    /// is none. Nothing is created or migrated.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub async fn look(own: &Path) -> Result<Option<Self>, DbError> {
        let path = own.join("state.db");
        if !path.exists() {
            return Ok(None);
        }
        let failed = |source| DbError { path: path.display().to_string(), source };
        let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        pool.map(|pool| Some(Database(pool))).map_err(failed)
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.0.close().await;
    }

    fn failed(source: sqlx::Error) -> DbError {
        DbError { path: "state.db".to_owned(), source }
    }
}
