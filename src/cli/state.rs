//! The state store of the configuration, opened beside a daemon that may be running.

use crate::cli::Exit;
use crate::cli::output::Output;
use crate::clock::now;
use crate::config::{Config, Store};
use crate::db::{Database, DbError};
use crate::store::{DataLock, Layout};
use crate::telemetry::events::{Chain, StateStoreSetAside};

/// Opens the store; `None` if it is embedded and does not exist yet. A damaged embedded store is set aside and created
/// anew if no other process has the data path, as `dccd start` does.
pub(crate) async fn open(
    config: &Config,
    command: &'static str,
    out: &mut Output,
) -> Result<Option<Database>, Exit> {
    let layout = Layout::new(&config.data_path);
    let opened = match &config.store {
        Store::Postgres(url) => Database::connect(url.expose()).await,
        Store::Sqlite if layout.own().join("state.db").symlink_metadata().is_err() => return Ok(None),
        Store::Sqlite => Database::open(&layout.own()).await,
    };
    let error = match opened {
        Ok(database) => return Ok(Some(database)),
        Err(error) if error.is_damage() && DataLock::holder(layout.root()).is_none() => error,
        Err(error) => return Err(out.fail(Exit::Storage, Chain(&error))),
    };
    let lock =
        tokio::task::spawn_blocking(move || DataLock::take(&layout, command).map(|lock| (lock, layout)));
    let Ok(Ok((_lock, layout))) = lock.await else { return Err(out.fail(Exit::Storage, Chain(&error))) };
    let rebuilt = Database::open_or_rebuild(&layout.own(), now()).await;
    let (database, aside) = rebuilt.map_err(|error: DbError| out.fail(Exit::Storage, Chain(&error)))?;
    if let Some(aside) = aside {
        out.note(StateStoreSetAside { to: &aside.to, why: &aside.why, at: aside.at });
    }
    Ok(Some(database))
}
