//! What runs came to, kept here until the state store takes it: a store that is away holds up no run.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::db::Database;
use crate::model::Series;
use crate::telemetry::Telemetry;
use crate::telemetry::events::Chain;

/// How often what is left is tried again.
const ROUND: Duration = Duration::from_secs(1);
/// How long a run waits for the store to take what it came to.
const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// The health of series that the store has not taken yet; the newest is in memory and in `metrics.json`.
pub(super) struct Late {
    db: Database,
    telemetry: Telemetry,
    /// Who saves it, where others work in the same store.
    worker: Option<String>,
    unsaved: Mutex<HashSet<Series>>,
}

impl Late {
    pub(super) fn new(db: &Database, telemetry: &Telemetry, worker: Option<&str>) -> Arc<Self> {
        let (db, telemetry, worker) = (db.clone(), telemetry.clone(), worker.map(str::to_owned));
        Arc::new(Late { db, telemetry, worker, unsaved: Mutex::default() })
    }

    /// Saves how a series is, now or as soon as the store answers.
    pub(super) async fn save(&self, series: &Series) {
        self.unsaved().insert(series.clone());
        self.save_all().await;
    }

    /// Tries what is left, until `stop`.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(ROUND) => self.save_all().await,
            }
        }
        self.save_all().await;
    }

    async fn save_all(&self) {
        let next = || self.unsaved().iter().next().cloned();
        while !self.db.is_away()
            && let Some(series) = next()
        {
            self.unsaved().remove(&series);
            let Some(health) = self.telemetry.health().of(&series) else { continue };
            match timeout(TAKES_WITHIN, self.db.save_series_health(&health, self.worker.as_deref())).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => {
                    tracing::error!(series = %series, "its health is not in the state store yet: {}", Chain(&error));
                }
                Err(_) => tracing::warn!(series = %series, "its health is not in the state store yet"),
            }
            self.unsaved().insert(series);
            return;
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, HashSet<Series>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
