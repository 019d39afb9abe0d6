//! A run of a series: started if this process owns it, traced, and its outcome saved.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Engine, now};
use crate::jobs::{Order, Outcome, Progress, RunErrorKind, run};
use crate::model::Series;
use crate::telemetry::events::{JobFailed, JobStarted, JobStopped, JobSucceeded};
use crate::telemetry::trace;
use crate::worker::RunPermit;

impl Engine {
    /// Runs a job once, `delay` after it was due, and saves the outcome.
    pub async fn run(
        &self,
        order: &Order,
        delay: Duration,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &CancellationToken,
    ) -> Outcome {
        match self.fleet.enter(&order.series, stop, true).await {
            Ok(permit) => self.run_as_owner(order, delay, progress, &permit).await,
            Err(error) => Outcome::of_error(error),
        }
    }

    /// Runs a job once whose series this process owns.
    pub(crate) async fn run_as_owner(
        &self,
        order: &Order,
        delay: Duration,
        progress: &(dyn Fn(Progress) + Sync),
        permit: &RunPermit,
    ) -> Outcome {
        self.run_traced(order, delay, progress, permit).instrument(trace::job_run(&order.series)).await
    }

    pub(crate) async fn run_traced(
        &self,
        order: &Order,
        delay: Duration,
        progress: &(dyn Fn(Progress) + Sync),
        permit: &RunPermit,
    ) -> Outcome {
        let series = &order.series;
        self.telemetry.emit(JobStarted { series, delay });
        let outcome = match self.context(series.exchange()) {
            _ if self.present_books().is_wanted(series) => {
                tracing::info!(%series, "the book is followed live: no snapshot is taken, and nothing fills its gaps");
                Outcome::nothing()
            }
            Some(context) => run(&context, order, progress, &permit.stop).await,
            None => {
                let what = format!("adapter for {}", series.exchange());
                Outcome::of_error(RunErrorKind::NoOffer { exchange: "this version", what }.of(series))
            }
        };
        if outcome.newest_row.is_some() {
            self.fleet.set_newest_row(series, outcome.newest_row);
        }
        let outcome = self.fleet.finish(permit, outcome).await;
        self.keep_outcome(series, &outcome).await;
        outcome
    }

    /// Emits the outcome and saves it, so that it survives restarts.
    pub(crate) async fn keep_outcome(&self, series: &Arc<Series>, outcome: &Outcome) {
        let (rows, took, at) = (outcome.rows, outcome.took, now());
        trace::ran(rows);
        match &outcome.error {
            None => self.telemetry.emit(JobSucceeded { series, rows, took, at }),
            Some(error) if error.is_stop() => self.telemetry.emit(JobStopped { series, rows, took }),
            Some(error) => {
                let reason = error.reason();
                trace::failed(reason.name(), error);
                self.telemetry.emit(JobFailed { series, reason, error, rows, at, took });
            }
        }
        self.save_health(series).await;
    }

    /// Saves the health of a series, in the state store and in metrics.json.
    pub(crate) async fn save_health(&self, series: &Arc<Series>) {
        // After losing the data path, its new owner saves what follows.
        if self.watch.lost().is_some() {
            return;
        }
        self.pending_health.save(series).await;
        let telemetry = self.telemetry.clone();
        if let Err(error) = tokio::task::spawn_blocking(trace::carried(move || telemetry.save_health())).await
        {
            tracing::error!("saving metrics.json broke off: {error}");
        }
    }
}
