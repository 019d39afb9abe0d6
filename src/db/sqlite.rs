//! The embedded store: its file, its connections and its schema.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::db::{Database, DbError, Pool, migrator, newest};

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// How long an operation waits for a connection of this process.
const TURN: Duration = Duration::from_secs(30);
/// Connections that read.
const READERS: u32 = 3;

pub(super) async fn open(own: &Path) -> Result<Database, DbError> {
    let path = own.join("state.db");
    let place = path.display().to_string();
    let failed = |source| DbError::Sqlite { place: place.clone(), source };
    // Without a sync at each commit a power cut may take the last ones, never a part of one: the work they
    // tell of is done again, which is harmless.
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY);
    let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(TURN);
    let write = pool(1).connect_with(options.clone()).await.map_err(failed)?;
    migrator(|version| version.2).run(&write).await.map_err(|error| failed(error.into()))?;
    let read = pool(READERS).connect_lazy_with(options.create_if_missing(false));
    Ok(Database::of(Pool::Sqlite { write, read }, place))
}

pub(super) async fn look(own: &Path) -> Result<Option<Database>, DbError> {
    let path = own.join("state.db");
    if !path.exists() {
        return Ok(None);
    }
    let place = path.display().to_string();
    let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY);
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(TURN);
    let read = pool.connect_with(options).await;
    let read = read.map_err(|source| DbError::Sqlite { place: place.clone(), source })?;
    Ok(Some(Database::of(Pool::Sqlite { write: read.clone(), read }, place)))
}

/// It is opened for writing all the same: a reader alone would leave the two helper files of SQLite behind.
pub(super) async fn check(own: &Path) -> Result<(), DbError> {
    let path = own.join("state.db");
    let failed = |source| DbError::Sqlite { place: path.display().to_string(), source };
    let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY);
    let mut connection = options.connect().await.map_err(failed)?;
    let held: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    match held.filter(|_| held > newest()) {
        Some(newer) => Err(failed(MigrateError::VersionMissing(newer).into())),
        None => connection.close().await.map_err(failed),
    }
}
