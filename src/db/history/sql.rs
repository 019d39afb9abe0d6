//! The statements of the metric history, one file each in `sql/`.

/// All statements of a store.
pub(super) struct Sql {
    pub(super) define: &'static str,
    pub(super) defined: &'static str,
    pub(super) put: &'static str,
}

pub(super) static SQLITE: Sql = Sql {
    define: include_str!("sql/sqlite/define.sql"),
    defined: include_str!("sql/sqlite/defined.sql"),
    put: include_str!("sql/sqlite/put.sql"),
};

pub(super) static POSTGRES: Sql = Sql {
    define: include_str!("sql/postgres/define.sql"),
    defined: include_str!("sql/postgres/defined.sql"),
    put: include_str!("sql/postgres/put.sql"),
};

pub(super) const CLAIM: &str = include_str!("sql/both/claim.sql");
pub(super) const TOUCH: &str = include_str!("sql/both/touch.sql");
pub(super) const STORED: &str = include_str!("sql/both/stored.sql");
pub(super) const KEYS: &str = include_str!("sql/both/keys.sql");
pub(super) const POINTS: &str = include_str!("sql/both/points.sql");
pub(super) const WORKERS: &str = include_str!("sql/both/workers.sql");
pub(super) const OLDEST: &str = include_str!("sql/both/oldest.sql");
pub(super) const PRUNE: &str = include_str!("sql/both/prune.sql");
pub(super) const FORGET_METRICS: &str = include_str!("sql/both/forget_metrics.sql");
pub(super) const FORGET_WRITERS: &str = include_str!("sql/both/forget_writers.sql");
