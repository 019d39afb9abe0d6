//! The embedded store: its file, its connections and its schema.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::db::versions::{migrator, newest};
use crate::db::{Database, DbError, Pool, damage};
use crate::disk::atomic;

/// How long a statement waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);
/// How long an operation waits for a connection of this process.
const TURN: Duration = Duration::from_secs(30);
/// Number of reading connections.
const READERS: u32 = 3;

/// Counts the stores created by this process, so that concurrent ones get different files.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Every table; reading all of them reveals a missing one.
const TABLES: &str = "SELECT 1 FROM series_health, paused_jobs, task, attempt, worker, owner, task_count, history_metric, history_writer, history_point LIMIT 0";

pub(super) async fn open(own: &Path) -> Result<Database, DbError> {
    let path = own.join("state.db");
    seen_whole(own, &path)?;
    if path.symlink_metadata().is_err() {
        create(&path).await?;
    }
    let (write, options) = connected(&path).await?;
    let ready = match ours(&path, &write).await {
        Ok(()) => made_ready(&path, &write).await,
        foreign => foreign,
    };
    if let Err(error) = ready {
        // It is moved away next, so no process may have it open.
        write.close().await;
        return Err(error);
    }
    let read = pool(READERS).connect_lazy_with(options.create_if_missing(false));
    Ok(Database::of(Pool::Sqlite { write, read }, path.display().to_string()))
}

/// Creates a store under a temporary name and renames it when complete: one left half created by a dead process,
/// or on a full disk, would look damaged.
async fn create(path: &Path) -> Result<(), DbError> {
    let made_by = MADE.fetch_add(1, Ordering::Relaxed);
    let aside = atomic::aside(&path.with_file_name(format!("state.db.{made_by}")));
    let made = async {
        let (pool, _) = connected(&aside).await?;
        let made = made_ready(&aside, &pool).await;
        // Closing the last connection merges its log into it.
        pool.close().await;
        made
    };
    let made = made.await.map_err(|error| error.at(path));
    let named = made.and_then(|()| {
        atomic::take_free_name(&aside, path).map_err(|error| DbError::of_sqlite(path, error.into()))
    });
    for left in ["", "-wal", "-shm", "-journal"] {
        let mut name = aside.clone().into_os_string();
        name.push(left);
        let _ = std::fs::remove_file(name);
    }
    named
}

/// The single writing connection, and the options for further ones.
async fn connected(path: &Path) -> Result<(SqlitePool, SqliteConnectOptions), DbError> {
    // Without a sync at each commit a power cut may lose the last commits, but never part of one. The work they
    // record is done again, which is harmless.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY);
    let opened = pool(1).connect_with(options.clone()).await;
    Ok((opened.map_err(|error| DbError::of_opening(path, error))?, options))
}

fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(most).acquire_timeout(TURN)
}

/// Refuses files whose damage is visible from outside.
fn seen_whole(own: &Path, path: &Path) -> Result<(), DbError> {
    match damage::visible(own) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(DbError::Damaged { place: path.display().to_string(), why }),
        Err(error) => Err(DbError::of_sqlite(path, error.into())),
    }
}

/// Reads every page, migrates the schema and checks that it is complete.
async fn made_ready(path: &Path, pool: &SqlitePool) -> Result<(), DbError> {
    let opening = |error| DbError::of_opening(path, error);
    whole(path, pool).await?;
    migrator(|version| version.2).run(pool).await.map_err(|error| opening(error.into()))?;
    sqlx::query(TABLES).execute(pool).await.map(drop).map_err(opening)
}

/// Refuses a file that our migrations did not create: another store's log may lie beside it.
async fn ours(path: &Path, pool: &SqlitePool) -> Result<(), DbError> {
    let migrated = sqlx::query("SELECT 1 FROM _sqlx_migrations LIMIT 0").execute(pool).await;
    migrated.map(drop).map_err(|error| DbError::of_opening(path, error))
}

/// Reads every page and checks indexes against their tables. Otherwise damage would surface whenever something
/// first needs that page, or never.
async fn whole(path: &Path, pool: &SqlitePool) -> Result<(), DbError> {
    let checked = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(pool).await;
    let found: String = checked.map_err(|error| DbError::of_opening(path, error))?;
    match found.as_str() {
        "ok" => Ok(()),
        why => Err(DbError::Damaged { place: path.display().to_string(), why: why.to_owned() }),
    }
}

