//! A PostgreSQL server: its connections and its schema. Its URL may hold a password and is never shown.
//!
//! A transaction pooler, such as PgBouncer in transaction mode, gives each transaction whichever server connection
//! is free, so nothing that belongs to a connection lasts: no prepared statement, no setting, no lock beyond the
//! transaction. The program detects one at the start, and then parses every statement afresh, inside a transaction
//! that sets its own limits.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres, Row, Transaction};

use crate::db::versions::migrator;
use crate::db::{Database, DbError, Pool};

/// Connections of one process.
const CONNECTIONS: u32 = 8;
/// How long an operation waits for a connection, including a new one.
const TURN: Duration = Duration::from_secs(10);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(300);
/// Limits on statements, and on how long a hanging process may lock rows. Statements are not compiled (JIT): they
/// are short, and PostgreSQL would take many times longer to compile than to run them.
const LIMITS: [(&str, &str); 4] = [
    ("statement_timeout", "60s"),
    ("lock_timeout", "20s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("jit", "off"),
];
/// The same limits for a single transaction, and a query that shows the first of them.
const BEGIN_LIMITED: &str = "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '20s'; \
    SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL jit = off";
const LIMIT_SHOWN: &str = "1min";
/// Lets one process at a time migrate the schema.
const MIGRATING: &str = "SELECT pg_advisory_xact_lock(7202027)";
/// The operations of the program on its tables, tried with a name that no series has.
const TRIED: [&str; 4] = [
    "LOCK TABLE series_health IN ROW EXCLUSIVE MODE",
    "INSERT INTO paused_jobs (series, since) VALUES ('', 0)",
    "UPDATE paused_jobs SET since = 1 WHERE series = ''",
    "DELETE FROM paused_jobs WHERE series = ''",
];

/// A server as found at the start.
struct Found {
    options: PgConnectOptions,
    /// Whether a transaction pooler is in front of it.
    is_pooled: bool,
}

pub(super) async fn connect(url: &str) -> Result<Database, DbError> {
    let options = options(url)?;
    let place = place(&options);
    let failed = |source| DbError::Postgres { place: place.clone(), source };
    let Found { options, is_pooled } = look(options).await.map_err(failed)?;
    migrate(&options, is_pooled, Migration::Kept).await.map_err(failed)?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(TURN)
        .idle_timeout(IDLE)
        .connect_with(options)
        .await
        .map_err(failed)?;
    Ok(Database { is_pooled, ..Database::of(Pool::Postgres(pool), place) })
}

/// Tries everything the program needs of a server and rolls it back; returns whether a pooler is in front of it.
pub(super) async fn check(url: &str) -> Result<bool, DbError> {
    let options = options(url)?;
    let place = place(&options);
    let failed = |source| DbError::Postgres { place: place.clone(), source };
    let Found { options, is_pooled } = look(options).await.map_err(failed)?;
    migrate(&options, is_pooled, Migration::RolledBack).await.map_err(failed)?;
    Ok(is_pooled)
}

/// Begins a transaction with the program's limits.
pub(crate) async fn begin(pool: &PgPool, is_pooled: bool) -> sqlx::Result<Transaction<'static, Postgres>> {
    if is_pooled { pool.begin_with(BEGIN_LIMITED).await } else { pool.begin().await }
}

/// Connects and checks whether connection state lasts.
async fn look(options: PgConnectOptions) -> sqlx::Result<Found> {
    let limited = options.clone().options(LIMITS);
    let mut one = match within(limited.connect()).await {
        Ok(connection) => connection,
        // How a pooler rejects settings that it cannot pass on.
        Err(error) if is_unsupported(&error) => {
            within(options.connect()).await?.close().await?;
            return Ok(Found { options, is_pooled: true });
        }
        Err(error) => return Err(error),
    };
    let mut other = within(limited.connect()).await?;
    let is_pooled = within(shares(&mut one, &mut other)).await?;
    one.close().await?;
    other.close().await?;
    Ok(Found { options: if is_pooled { options } else { limited }, is_pooled })
}

/// Whether two client connections may be served by one server connection, or one by several.
async fn shares(one: &mut PgConnection, other: &mut PgConnection) -> sqlx::Result<bool> {
    if text(one, "SHOW statement_timeout").await? != LIMIT_SHOWN {
        return Ok(true);
    }
    let first = text(one, "SELECT pg_backend_pid()::text").await?;
    let mut held = other.begin().await?;
    let second = text(&mut held, "SELECT pg_backend_pid()::text").await?;
    // If both shared the only server connection, the first would wait for it.
    let is_shared = first == second || first != text(one, "SELECT pg_backend_pid()::text").await?;
    held.rollback().await?;
    Ok(is_shared)
}

/// The single value of a statement, by a protocol that needs no preparation.
async fn text(connection: &mut PgConnection, statement: &'static str) -> sqlx::Result<String> {
    sqlx::raw_sql(statement).fetch_one(connection).await?.try_get(0)
}

fn is_unsupported(error: &sqlx::Error) -> bool {
    let said = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
    said.contains("unsupported startup parameter")
}

/// Whether a successful migration is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Migration {
    Kept,
    /// After trying the program's other statements too.
    RolledBack,
}

/// Migrates the schema, on a connection of its own and in one transaction.
async fn migrate(options: &PgConnectOptions, is_pooled: bool, migration: Migration) -> sqlx::Result<()> {
    let mut connection = within(options.connect()).await?;
    let mut all = match is_pooled {
        true => connection.begin_with(BEGIN_LIMITED).await?,
        false => connection.begin().await?,
    };
    sqlx::raw_sql(MIGRATING).execute(&mut *all).await?;
    // Statements that others left prepared on this connection may have the names that the migrator uses.
    let forgotten = |is_pooled: bool| if is_pooled { "DEALLOCATE ALL" } else { "SELECT 1" };
    sqlx::raw_sql(forgotten(is_pooled)).execute(&mut *all).await?;
    let mut migrator = migrator(|version| version.3);
    // The migrator's own lock would stay with the connection.
    migrator.set_locking(false).run_direct(None, &mut *all, false).await.map_err(sqlx::Error::from)?;
    sqlx::raw_sql(forgotten(is_pooled)).execute(&mut *all).await?;
    if migration == Migration::RolledBack {
        for statement in TRIED {
            sqlx::raw_sql(statement).execute(&mut *all).await?;
        }
        all.rollback().await?;
    } else {
        all.commit().await?;
    }
    connection.close().await
}

async fn within<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(TURN, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

fn options(url: &str) -> Result<PgConnectOptions, DbError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|source| DbError::Postgres { place: "the server of that URL".to_owned(), source })?;
    // Numbers are not sent as text, and poolers do not know the setting.
    Ok(options.application_name("dccd").extra_float_digits(None))
}

/// The server's address, without credentials.
fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("its usual database");
    match options.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::events::Chain;

    #[tokio::test]
    async fn an_error_of_the_server_names_its_place_and_neither_user_nor_password() {
        let url = "postgres://quant:hunter2@127.0.0.1:1/prices";

        let error = check(url).await.unwrap_err();

        let said = format!("{} {error:?}", Chain(&error));
        assert!(said.contains("127.0.0.1:1/prices"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("quant"), "{said}");
    }

    #[tokio::test]
    async fn a_url_that_is_none_is_refused_without_being_repeated() {
        let error = connect("postgres://quant:hunter2@db:port/x").await.unwrap_err();

        let said = format!("{} {error:?}", Chain(&error));
        assert!(!said.contains("hunter2"), "{said}");
    }
}
