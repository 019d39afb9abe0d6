//! A run's handle on its series: what touches files happens off the runtime's threads.

use std::ops::Deref;
use std::sync::Arc;

use crate::jobs::{RunError, RunErrorKind};
use crate::model::Series;
use crate::store::{Finding, Store, StoreError, Writer};
use crate::telemetry::events::PublishFailed;
use crate::telemetry::{Telemetry, trace};

/// A writer of a run's series. What only looks at memory is called on it as it is.
#[derive(Clone)]
pub(super) struct Handle {
    writer: Writer,
    series: Arc<Series>,
    telemetry: Telemetry,
}

impl Handle {
    /// Opens a series; gives what was met on the way too.
    ///
    /// # Errors
    /// See [`Handle::on_disk`].
    pub(super) async fn open(
        store: &Store,
        series: &Arc<Series>,
        telemetry: &Telemetry,
    ) -> Result<(Self, Vec<Finding>), RunError> {
        let (store, own) = (store.clone(), Arc::clone(series));
        let opened = off_the_runtime(series, telemetry, move || store.writer(&own)).await;
        let (series, telemetry) = (Arc::clone(series), telemetry.clone());
        opened.map(|(writer, findings)| (Handle { writer, series, telemetry }, findings))
    }

    /// Does work on the files of the series; what the store refuses is told.
    ///
    /// # Errors
    /// [`RunErrorKind::Store`] where the store refused, [`RunErrorKind::Broken`] where the work panicked.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RunError> {
        let writer = self.writer.clone();
        off_the_runtime(&self.series, &self.telemetry, move || work(&writer)).await
    }
}

impl Deref for Handle {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

async fn off_the_runtime<T: Send + 'static>(
    series: &Arc<Series>,
    telemetry: &Telemetry,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, RunError> {
    let done = tokio::task::spawn_blocking(trace::carried(work)).await;
    let done = done.map_err(|error| RunErrorKind::Broken { reason: error.to_string() }.of(series))?;
    done.map_err(|source| {
        telemetry.emit(PublishFailed { series, reason: source.reason(), error: &source });
        RunErrorKind::Store(source).of(series)
    })
}
