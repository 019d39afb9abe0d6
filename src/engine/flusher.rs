//! Maintains the store of a data path: syncs its journal, and publishes series that no writer publishes.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::jobs::{tell_finding, tell_flush};
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{Chain, JournalBroken, JournalSynced, PublishFailed, StorageChecked};

/// The shortest time between syncs, used if every frame is synced anyway or the configuration asks for less.
const SHORTEST: Duration = Duration::from_millis(10);
/// How often the publisher checks whether rows have waited long enough.
const LOOK: Duration = Duration::from_millis(250);
/// The time between attempts to publish while the disk refuses writes, unless rows may not wait that long.
const AGAIN: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Flusher {
    pub(crate) store: Store,
    pub(crate) telemetry: Telemetry,
    /// The time between syncs.
    pub(crate) sync_every: Duration,
    /// How long rows may wait to be published.
    pub(crate) flush_every: Duration,
    /// Cancelled by the flusher when nothing more may be accepted.
    pub(crate) broken: CancellationToken,
}

impl Flusher {
    /// Syncs the journal until `stop`, or until it cannot be repaired.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(self.sync_every.max(SHORTEST));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.broken.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                () = self.store.sync_is_due() => {}
            }
            let (store, telemetry) = (self.store.clone(), self.telemetry.clone());
            match tokio::task::spawn_blocking(move || sync(&store, &telemetry)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    self.telemetry.emit(JournalBroken { error: &error });
                    self.broken.cancel();
                }
                Err(error) => tracing::error!(%error, "a round of the journal's flusher broke off"),
            }
        }
    }

    /// Publishes waiting rows until `stop`. Runs apart from the sync loop, since it may have to wait for a
    /// remote.
    pub(crate) async fn publish(self, stop: CancellationToken) {
        let mut published = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            let is_due = published.elapsed() >= self.longest_wait();
            if is_due {
                published = Instant::now();
            }
            let (store, telemetry) = (self.store.clone(), self.telemetry.clone());
            let round = tokio::task::spawn_blocking(move || {
                enter_copied(&store);
                if is_due {
                    publish_waiting(&store, &telemetry);
                }
            });
            if let Err(error) = round.await {
                tracing::error!(%error, "publishing what waits broke off");
            }
        }
    }

    /// The longest that rows may wait at present.
    fn longest_wait(&self) -> Duration {
        if self.store.unpublished().is_some() { self.flush_every.min(AGAIN) } else { self.flush_every }
    }
}

/// Syncs the journal and checks whether rows that were refused can be accepted again.
fn sync(store: &Store, telemetry: &Telemetry) -> Result<(), StoreError> {
    let began = Instant::now();
    let marks = store.sync()?;
    telemetry.emit(JournalSynced {
        accepted: marks.accepted_frames,
        durable: marks.durable_frames,
        unsynced_bytes: marks.unsynced_bytes,
        segments: marks.segments,
        bytes: marks.bytes,
        rewrites: marks.rewrites,
        at: now(),
        took: began.elapsed(),
    });
    store.probe();
    telemetry.emit(StorageChecked {
        unaccepted: store.refusing().as_deref(),
        unpublished: store.unpublished().as_deref(),
    });
    Ok(())
}

/// Records the copies that were verified on remotes while their series was being written.
pub(crate) fn enter_copied(store: &Store) {
    if let Err(error) = store.enter_copied() {
        tracing::warn!(error = %Chain(&error), "what a remote holds was not entered; the next sync finds it again");
    }
}

/// Publishes rows that a failed run, or an earlier process, left in the journal.
fn publish_waiting(store: &Store, telemetry: &Telemetry) {
    for series in store.waiting() {
        // A busy series is published by its writer.
        let Ok((writer, findings)) = store.writer(&series) else { continue };
        findings.iter().for_each(|finding| tell_finding(telemetry, &series, finding));
        let began = Instant::now();
        match writer.flush() {
            Ok(flushed) => tell_flush(telemetry, &series, &flushed, began.elapsed()),
            Err(error) => {
                telemetry.emit(PublishFailed { series: &series, reason: error.reason(), error: &error })
            }
        }
    }
}