/// Opened for writing nevertheless: a reader alone would leave SQLite's two helper files behind.
pub(super) async fn check(own: &Path) -> Result<(), DbError> {
    let path = own.join("state.db");
    seen_whole(own, &path)?;
    let failed = |source| DbError::of_opening(&path, source);
    let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY);
    let pool = pool(1).connect_with(options).await.map_err(failed)?;
    let checked = async {
        whole(&path, &pool).await?;
        let held: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .map_err(failed)?;
        match held.filter(|_| held > newest()) {
            Some(newer) => Err(failed(MigrateError::VersionMissing(newer).into())),
            None => Ok(()),
        }
    };
    let checked = checked.await;
    pool.close().await;
    checked
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test may break a file on purpose")]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::model::{Micros, Series};

    const NOW: Micros = Micros(1_800_000_000_000_000);

    /// A store with one paused job and many more rows, closed.
    async fn known(folder: &tempfile::TempDir) -> PathBuf {
        let own = folder.path().to_owned();
        let database = Database::open(&own).await.unwrap();
        let series: Vec<Series> =
            (0..400).map(|number| format!("binance/A{number}-USDT/ohlc/1h").parse().unwrap()).collect();
        database.set_paused(&series, true, NOW).await.unwrap();
        database.close().await;
        own
    }

    #[tokio::test]
    async fn a_store_that_is_damaged_while_it_is_open_stays_away_though_it_answers() {
        let folder = tempfile::tempdir().unwrap();
        let own = known(&folder).await;
        let database = Database::open(&own).await.unwrap();
        database.probe(&own).await.unwrap();
        // An answer from a page read earlier is no sign of health.
        let noise = own.join("noise.db");
        std::fs::write(&noise, [0xA5; 8_192]).unwrap();
        let pool = SqlitePool::connect(&format!("sqlite://{}", noise.display())).await.unwrap();
        let damage = sqlx::query("SELECT 1 FROM sqlite_schema").fetch_all(&pool).await.unwrap_err();

        assert!(database.failed(damage).is_damage());
        database.answered();

        assert!(database.is_away());
        assert!(database.probe(&own).await.unwrap_err().is_damage());
        database.close().await;
    }

    #[tokio::test]
    async fn a_damaged_page_anywhere_is_found_at_the_start_and_set_aside_whole() {
        let folder = tempfile::tempdir().unwrap();
        let own = known(&folder).await;
        let bytes = std::fs::read(own.join("state.db")).unwrap();
        assert!(bytes.len() > 10 * 4_096);
        let mut found = 0;
        for page in 1..bytes.len() / 4_096 {
            let mut damaged = bytes.clone();
            damaged[page * 4_096..(page + 1) * 4_096].fill(0);
            std::fs::write(own.join("state.db"), &damaged).unwrap();
            let at = Micros(NOW.0 + page as i64);

            let (database, aside) = Database::open_or_rebuild(&own, at).await.unwrap();
            database.close().await;

            // An unused page may contain anything.
            let Some(aside) = aside else { continue };
            found += 1;
            assert_eq!(std::fs::read(&aside.to).unwrap(), damaged, "page {page}");
            assert!(!aside.why.contains('\n'), "{}", aside.why);
            assert_eq!(Database::last_set_aside(&own), Some(at));
        }
        assert!(found > 10, "only {found} damaged pages were found");
    }

    #[tokio::test]
    async fn a_store_that_is_whole_stays_and_one_of_a_newer_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let own = known(&folder).await;
        let (database, aside) = Database::open_or_rebuild(&own, NOW).await.unwrap();
        assert_eq!((aside, database.paused().await.unwrap().len()), (None, 400));
        let Pool::Sqlite { write, .. } = database.pool() else { panic!("it is embedded") };
        sqlx::query("INSERT INTO _sqlx_migrations SELECT 999, 'x', installed_on, 1, checksum, 1 FROM _sqlx_migrations LIMIT 1")
            .execute(write)
            .await
            .unwrap();
        database.close().await;

        let refused = Database::open_or_rebuild(&own, NOW).await.unwrap_err();

        assert!(matches!(refused, DbError::Newer { version: 999, .. }), "{refused}");
        assert!(own.join("state.db").exists() && !own.join("quarantine").exists());
    }

    #[tokio::test]
    async fn a_file_of_somebody_else_is_set_aside_with_every_table_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path();
        let options = SqliteConnectOptions::new().filename(own.join("state.db")).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        sqlx::query("CREATE TABLE task (id TEXT PRIMARY KEY)").execute(&pool).await.unwrap();
        pool.close().await;

        let (database, aside) = Database::open_or_rebuild(own, NOW).await.unwrap();
        database.close().await;

        assert!(aside.unwrap().why.contains("no such table: _sqlx_migrations"));
    }

    #[tokio::test]
    async fn an_index_that_is_not_that_of_its_table_is_found_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let own = known(&folder).await;
        let bytes = std::fs::read(own.join("state.db")).unwrap();
        // The first byte of an index leaf page; its entries are at the end of the page.
        let indexes = (1..bytes.len() / 4_096).filter(|page| bytes[page * 4_096] == 10);
        let mut found = 0;
        for page in indexes.filter(|page| bytes[(page + 1) * 4_096 - 10] != 0) {
            let mut damaged = bytes.clone();
            damaged[(page + 1) * 4_096 - 10] ^= 1;
            std::fs::write(own.join("state.db"), &damaged).unwrap();

            let (database, aside) =
                Database::open_or_rebuild(&own, Micros(NOW.0 + page as i64)).await.unwrap();
            database.close().await;

            assert!(aside.is_some(), "page {page}");
            found += 1;
        }
        assert!(found > 3, "only {found} pages of indexes");
    }

    #[tokio::test]
    async fn the_log_of_another_store_beside_it_is_set_aside_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let own = known(&folder).await;
        let options = SqliteConnectOptions::new().filename(folder.path().join("other.db"));
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let other = pool(1).connect_with(options).await.unwrap();
        sqlx::query("CREATE TABLE notes (id TEXT PRIMARY KEY)").execute(&other).await.unwrap();
        std::fs::copy(folder.path().join("other.db-wal"), own.join("state.db-wal")).unwrap();
        other.close().await;

        let (database, aside) = Database::open_or_rebuild(&own, NOW).await.unwrap();
        let paused = database.paused().await.unwrap();
        database.close().await;

        assert!(aside.is_some() && paused.is_empty());
        assert!(own.join(format!("quarantine/state.db.{}", NOW.0)).exists());
    }
}
