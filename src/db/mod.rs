//! State beside the files, in SQLite (`.dccd/state.db`) or in PostgreSQL. It is a cache; files and ledgers are
//! authoritative.
//!
//! **The state store is treated as a cache**: at every start each page is read and each index is checked against
//! its table. A damaged store is set aside together with SQLite's helper files, and a new one is created under
//! another name and renamed once it is complete. Health is restored from metrics.json and the ledgers. A server
//! may hold data of others, so nothing there is ever moved: a bad schema is refused.

mod damage;
mod database;
mod error;
mod health;
mod history;
mod paused;
mod postgres;
mod probe;
mod sqlite;
mod versions;

use std::path::Path;

use crate::model::Micros;

pub use damage::SetAside;
pub use database::{Database, Pool};
pub use error::DbError;
pub use history::{HistoryPage, HistoryQuery, HistoryWriter, KeptMetric, WriteEnd};
pub use probe::Probed;

/// Runs one statement on the connections of either store. `$on` is the connection, and `$persistent` whether the
/// statement may be prepared for reuse.
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
    /// Opens the embedded store in a data path's own folder, creating and migrating it as needed.
    ///
    /// # Errors
    /// If the file cannot be opened, is damaged, or was written by a newer program.
    pub async fn open(own: &Path) -> Result<Self, DbError> {
        sqlite::open(own).await
    }

    /// The same for the owner of the data path: a damaged store is set aside, dated `now`, and created again.
    ///
    /// # Errors
    /// If the file cannot be opened or moved, or was written by a newer program.
    pub(crate) async fn open_or_rebuild(
        own: &Path,
        now: Micros,
    ) -> Result<(Self, Option<SetAside>), DbError> {
        let why = match sqlite::open(own).await {
            Err(DbError::Damaged { why, .. }) => why,
            opened => return opened.map(|database| (database, None)),
        };
        let aside = damage::set_aside(own, &why, now)
            .map_err(|error| DbError::of_sqlite(&own.join("state.db"), error.into()))?;
        Ok((sqlite::open(own).await?, Some(aside)))
    }

    /// When an embedded store of a data path was last set aside, if ever.
    #[must_use]
    pub(crate) fn last_set_aside(own: &Path) -> Option<Micros> {
        damage::last(own)
    }

    /// Connects to PostgreSQL, migrating the schema as needed.
    ///
    /// # Errors
    /// If the URL is invalid, the server does not answer, or its schema is of a newer program.
    pub async fn connect(url: &str) -> Result<Self, DbError> {
        postgres::connect(url).await
    }

    /// Checks whether the embedded store in a data path's own folder can be used, without migrating or moving
    /// anything.
    ///
    /// # Errors
    /// If it does not exist, is damaged, or was written by a newer program.
    pub async fn check(own: &Path) -> Result<(), DbError> {
        sqlite::check(own).await
    }

    /// Tries everything the program needs of a PostgreSQL server, the schema included, and rolls it back.
    /// Returns whether a transaction pooler is in front of the server.
    ///
    /// # Errors
    /// If the server does not answer, refuses any of it, or has the schema of a newer program.
    pub(crate) async fn check_server(url: &str) -> Result<bool, DbError> {
        postgres::check(url).await
    }
}
