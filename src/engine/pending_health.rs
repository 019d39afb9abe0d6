//! What runs came to, kept here until the state store takes it: a store that is away holds up no run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::db::Database;
use crate::model::Series;
use crate::telemetry::events::Chain;
use crate::telemetry::{SeriesHealth, Telemetry};

/// How long the end may wait for the store.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
/// How often what is left is tried again.
const ROUND: Duration = Duration::from_secs(1);
/// How long a run waits for the store to take what it came to.
const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// The health of series that the store has not taken yet, the newest of each.
pub(crate) struct PendingHealth {
    db: Database,
    telemetry: Telemetry,
    /// Who saves it, where others work in the same store.
    worker: Option<String>,
    unsaved: Mutex<HashMap<Series, SeriesHealth>>,
    /// One saves at a time, so that nothing older comes after what is newer.
    saving: tokio::sync::Mutex<()>,
}

impl PendingHealth {
    pub(crate) fn new(db: &Database, telemetry: &Telemetry, worker: Option<&str>) -> Arc<Self> {
        let (db, telemetry, worker) = (db.clone(), telemetry.clone(), worker.map(str::to_owned));
        let (unsaved, saving) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(PendingHealth { db, telemetry, worker, unsaved, saving })
    }

    /// Saves how a series is, now or as soon as the store answers.
    pub(crate) async fn save(&self, series: &Series) {
        let Some(health) = self.telemetry.health().of(series) else { return };
        self.unsaved().insert(series.clone(), health);
        self.save_all().await;
    }

    /// Tries what is left, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(ROUND) => self.save_all().await,
            }
        }
        // It may be back and nobody have asked it since.
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
            // A newer one may have come meanwhile.
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
