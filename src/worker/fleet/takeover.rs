//! Takes a series over: claims it in the bucket's ledger first, then makes this disk match the bucket.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::time::Instant;

use crate::model::Series;
use crate::remote::{Bucket, RemoteError, Restoring, Taken};
use crate::store::{Ledger, StoreError};
use crate::telemetry::events::{LateRowsMerged, SeriesTakenOver, TakeoverFailed};
use crate::worker::fleet::{Bucketed, Fleet, RECHECK, Ready};

/// Why a series that this process owns cannot be run.
#[derive(Debug, Error)]
pub(crate) enum TakeoverError {
    /// The bucket, or files fetched from it, cannot be used.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The ownership cannot be confirmed, and the series was not taken over before.
    #[error("the state store does not say whether it is ours; it is tried again")]
    Unknown,
    /// The thread that worked on its files panicked.
    #[error("the work on its files broke off; please report this")]
    Broken,
}

impl From<StoreError> for TakeoverError {
    fn from(error: StoreError) -> Self {
        TakeoverError::Remote(error.into())
    }
}

impl Fleet {
    /// Puts an ownership into force and makes this disk match the bucket; returns at once if it already does.
    pub(crate) async fn take_over(
        self: &Arc<Self>,
        bucketed: &Bucketed,
        series: &Arc<Series>,
        fence: u64,
    ) -> Result<(), TakeoverError> {
        let bucket_state = self.bucket_state(series);
        let mut ready = bucket_state.lock().await;
        if ready.fence == Some(fence) {
            return Ok(());
        }
        if self.owned.fence(series) != Some(fence) {
            return Err(TakeoverError::Unknown);
        }
        match self.begin_from(bucketed, series, fence).await {
            Ok((fence, is_inherited)) => {
                let recheck = is_inherited.then(|| Instant::now() + RECHECK);
                *ready = Ready { fence: Some(fence), recheck, seen: None, sent: Some(Instant::now()) };
                let series = series.to_string();
                self.telemetry.emit(SeriesTakenOver { series: &series, fence, is_inherited });
                Ok(())
            }
            Err(error) => {
                self.telemetry.emit(TakeoverFailed { series: &series.to_string(), error: &error });
                Err(error)
            }
        }
    }

    /// Returns the ownership in force, and whether another process wrote the series before.
    async fn begin_from(
        &self,
        bucketed: &Bucketed,
        series: &Arc<Series>,
        fence: u64,
    ) -> Result<(u64, bool), TakeoverError> {
        let bucket = Bucket::new(Arc::clone(&bucketed.s3), (**series).clone());
        let (taken, fence) = match bucket.take_over(fence).await {
            // The state store may be newer than the bucket.
            Err(RemoteError::Fenced { theirs, .. }) => {
                let fence = self.owned.raise(series, theirs).await.ok_or(TakeoverError::Unknown)?;
                (bucket.take_over(fence).await?, fence)
            }
            taken => (taken?, fence),
        };
        let ours = self.ledger(series).await?;
        let own = ours.as_ref().map_or(0, |ledger| ledger.fence);
        // The last writer wrote from here, or the series is as new in the bucket.
        let is_continued = taken.before.is_none_or(|before| before == own && before > 0);
        if taken.before.is_none() {
            let remote = bucket.name();
            self.on_disk(series, move |store, series| store.forget_copies(series, &remote)).await?;
        }
        if is_continued {
            self.on_disk(series, move |store, series| store.acquire(series, fence)).await?;
        } else if taken.before == Some(0) && own == 0 {
            // A copy from before there was a fleet, of the same data or of other data: both are kept.
            self.restore(bucketed, series).await?;
            self.on_disk(series, move |store, series| store.acquire(series, fence)).await?;
        } else {
            self.inherit(&bucket, series, &taken).await?;
        }
        self.merge_earlier(series).await?;
        Ok((fence, !is_continued))
    }

    async fn inherit(&self, bucket: &Bucket, series: &Series, taken: &Taken) -> Result<(), TakeoverError> {
        let staged = Staged::new(self, series)?;
        let from = bucket.bring_all(&staged.0, taken).await?;
        self.on_disk(series, move |store, series| store.inherit(series, &from)).await
    }

    /// Fetches and merges what the bucket covers and this disk does not.
    pub(crate) async fn restore(&self, bucketed: &Bucketed, series: &Series) -> Result<(), TakeoverError> {
        let restoring = Restoring {
            store: self.store.clone(),
            layout: self.layout.clone(),
            telemetry: self.telemetry.clone(),
            remote: bucketed.remote(),
        };
        restoring.restore(series).await?;
        Ok(())
    }

    /// Merges rows that other ownerships left here.
    pub(crate) async fn merge_earlier(&self, series: &Series) -> Result<(), TakeoverError> {
        let merged = self.on_disk(series, |store, series| store.merge_earlier(series)).await?;
        if merged.files > 0 {
            let (rows, files) = (merged.rows, merged.files);
            self.telemetry.emit(LateRowsMerged { series: &series.to_string(), rows, files });
        }
        Ok(())
    }

    /// The local ledger of a series.
    pub(crate) async fn ledger(&self, series: &Series) -> Result<Option<Ledger>, TakeoverError> {
        let path = self.layout.ledger(series);
        self.on_disk(series, move |_, series| Ledger::read(&path, series)).await
    }

    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        series: &Series,
        work: impl FnOnce(&crate::store::Store, &Series) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, TakeoverError> {
        let (store, own) = (self.store.clone(), series.clone());
        let worked = tokio::task::spawn_blocking(move || work(&store, &own)).await;
        worked.map_err(|_| TakeoverError::Broken)?.map_err(Into::into)
    }
}

/// A temporary folder for fetched files, removed on drop.
struct Staged(PathBuf);

impl Staged {
    fn new(fleet: &Fleet, series: &Series) -> Result<Self, TakeoverError> {
        let parent = fleet.layout.own().join("inherited");
        let name = fleet.layout.earlier(series).file_name().unwrap_or_default().to_owned();
        let folder = parent.join(name);
        // Leftovers of an earlier attempt are useless; there is one attempt at a time per series.
        let made = match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir_all(&folder),
        };
        made.map_err(StoreError::io("creating", &folder))?;
        Ok(Staged(folder))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
