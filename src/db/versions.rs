//! The versions of the schema and their migrations.

use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A version of the schema: its number, a title, and its statements for SQLite and for PostgreSQL.
pub(super) struct Version(pub(super) i64, &'static str, pub(super) &'static str, pub(super) &'static str);

/// The schema, one list of statements per version; a released version is never changed.
const VERSIONS: [Version; 6] = [
    Version(
        1,
        "health of each series",
        include_str!("0001_series_health.sql"),
        include_str!("0001_series_health.sql"),
    ),
    Version(
        2,
        "tasks and their owners",
        include_str!("0002_tracker_sqlite.sql"),
        include_str!("0002_tracker_postgres.sql"),
    ),
    Version(10, "paused jobs", include_str!("0010_paused_jobs.sql"), include_str!("0010_paused_jobs.sql")),
    Version(
        12,
        "places of owners",
        include_str!("0012_owner_place.sql"),
        include_str!("0012_owner_place.sql"),
    ),
    Version(
        15,
        "history of metrics",
        include_str!("0015_history_sqlite.sql"),
        include_str!("0015_history_postgres.sql"),
    ),
    Version(16, "order of runs", include_str!("0016_runs.sql"), include_str!("0016_runs.sql")),
];

/// The newest schema version this program supports.
pub(super) fn newest() -> Option<i64> {
    VERSIONS.iter().map(|version| version.0).max()
}

/// The migrations of a store.
pub(super) fn migrator(statements: fn(&Version) -> &'static str) -> Migrator {
    let migrations = VERSIONS.iter().map(|version| {
        let text = sqlx::SqlStr::from_static(statements(version));
        Migration::new(version.0, version.1.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(migrations.collect())
}
