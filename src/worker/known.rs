//! What is told of a series at once when it becomes this process's: its coverage, and what earlier runs came to.

use std::sync::Arc;

use crate::clock::now;
use crate::db::Database;
use crate::exchange::find;
use crate::jobs::{coverage, plan};
use crate::model::{Micros, Series};
use crate::store::Ledger;
use crate::telemetry::Telemetry;

/// State gauges from a ledger, so that they show what is true before the first run ends. Returns the time of the newest
/// row.
pub(crate) fn tell_coverage(telemetry: &Telemetry, series: &Series, ledger: &Ledger) -> Option<Micros> {
    // A process that was killed stored rows that it did not live to report.
    telemetry.health().know_rows(series, ledger.rows());
    let exchange = find(series.exchange())?;
    let until = plan::due_until(exchange, series, &ledger.covered, now());
    let coverage = coverage(series, ledger, until);
    let newest = coverage.newest;
    telemetry.emit(coverage);
    newest
}

/// Takes in what the state store knows of series that are this process's now.
pub(crate) async fn tell_known(telemetry: &Telemetry, db: &Database, series: &[Arc<Series>]) {
    match db.series_health().await {
        Ok(mut known) => {
            known.retain(|known| series.iter().any(|one| **one == known.series));
            telemetry.restore(known);
        }
        Err(error) => tracing::warn!(%error, "what earlier runs came to is not known"),
    }
}
