//! The exchanges an engine is connected to and the series registered with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{AD_HOC_SERIES, Engine, EngineError};
use crate::clock::now;
use crate::config::Config;
use crate::exchange::find;
use crate::jobs::Context;
use crate::model::{Micros, Series};
use crate::net::{Client, ClientSettings, NetError};
use crate::store::Ledger;
use crate::worker::tell_coverage;

/// Windows of one series fetched side by side. More would gain nothing: one connection's pages parse faster than
/// an exchange's limit allows them to arrive.
const WALKS_AT_ONCE: usize = 4;

impl Engine {
    /// Creates the client of an exchange, once.
    ///
    /// # Errors
    /// If its configured address is invalid.
    pub fn connect(&self, name: &str, config: &Config) -> Result<(), NetError> {
        let Some(exchange) = find(name).filter(|exchange| self.context(exchange.name()).is_none()) else {
            return Ok(());
        };
        let settings = config.exchange(name);
        let settings = ClientSettings {
            rest_url: settings.rest_url,
            requests_per_second: settings.requests_per_second,
            timeout: settings.timeout,
        };
        self.telemetry.metrics().declare_exchange(name, exchange.endpoints());
        let client = Client::new(exchange, settings, Arc::new(self.telemetry.clone()))?;
        let context = Context {
            store: self.store.clone(),
            client: Arc::new(client),
            telemetry: self.telemetry.clone(),
            flush_interval: config.storage.flush_interval,
            walks_at_once: WALKS_AT_ONCE,
            instruments: Mutex::new(HashMap::new()),
        };
        let mut contexts = self.contexts.write().unwrap_or_else(PoisonError::into_inner);
        contexts.entry(exchange.name()).or_insert_with(|| Arc::new(context));
        Ok(())
    }

    /// Registers series that a running daemon did not know: their exchanges, the results of earlier runs, and
    /// their metrics.
    ///
    /// # Errors
    /// If an exchange's client cannot be created or the state store cannot be read.
    pub(crate) async fn register(&self, config: &Config, series: &[Arc<Series>]) -> Result<(), EngineError> {
        series.iter().try_for_each(|one| self.connect(one.exchange(), config))?;
        let is_new = |one: &&Arc<Series>| !self.fleet.knows(one);
        let new: Vec<&Arc<Series>> = series.iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        // An unreachable store does not prevent collecting: row counts come from the ledgers anyway.
        let mut known = if self.db.is_away() { Vec::new() } else { self.db.series_health().await? };
        known.retain(|known| {
            new.iter().any(|one| ***one == known.series)
                && self.telemetry.health().of(&known.series).is_none()
        });
        new.iter().for_each(|one| self.declare(one, Duration::ZERO));
        self.telemetry.restore(known);
        self.restore_coverage(new.into_iter());
        Ok(())
    }

    /// Makes room for the metrics of this many series.
    pub(crate) fn make_room(&self, series: usize) {
        self.telemetry.metrics().limit_series(series + AD_HOC_SERIES);
    }

    /// Removes the metrics of a series that is no longer collected; one that is configured keeps them.
    pub(crate) fn forget(&self, series: &Series) {
        if self.fleet.wants(series) || self.live.of(series).is_some() {
            return;
        }
        self.fleet.forget(series);
        self.telemetry.forget_series(series);
        self.worker.release();
    }

    /// Removes the state and the metrics of a series that is no longer listened to.
    pub(crate) fn forget_live(&self, series: &Series) {
        self.live.forget(series);
        self.forget(series);
        self.worker.release();
    }

    /// Limits each exchange's rate to this worker's share of it, if others share its address.
    pub(crate) fn share_limits(&self) {
        let sharers = u32::try_from(self.fleet.sharers()).unwrap_or(u32::MAX);
        let contexts = self.contexts.read().unwrap_or_else(PoisonError::into_inner);
        contexts.values().for_each(|context| context.client.share_among(sharers));
    }

    pub(crate) fn context(&self, exchange: &str) -> Option<Arc<Context>> {
        self.contexts.read().unwrap_or_else(PoisonError::into_inner).get(exchange).cloned()
    }

    /// Creates the metrics of a series, at 0; `interval` is how often its job runs.
    pub(crate) fn declare(&self, series: &Series, interval: Duration) {
        self.fleet.know(&Arc::new(series.clone()), interval);
    }

    /// Whether any registered series needs an exchange.
    pub(crate) fn is_in_use(&self, exchange: &str) -> bool {
        self.fleet.needs(exchange)
    }

    /// Time of the newest stored row of a series, if known.
    #[must_use]
    #[doc(hidden)]
    pub fn newest_row(&self, series: &Series) -> Option<Micros> {
        self.fleet.newest_row(series)
    }

    /// Sets state gauges from the ledgers, so that they are right after a restart, before the first run ends.
    pub(crate) fn restore_coverage<'a>(&self, all: impl Iterator<Item = &'a Arc<Series>>) {
        for series in all {
            if let Ok(Some(ledger)) = Ledger::read(&self.layout.ledger(series), series) {
                self.fleet.set_newest_row(series, tell_coverage(&self.telemetry, series, &ledger));
            }
        }
    }

    /// The client of an exchange, once connected.
    #[must_use]
    #[doc(hidden)]
    pub fn client(&self, exchange: &str) -> Option<Arc<Client>> {
        self.context(exchange).map(|context| Arc::clone(&context.client))
    }

    /// The connected exchanges, in order.
    #[must_use]
    #[doc(hidden)]
    pub fn exchanges(&self) -> Vec<&'static str> {
        self.contexts.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// The time by a series' exchange; by the system until the exchange's clock has been measured.
    #[must_use]
    pub(crate) fn now_at(&self, series: &Series) -> Micros {
        self.context(series.exchange()).map_or_else(now, |context| context.client.clock().now())
    }
}
