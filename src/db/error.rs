//! Why the state store could not be used, by the remedy.

use std::path::Path;

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};
use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::db::versions::newest;
use crate::model::bytes;

/// With less free space SQLite cannot even create its helper files.
const FULL_BELOW_BYTES: u64 = 256 << 10;

#[derive(Debug, Error)]
pub enum DbError {
    /// The embedded store failed.
    #[error("the state store {place} failed; it is a cache, so it may be moved away while dccd is stopped")]
    Sqlite {
        /// Its file.
        place: String,
        source: sqlx::Error,
    },
    /// The embedded store is damaged.
    #[error(
        "the state store {place} is damaged ({why}); it is a cache, and the next start sets it aside and makes a new one"
    )]
    Damaged {
        /// Its file.
        place: String,
        /// The damage.
        why: String,
    },
    /// The disk of the embedded store is full.
    #[error("the state store {place} cannot be written: its disk is full ({free} free); make room")]
    Full {
        /// Its file.
        place: String,
        /// Free space.
        free: String,
        source: sqlx::Error,
    },
    /// A file size limit stops the embedded store.
    #[error(
        "the state store {place} cannot be written: no file may be larger than {limit} here; raise the limit (`ulimit -f`)"
    )]
    Limited {
        /// Its file.
        place: String,
        /// The limit.
        limit: String,
        source: sqlx::Error,
    },
    /// A newer version of the program created the embedded store.
    #[error(
        "the state store {place} is of a newer dccd (its schema is {version}); run that one, or move the file away: it is a cache"
    )]
    Newer {
        /// Its file.
        place: String,
        /// The version of its schema.
        version: i64,
    },
    /// The server failed.
    #[error(
        "the state store on {place} failed; see that PostgreSQL answers there and that `store` or `store_file` names it rightly"
    )]
    Postgres {
        /// Its address, without user and password.
        place: String,
        source: sqlx::Error,
    },
}

impl DbError {
    /// Classifies an error of the embedded store at `path` while in use.
    pub(super) fn of_sqlite(path: &Path, source: sqlx::Error) -> Self {
        let place = path.display().to_string();
        match primary_code(&source) {
            Some(11 | 26) => DbError::Damaged { place, why: why(&source) },
            // Which error a full disk causes depends on the file SQLite was about to write.
            Some(13) => {
                DbError::Full { place, free: free(path).map_or_else(|| "nothing".to_owned(), bytes), source }
            }
            Some(10 | 14) if free(path).is_some_and(|free| free < FULL_BELOW_BYTES) => {
                DbError::Full { place, free: free(path).map_or_else(String::new, bytes), source }
            }
            Some(10) => match getrlimit(Resource::Fsize).current {
                Some(limit) => DbError::Limited { place, limit: bytes(limit), source },
                None => DbError::Sqlite { place, source },
            },
            _ => DbError::Sqlite { place, source },
        }
    }

    /// Classifies an error of opening the embedded store at `path`; a schema other than ours counts as damage
    /// too.
    pub(super) fn of_opening(path: &Path, source: sqlx::Error) -> Self {
        let place = path.display().to_string();
        if let sqlx::Error::Migrate(error) = &source
            && let MigrateError::VersionMissing(version) = **error
            && Some(version) > newest()
        {
            return DbError::Newer { place, version };
        }
        let is_foreign = match &source {
            sqlx::Error::Migrate(error) => match &**error {
                MigrateError::Execute(own) | MigrateError::ExecuteMigration(own, _) => is_of_schema(own),
                _ => true,
            },
            other => is_of_schema(other),
        };
        if is_foreign {
            DbError::Damaged { place, why: why(&source) }
        } else {
            DbError::of_sqlite(path, source)
        }
    }

    /// The same error with the path under which the embedded store is known.
    pub(super) fn at(self, path: &Path) -> Self {
        let place = path.display().to_string();
        match self {
            DbError::Sqlite { source, .. } => DbError::Sqlite { place, source },
            DbError::Full { free, source, .. } => DbError::Full { place, free, source },
            DbError::Limited { limit, source, .. } => DbError::Limited { place, limit, source },
            other => other,
        }
    }

    /// Whether the embedded store is damaged.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, DbError::Damaged { .. })
    }
}

/// Whether a statement found unexpected tables, columns or values.
fn is_of_schema(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => true,
        error => matches!(primary_code(error), Some(1 | 20)),
    }
}

/// SQLite's primary result code.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let error = match error {
        sqlx::Error::Migrate(error) => match &**error {
            MigrateError::Execute(own) | MigrateError::ExecuteMigration(own, _) => own,
            _ => return None,
        },
        other => other,
    };
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn why(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}

fn free(path: &Path) -> Option<u64> {
    let disk = statvfs(path.parent()?).ok()?;
    // Without a free inode no helper file can be created either; file systems without inode limits report 0 of
    // 0.
    let has_names = disk.f_files == 0 || disk.f_favail > 0;
    Some(if has_names { disk.f_bavail.saturating_mul(disk.f_frsize) } else { 0 })
}
