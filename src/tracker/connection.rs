//! A connection to either store that binds values in order and reads rows; all other code of this room is the same
//! for both.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Postgres, Sqlite, Transaction};

use crate::db::{Database, Pool, begin};
use crate::tracker::sql::{POSTGRES, SQLITE, Sql};

/// A value bound to a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Whole(Option<i64>),
    Text(Option<&'a str>),
}

/// The values of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::tracker::connection::Value::from($value)),*] };
}
pub(super) use values;

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Whole(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Value::Whole(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Value::Text(value)
    }
}

/// A row that both stores can return.
pub(super) trait Stored:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Stored for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Binds values to a query of either store.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match *value {
                Value::Whole(whole) => query.bind(whole),
                Value::Text(text) => query.bind(text),
            };
        }
        query
    }};
}

/// A write transaction, rolled back unless [`Change::commit`] is called.
pub(super) struct Change {
    /// The statements of this store.
    pub(super) sql: &'static Sql,
    inner: Inner,
    /// Whether statements are prepared for reuse.
    is_persistent: bool,
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Change {
    /// Begins a transaction; in SQLite it excludes all other writers from the start.
    pub(super) async fn begin(database: &Database) -> sqlx::Result<Self> {
        Ok(match database.pool() {
            Pool::Sqlite { write, .. } => {
                let inner = Inner::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?);
                Change { sql: &SQLITE, inner, is_persistent: true }
            }
            Pool::Postgres(pool) => {
                let inner = Inner::Postgres(begin(pool, database.is_pooled()).await?);
                Change { sql: &POSTGRES, inner, is_persistent: !database.is_pooled() }
            }
        })
    }

    /// The rows of a statement.
    pub(super) async fn rows<T: Stored>(
        &mut self,
        statement: &'static str,
        values: &[Value<'_>],
    ) -> sqlx::Result<Vec<T>> {
        let is_persistent = self.is_persistent;
        match &mut self.inner {
            Inner::Sqlite(inner) => bound!(sqlx::query_as(statement), values).fetch_all(&mut **inner).await,
            Inner::Postgres(inner) => {
                let query = bound!(sqlx::query_as(statement), values).persistent(is_persistent);
                query.fetch_all(&mut **inner).await
            }
        }
    }

    /// Runs a statement; returns the number of affected rows.
    pub(super) async fn run(&mut self, statement: &'static str, values: &[Value<'_>]) -> sqlx::Result<u64> {
        let is_persistent = self.is_persistent;
        match &mut self.inner {
            Inner::Sqlite(inner) => {
                let done = bound!(sqlx::query(statement), values).execute(&mut **inner).await?;
                Ok(done.rows_affected())
            }
            Inner::Postgres(inner) => {
                let query = bound!(sqlx::query(statement), values).persistent(is_persistent);
                Ok(query.execute(&mut **inner).await?.rows_affected())
            }
        }
    }

    /// Rolls back, and releases its locks before returning.
    pub(super) async fn undo(self) -> sqlx::Result<()> {
        match self.inner {
            Inner::Sqlite(inner) => inner.rollback().await,
            Inner::Postgres(inner) => inner.rollback().await,
        }
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self.inner {
            Inner::Sqlite(inner) => inner.commit().await,
            Inner::Postgres(inner) => inner.commit().await,
        }
    }
}

/// The rows of a statement outside a transaction.
pub(super) async fn rows<T: Stored>(
    database: &Database,
    is_writing: bool,
    statement: fn(&Sql) -> &'static str,
    values: &[Value<'_>],
) -> sqlx::Result<Vec<T>> {
    match database.pool() {
        Pool::Sqlite { write, read } => {
            let pool = if is_writing { write } else { read };
            bound!(sqlx::query_as(statement(&SQLITE)), values).fetch_all(pool).await
        }
        Pool::Postgres(pool) if !database.is_pooled() => {
            bound!(sqlx::query_as(statement(&POSTGRES)), values).fetch_all(pool).await
        }
        Pool::Postgres(_) => {
            let mut change = Change::begin(database).await?;
            let rows = change.rows(statement(&POSTGRES), values).await?;
            change.commit().await?;
            Ok(rows)
        }
    }
}

/// Whether the transaction conflicted with another, was rolled back and may be retried.
pub(super) fn met(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // PostgreSQL: serialization failure, deadlock. SQLite: busy, busy with a snapshot that is too old.
    code.is_some_and(|code| ["40001", "40P01", "5", "517"].contains(&code.as_ref()))
}
