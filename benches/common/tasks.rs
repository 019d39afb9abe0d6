//! A store with a million finished tasks, put there by hand.

use dccd::db::{Database, Pool};

/// The queue of the tasks.
pub(crate) const QUEUE: &str = "binance";
/// Tasks that succeeded.
pub(crate) const FINISHED: u64 = 1_000_000;
/// Tasks that are due.
pub(crate) const WAITING: u64 = 10_000;

/// Tasks that failed and are due in an hour, urgent ones.
pub(crate) const DEFERRED: u64 = 100_000;

/// Puts tasks into the store that failed and wait for an hour.
pub(crate) async fn defer(database: &Database) {
    fill(database, "deferred", DEFERRED, 20).await;
    let due = jiff::Timestamp::now().as_microsecond() + 3_600_000_000;
    let text = format!("UPDATE task SET priority = 5, run_at = {due} WHERE id LIKE 'deferred-%'");
    let statement = sqlx::AssertSqlSafe(text);
    match database.pool() {
        Pool::Sqlite { write, .. } => drop(sqlx::query(statement).execute(write).await.expect("room")),
        Pool::Postgres(pool) => {
            sqlx::query(statement).execute(pool).await.expect("room");
            sqlx::query("VACUUM ANALYZE task").execute(pool).await.expect("room");
        }
    }
}

/// Puts tasks into the store, in one statement.
pub(crate) async fn fill(database: &Database, name: &str, tasks: u64, status: u32) {
    let numbers = match database.pool() {
        Pool::Sqlite { .. } => format!(
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {tasks}) SELECT i FROM n)"
        ),
        Pool::Postgres(_) => format!("(SELECT i FROM generate_series(1, {tasks}) AS g (i))"),
    };
    let text = format!(
        "INSERT INTO task (id, queue, kind, series, status, priority, run_at, attempts, attempts_total, retry_delay,
             fence, cancel_requested, created_at, updated_at, finished_at, data)
         SELECT '{name}-' || i, '{QUEUE}', 'backfill', '', {status}, 0, i, 0, 0, 5000000, 0, 0, i, i,
             CASE WHEN {status} = 40 THEN i END, '{{}}'
         FROM {numbers} AS numbers"
    );
    let statement = sqlx::AssertSqlSafe(text);
    match database.pool() {
        Pool::Sqlite { write, .. } => drop(sqlx::query(statement).execute(write).await.expect("room")),
        Pool::Postgres(pool) => {
            sqlx::query(statement).execute(pool).await.expect("room");
            sqlx::query("ANALYZE").execute(pool).await.expect("room");
        }
    }
}
