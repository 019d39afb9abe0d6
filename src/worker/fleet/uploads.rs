//! Uploads what an owner publishes to the bucket: files, open files, and last the ledger, which commits them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::model::Series;
use crate::remote::{Bucket, Published, RemoteError, Synced, pending};
use crate::store::{Copied, Layout, Ledger, Snapshot, StoreError};
use crate::telemetry::events::{BucketWaiting, FileCopied, SeriesNotCopied, WriteFenced, WritesOvertaken};
use crate::worker::fleet::{Bucketed, Fleet, Ready, TakeoverError};

/// How often to check for newly published files.
const LOOK: Duration = Duration::from_secs(1);
/// The delay before an unreachable bucket is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// Series uploaded side by side.
const SERIES_AT_ONCE: usize = 4;
/// How often the upload of a series that keeps changing is restarted before it waits for the next check.
const ROUNDS: u32 = 4;
/// How long closing may wait for the bucket.
const LEAVES_WITHIN: Duration = Duration::from_millis(1_000);

/// The result of uploading a series.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    files: u64,
    bytes: u64,
}

/// The result of a round, and the number of series still to upload.
type Round = (Synced, usize);

impl Fleet {
    /// Shows what is owned and uploads what was written, until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        if !self.is_shared() {
            return;
        }
        loop {
            self.show().await;
            let round =
                async { self.upload_all().await.failures.iter().any(|(_, error)| error.is_of_the_remote()) };
            let is_away = tokio::select! {
                is_away = round => is_away,
                () = stop.cancelled() => return,
            };
            self.owned.set_bucket_away(is_away);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(if is_away { AGAIN } else { LOOK }) => {}
            }
        }
    }

    /// Uploads what is left, as far as time allows.
    pub(crate) async fn close(self: &Arc<Self>) {
        // Whatever is not sent counts as pending, and is still here for the next process.
        let _ = timeout(LEAVES_WITHIN, self.upload_all()).await;
    }

    /// Checks whether the bucket answers.
    pub(crate) async fn ask_bucket(&self) -> Result<(), RemoteError> {
        match &self.bucketed {
            Some(bucketed) => bucketed.s3.probe().await,
            None => Ok(()),
        }
    }

    /// Uploads every series of this process that changed.
    pub(crate) async fn upload_all(self: &Arc<Self>) -> Synced {
        let (began, Some(bucketed)) = (Instant::now(), self.bucketed.clone()) else {
            return Synced::default();
        };
        let (mut synced, mut waiting): Round = (Synced::default(), 0);
        let (mut all, mut sending) = (self.owned.all().into_iter(), JoinSet::new());
        let mut is_away = false;
        loop {
            while sending.len() < SERIES_AT_ONCE && !is_away {
                let Some(series) = all.next() else { break };
                let (fleet, bucketed) = (Arc::clone(self), bucketed.clone());
                sending.spawn(async move {
                    let sent = fleet.upload(&bucketed, &series, false).await;
                    (series, sent)
                });
            }
            let Some(ended) = sending.join_next().await else { break };
            let Ok((series, sent)) = ended else { continue };
            match sent {
                Ok(sent) => {
                    synced.files += sent.files;
                    synced.bytes += sent.bytes;
                }
                Err(error) => {
                    waiting += 1;
                    is_away |= error.is_of_the_remote();
                    synced.failures.push(((*series).clone(), error));
                }
            }
        }
        waiting += all.len();
        synced.pending_files = waiting as u64;
        synced.took = began.elapsed();
        self.telemetry.emit(BucketWaiting { series: waiting });
        synced
    }

    /// Uploads a series if it changed; reports a failure. One that is listened to waits for its interval, unless it is
    /// handed over.
    pub(crate) async fn upload(
        self: &Arc<Self>,
        bucketed: &Bucketed,
        series: &Arc<Series>,
        is_handed_over: bool,
    ) -> Result<Sent, RemoteError> {
        let bucket_state = self.bucket_state(series);
        let mut ready = bucket_state.lock().await;
        let sent = self.upload_ready(bucketed, series, &mut ready, is_handed_over).await;
        sent.map_err(|error| {
            let error = match error {
                TakeoverError::Remote(error) => error,
                TakeoverError::Unknown | TakeoverError::Broken => RemoteError::Stopped,
            };
            let name = series.to_string();
            if let RemoteError::Fenced { .. } = &error {
                // The higher fence owns the series, whatever our store said last.
                self.telemetry.emit(WriteFenced { series: &name, error: &error });
                *ready = Ready::default();
                self.owned.lose(&name);
            } else {
                let remote = bucketed.remote();
                self.telemetry.emit(SeriesNotCopied { remote: remote.name(), series, error: &error });
            }
            error
        })
    }

    async fn upload_ready(
        &self,
        bucketed: &Bucketed,
        series: &Arc<Series>,
        ready: &mut Ready,
        is_handed_over: bool,
    ) -> Result<Sent, TakeoverError> {
        let mut sent = Sent::default();
        let Some(fence) = ready.fence else { return Ok(sent) };
        let bucket = Bucket::new(Arc::clone(&bucketed.s3), (**series).clone());
        for _ in 0..ROUNDS {
            let written = self.written(series).await?;
            let is_due = ready.recheck.is_some_and(|at| Instant::now() >= at);
            if (written.is_none() || written == ready.seen) && !is_due {
                break;
            }
            // The lease may have expired without the store, and another process may own it already.
            if self.owned.fence(series) != Some(fence) {
                break;
            }
            let Some(ledger) = self.ledger(series).await? else { break };
            if ledger.fence != fence {
                // The local ledger is no longer the one taken over: it was lost.
                *ready = Ready::default();
                break;
            }
            if is_due {
                ready.recheck = None;
                let gone = bucket.gone(&ledger).await?;
                self.enter_copied(series, Copied { remote: bucket.name(), gone, ..Copied::default() })
                    .await?;
                ready.seen = None;
                continue;
            }
            let is_there = pending(&ledger, series, &bucket.name()).files == 0;
            self.owned.mark(series, !is_there);
            if is_there {
                ready.seen = written;
                break;
            }
            let rests = ready.sent.is_some_and(|at| at.elapsed() < self.live_sync_interval);
            if rests && !is_handed_over && self.owned.is_live(series) {
                break;
            }
            let Some(Snapshot { ledger, links }) = self.snapshot(&bucket, series, fence).await? else {
                continue;
            };
            match bucket.publish(&self.layout, &ledger, &links).await {
                Ok(published) => {
                    (ready.seen, ready.sent) = (written, Some(Instant::now()));
                    self.published(&bucket, series, &ledger, published, &mut sent).await?;
                    self.owned.mark(series, false);
                }
                Err(RemoteError::RestoreNeeded { .. }) => self.restore(bucketed, series).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(sent)
    }

    /// The state of a series that was published last, unless it is of another ownership.
    async fn snapshot(
        &self,
        bucket: &Bucket,
        series: &Series,
        fence: u64,
    ) -> Result<Option<Snapshot>, TakeoverError> {
        let remote = bucket.name();
        let state = self.on_disk(series, move |store, series| store.snapshot(series, &remote)).await?;
        Ok(state.filter(|state| state.ledger.fence == fence))
    }

    /// Records the copies verified in the bucket, and merges objects found there that no ledger names.
    async fn published(
        &self,
        bucket: &Bucket,
        series: &Series,
        ledger: &Ledger,
        published: Published,
        sent: &mut Sent,
    ) -> Result<(), TakeoverError> {
        let remote = bucket.name();
        sent.files += published.files;
        sent.bytes += published.bytes;
        if published.files > 0 {
            let key = Layout::key(series);
            self.telemetry.emit(FileCopied { remote: &remote, key: &key, bytes: published.bytes });
        }
        if published.refused > 0 {
            let writes = published.refused;
            self.telemetry.emit(WritesOvertaken { series: &series.to_string(), writes });
        }
        if let Some(error) = &published.not_removed {
            self.telemetry.emit(SeriesNotCopied { remote: &remote, series, error });
        }
        let digest = Some(ledger.digest(series, &remote)?);
        let (files, renamed) = (published.verified, published.renamed);
        self.enter_copied(series, Copied { remote, files, digest, renamed, ..Copied::default() }).await?;
        if published.met > 0 {
            self.merge_earlier(series).await?;
        }
        Ok(())
    }

    async fn enter_copied(&self, series: &Series, copied: Copied) -> Result<(), TakeoverError> {
        self.on_disk(series, move |store, series| store.copied(series, copied)).await
    }

    /// The modification time and size of the ledger of a series.
    async fn written(&self, series: &Series) -> Result<Option<(SystemTime, u64)>, TakeoverError> {
        let path = self.layout.ledger(series);
        self.on_disk(series, move |_, _| {
            let found = match std::fs::metadata(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                found => found.map_err(StoreError::io("looking at", &path))?,
            };
            let at = found.modified().map_err(StoreError::io("looking at", &path))?;
            Ok(Some((at, found.len())))
        })
        .await
    }
}
