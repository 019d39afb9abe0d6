//! The statements, one file each in `sql/`: in `both` if the stores share the text, else one per dialect.
//! Parameters are in the same order in both, so the calling code is the same.
//!
//! Instants are in microseconds. `now` is bound in SQLite, whose only clock is the process's, and may be NULL in
//! PostgreSQL, which then uses its own (`tracker_now`).

/// The text of a statement; empty if a dialect does not use it.
macro_rules! text {
    (none, $name:ident) => {
        ""
    };
    ($folder:ident, $name:ident) => {
        include_str!(concat!("sql/", stringify!($folder), "/", stringify!($name), ".sql"))
    };
}

/// Defines a field per statement, and the texts of both stores.
macro_rules! statements {
    ($($name:ident: $sqlite:ident, $postgres:ident;)*) => {
        /// All statements of a store.
        pub(super) struct Sql {
            $(pub(super) $name: &'static str,)*
        }

        pub(super) static SQLITE: Sql = Sql { $($name: text!($sqlite, $name),)* };

        pub(super) static POSTGRES: Sql = Sql { $($name: text!($postgres, $name),)* };

        /// The files in use.
        #[cfg(test)]
        const FILES: &[[&str; 3]] = &[$([stringify!($name), stringify!($sqlite), stringify!($postgres)],)*];
    };
}

statements! {
    load: sqlite, postgres;
    show: sqlite, postgres;
    save: both, both;
    add: sqlite, postgres;
    near: sqlite, postgres;
    lock_name: sqlite, postgres;
    claim: sqlite, postgres;
    open_attempts: sqlite, none;
    open_attempt: both, both;
    close_attempt: both, both;
    complete: sqlite, postgres;
    close_attempts: sqlite, none;
    renew: sqlite, postgres;
    expired: sqlite, postgres;
    orphaned: sqlite, postgres;
    attempts: both, both;
    forget_attempts: both, both;
    drop_attempts: both, both;
    drop_task: both, both;
    list: sqlite, postgres;
    runs: both, both;
    old: sqlite, postgres;
    counts: sqlite, postgres;
    due: sqlite, postgres;
    due_windows: sqlite, postgres;
    due_jobs: sqlite, postgres;
    rested: sqlite, postgres;
    fold: none, postgres;
    recount: sqlite, postgres;
    adjust: sqlite, postgres;
    beat: sqlite, postgres;
    leave: both, both;
    workers: sqlite, postgres;
    forget_workers: both, both;
    forget_place: both, both;
    jobs_of_place: both, both;
    own: sqlite, postgres;
    keep: sqlite, postgres;
    disown: sqlite, postgres;
    disown_place: sqlite, postgres;
    give_up: sqlite, postgres;
    raise: sqlite, postgres;
    owners: sqlite, postgres;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_a_statement_of_a_store() {
        let used = FILES.iter().flat_map(|[name, sqlite, postgres]| {
            [sqlite, postgres].map(|folder| format!("{folder}/{name}.sql"))
        });
        let used: BTreeSet<String> = used.filter(|file| !file.starts_with("none/")).collect();

        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tracker/sql");
        let mut there = BTreeSet::new();
        for folder in ["both", "sqlite", "postgres"] {
            for file in std::fs::read_dir(root.join(folder)).unwrap() {
                there.insert(format!("{folder}/{}", file.unwrap().file_name().to_str().unwrap()));
            }
        }

        assert_eq!(used, there);
    }
}
