//! Opens the state store of a data path.

use std::sync::Arc;

use super::{Engine, now};
use crate::config::{self, Config};
use crate::db::{Database, DbError, SetAside};
use crate::model::Series;
use crate::store::{Layout, Ledger};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{StateStoreKnown, StateStoreSetAside};

/// Opens the configured store. A damaged embedded one is set aside and created again; a server's is never touched.
/// server's is never touched.
pub(crate) async fn open(
    layout: &Layout,
    config: &Config,
    telemetry: &Telemetry,
) -> Result<(Database, Option<SetAside>), DbError> {
    let own = layout.own();
    let opened = match &config.store {
        config::Store::Sqlite => Database::open_or_rebuild(&own, now()).await,
        config::Store::Postgres(url) => {
            Database::connect(url.expose()).await.map(|database| (database, None))
        }
    };
    telemetry.emit(StateStoreKnown { set_aside_at: Database::last_set_aside(&own) });
    opened
}

impl Engine {
    /// Fills the health of series that the store does not know from metrics.json and their ledgers.
    pub(crate) fn recover_health<'a>(&self, all: impl Iterator<Item = &'a Arc<Series>>) {
        for series in all {
            if let Ok(Some(ledger)) = Ledger::read(&self.layout.ledger(series), series) {
                self.telemetry.recover(series, ledger.rows());
            }
        }
    }

    /// The damaged state store that was set aside on opening, if any.
    #[must_use]
    pub(crate) fn set_aside_store(&self) -> Option<StateStoreSetAside<'_>> {
        let SetAside { to, why, at } = self.set_aside.as_ref()?;
        Some(StateStoreSetAside { to, why, at: *at })
    }
}
