//! Publishes what is known of a series once this process owns it: its coverage, and the results of earlier runs.

use std::sync::Arc;

use crate::clock::now;
use crate::db::Database;
use crate::exchange::find;
use crate::jobs::{coverage, plan};
use crate::model::{Micros, Series};
use crate::store::Ledger;
use crate::telemetry::Telemetry;

/// Sets state gauges from a ledger, so that they are right before the first run ends. Returns the time of the
/// newest row.
pub(crate) fn tell_coverage(telemetry: &Telemetry, series: &Series, ledger: &Ledger) -> Option<Micros> {
    // A process that was killed may have stored rows without reporting them.
    telemetry.health().know_rows(series, ledger.rows());
    let exchange = find(series.exchange())?;
    let until = plan::due_until(exchange, series, &ledger.covered, now());
    let coverage = coverage(series, ledger, until);
    let newest = coverage.newest;
    telemetry.emit(coverage);
    newest
}

/// Loads the state store's health of series that this process owns now.
pub(crate) async fn tell_known(telemetry: &Telemetry, db: &Database, series: &[Arc<Series>]) {
    match db.series_health().await {
        Ok(mut known) => {
            known.retain(|known| series.iter().any(|one| **one == known.series));
            telemetry.restore(known);
        }
        Err(error) => tracing::warn!(%error, "what earlier runs came to is not known"),
    }
}
