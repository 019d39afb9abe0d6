//! Every statement of the tracker is prepared by the stores it is for.

use std::path::Path;

use dccd::db::Pool;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _, SqlStr};

use crate::world::{World, on_both_stores};

on_both_stores!(every_statement_is_prepared);

async fn every_statement_is_prepared(world: World) {
    if world.database.is_pooled() {
        // Nothing that is prepared stays with a connection behind a pooler.
        return;
    }
    for (file, text) in statements(world.tracker.store_kind()) {
        let prepared = match world.database.pool() {
            Pool::Sqlite { write, .. } => write.prepare(text).await.map(drop),
            Pool::Postgres(pool) => pool.prepare(text).await.map(drop),
        };
        prepared.unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

/// The files of a dialect, and those that both share.
fn statements(dialect: &str) -> Vec<(String, SqlStr)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tracker/sql");
    let mut found = Vec::new();
    for folder in ["both", dialect] {
        for file in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), AssertSqlSafe(text).into_sql_str()));
        }
    }
    assert!(found.len() >= 40, "only {} files were found", found.len());
    found
}
