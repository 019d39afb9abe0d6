//! State beside the files, in SQLite (`.dccd/state.db`) or in PostgreSQL. It is a cache;
//! files and ledgers are the truth.
//!
//! **The state store is a cache and is treated as one**: at every start each page is read and each index held
//! to its table; what is not what was written is set aside with the helper files of SQLite, and a new one is
//! made aside and named once it is whole. Health comes back from metrics.json and the ledgers. A server may
//! hold data of others, so nothing there is ever moved: it is refused.

mod damage;
mod database;
mod error;
mod health;
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
pub use probe::Probed;

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
}
