//! A PostgreSQL server: its connections and its schema. Its URL holds a password and is never shown.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::db::{Database, DbError, Pool, migrator, newest};

/// Connections of one process.
const CONNECTIONS: u32 = 8;
/// How long an operation waits for a connection, a new one included.
const TURN: Duration = Duration::from_secs(10);
/// A connection nobody used for so long is given back to the server.
const IDLE: Duration = Duration::from_secs(300);
/// No statement may take longer, and no process that hangs may hold its rows longer. Statements are short: to
/// compile one takes PostgreSQL many times as long as to run it.
const LIMITS: [(&str, &str); 4] = [
    ("statement_timeout", "60s"),
    ("lock_timeout", "20s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("jit", "off"),
];

pub(super) async fn connect(url: &str) -> Result<Database, DbError> {
    let options = options(url)?;
    let place = place(&options);
    let failed = |source| DbError::Postgres { place: place.clone(), source };
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(TURN)
        .idle_timeout(IDLE)
        .connect_with(options)
        .await
        .map_err(failed)?;
    migrator(|version| version.3).run(&pool).await.map_err(|error| failed(error.into()))?;
    Ok(Database::of(Pool::Postgres(pool), place))
}

pub(super) async fn check(url: &str) -> Result<(), DbError> {
    let options = options(url)?;
    let place = place(&options);
    let failed = |source| DbError::Postgres { place: place.clone(), source };
    let connecting = tokio::time::timeout(TURN, options.connect());
    let mut connection = connecting.await.map_err(|_| failed(sqlx::Error::PoolTimedOut))?.map_err(failed)?;
    let is_new: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NULL")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    if is_new {
        return connection.close().await.map_err(failed);
    }
    let held: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    match held.filter(|_| held > newest()) {
        Some(newer) => Err(failed(MigrateError::VersionMissing(newer).into())),
        None => connection.close().await.map_err(failed),
    }
}

fn options(url: &str) -> Result<PgConnectOptions, DbError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|source| DbError::Postgres { place: "the server of that URL".to_owned(), source })?;
    Ok(options.application_name("dccd").options(LIMITS))
}

/// Where the server is, without who asks.
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
