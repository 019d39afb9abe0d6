//! Write-behind for the health of series: results of runs wait here until the state store takes them, so that an
//! unreachable store delays no run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::db::Database;
use crate::model::Series;
use crate::telemetry::events::Chain;
use crate::telemetry::{SeriesHealth, Telemetry};

/// How long closing may wait for the store.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
/// How often pending results are retried.
const ROUND: Duration = Duration::from_secs(1);
/// How long a run waits for the store to save its result.
const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// The newest unsaved health of each series.
pub(crate) struct PendingHealth {
    db: Database,
    telemetry: Telemetry,
    /// The worker's name, if others share the store.
    worker: Option<String>,
    unsaved: Mutex<HashMap<Series, SeriesHealth>>,
    /// Serializes saves, so that older results never overwrite newer ones.
    saving: tokio::sync::Mutex<()>,
}

impl PendingHealth {
    pub(crate) fn new(db: &Database, telemetry: &Telemetry, worker: Option<&str>) -> Arc<Self> {
        let (db, telemetry, worker) = (db.clone(), telemetry.clone(), worker.map(str::to_owned));
        let (unsaved, saving) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(PendingHealth { db, telemetry, worker, unsaved, saving })
    }

    /// Saves the health of a series, now or as soon as the store answers.
    pub(crate) async fn save(&self, series: &Series) {
        let Some(health) = self.telemetry.health().of(series) else { return };
        self.unsaved().insert(series.clone(), health);
        self.save_all().await;
    }

    /// Retries pending results until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(ROUND) => self.save_all().await,
            }
        }
        // The store may be reachable again without any request having found out.
        self.db.answered();
        if timeout(LEAVES_WITHIN, self.save_all()).await.is_err() {
            tracing::warn!(
                "what the last runs came to is not in the state store; their rows are known from the ledgers"
            );
        }
    }

    async fn save_all(&self) {
        let _one = self.saving.lock().await;
        while !self.db.is_away()
            && let Some((series, health)) = self.take()
        {
            let saving = self.db.save_series_health(&health, self.worker.as_deref());
            match timeout(TAKES_WITHIN, saving).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => {
                    tracing::error!(%series, "its health is not in the state store yet: {}", Chain(&error));
                }
                Err(_) => tracing::warn!(%series, "its health is not in the state store yet"),
            }
            // A newer one may have arrived meanwhile.
            self.unsaved().entry(series).or_insert(health);
            return;
        }
    }

    fn take(&self) -> Option<(Series, SeriesHealth)> {
        let mut unsaved = self.unsaved();
        let series = unsaved.keys().next().cloned()?;
        unsaved.remove_entry(&series)
    }

    fn unsaved(&self) -> MutexGuard<'_, HashMap<Series, SeriesHealth>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
