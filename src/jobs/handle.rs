//! A run's handle on its series, which moves file work off the runtime's threads, to one of the run's own: on any of
//! them, each would keep the memory that a publish once needed.

use std::ops::Deref;
use std::sync::Arc;

use crate::jobs::threads::Threads;
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Series;
use crate::store::{Finding, Store, StoreError, Writer};
use crate::telemetry::events::PublishFailed;
use crate::telemetry::{Telemetry, trace};

/// A writer of a run's series. Operations in memory are called on it directly.
#[derive(Clone)]
pub(super) struct Handle {
    writer: Writer,
    series: Arc<Series>,
    telemetry: Telemetry,
    threads: Threads,
}

impl Handle {
    /// Opens a series; also returns the findings of opening it.
    ///
    /// # Errors
    /// See [`Handle::on_disk`].
    pub(super) async fn open(
        store: &Store,
        series: &Arc<Series>,
        telemetry: &Telemetry,
    ) -> Result<(Self, Vec<Finding>), RunError> {
        let (store, own, threads) = (store.clone(), Arc::clone(series), Threads::default());
        let opened = off_the_runtime(&threads, series, telemetry, move || store.writer(&own)).await;
        let (series, telemetry) = (Arc::clone(series), telemetry.clone());
        opened.map(|(writer, findings)| (Handle { writer, series, telemetry, threads }, findings))
    }

    /// Works on the files of the series, and emits an event for each error of the store.
    ///
    /// # Errors
    /// [`RunErrorKind::Store`] if the store fails, [`RunErrorKind::Broken`] if the work panics.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RunError> {
        let writer = self.writer.clone();
        off_the_runtime(&self.threads, &self.series, &self.telemetry, move || work(&writer)).await
    }
}

impl Deref for Handle {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

async fn off_the_runtime<T: Send + 'static>(
    threads: &Threads,
    series: &Arc<Series>,
    telemetry: &Telemetry,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, RunError> {
    let broken = |reason: String| RunErrorKind::Broken { reason }.of(series);
    let done = threads.run(trace::carried(work)).await.map_err(|error| broken(error.to_string()))?;
    done.ok_or_else(|| broken("the work on its files panicked".to_owned()))?.map_err(|source| {
        telemetry.emit(PublishFailed { series, reason: source.reason(), error: &source });
        RunErrorKind::Store(source).of(series)
    })
}
