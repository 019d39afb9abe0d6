//! Copies while the daemon runs: syncs each remote at its own interval, and frees disk space when it runs low.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::config::{self, Storage};
use crate::model::Micros;
use crate::remote::{
    Dropped, Known, Mirror, Pending, Provider, Remote, RemoteError, S3, Synced, Target, free_bytes, open,
    purge, read_known, remote_only, write_known,
};
use crate::store::{Layout, Store};
use crate::telemetry::Telemetry;
use crate::telemetry::events::{
    NothingToDrop, RemoteKnown, RemoteOnlyCounted, RoomWanted, SyncFailed, SyncSucceeded,
};
use crate::worker::{Bucketed, Fleet};

/// The delay before a failed sync is retried; it doubles with each further failure, up to the interval.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How often the free disk space is checked.
const LOOK: Duration = Duration::from_secs(60);
/// How often the warning that nothing may be dropped is repeated.
const SAY_AGAIN: Duration = Duration::from_secs(3_600);

/// The remotes of a data path and their state.
#[derive(Clone)]
pub struct Copies {
    remotes: Vec<Arc<dyn Remote>>,
    interval: Option<Duration>,
    /// Free space to maintain; 0 for no limit.
    wanted_bytes: u64,
    store: Store,
    layout: Layout,
    telemetry: Telemetry,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    /// Taken for a sync, by the name of the remote: two at once would replace what the other one is sending.
    turns: Arc<BTreeMap<String, tokio::sync::Mutex<()>>>,
    fleet: Arc<Fleet>,
}

/// Builds a configuration's remotes, each once.
pub(crate) fn remotes(
    storage: &Storage,
    bucketed: Option<&Bucketed>,
) -> Result<Vec<Arc<dyn Remote>>, RemoteError> {
    let mut remotes: Vec<Arc<dyn Remote>> = Vec::new();
    for configured in &storage.remotes {
        let remote = match bucketed.filter(|_| configured.fleet) {
            Some(bucketed) => bucketed.remote(),
            None => open(&target(configured))?,
        };
        if !remotes.iter().any(|known| known.name() == remote.name()) {
            remotes.push(remote);
        }
    }
    Ok(remotes)
}

/// The bucket of the fleet, if there is one.
pub(crate) fn bucket(storage: &Storage) -> Result<Option<Bucketed>, RemoteError> {
    let bucket = storage.fleet().map(|configured| S3::new(&target(configured)));
    Ok(bucket.transpose()?.map(|s3| Bucketed { s3: Arc::new(s3) }))
}

/// The address of a configured remote.
#[must_use]
pub fn target(remote: &config::Remote) -> Target {
    let provider = match remote.provider {
        config::Provider::Rclone => Provider::Rclone,
        config::Provider::S3 => Provider::S3,
    };
    Target { provider, address: remote.remote.expose().to_owned(), endpoint: remote.endpoint.clone() }
}

impl Copies {
    /// The copies of a data path. Publishes at once what an earlier process knew of them.
    pub(crate) fn new(
        remotes: Vec<Arc<dyn Remote>>,
        storage: &Storage,
        store: Store,
        layout: Layout,
        telemetry: Telemetry,
        fleet: Arc<Fleet>,
    ) -> Self {
        let mut known = read_known(&layout.own());
        known.retain(|name, _| remotes.iter().any(|remote| remote.name() == name));
        for remote in &remotes {
            let own = known.entry(remote.name().to_owned()).or_default();
            telemetry.emit(RemoteKnown {
                remote: remote.name(),
                interval: storage.sync_interval,
                consecutive_errors: own.consecutive_errors,
                last_success: own.last_success.map(Micros),
                pending_files: own.pending_files,
                pending_bytes: own.pending_bytes,
            });
        }
        let turns = remotes.iter().map(|remote| (remote.name().to_owned(), tokio::sync::Mutex::default()));
        Copies {
            turns: Arc::new(turns.collect()),
            remotes,
            interval: storage.sync_interval,
            wanted_bytes: (storage.min_free_gb * f64::from(1_u32 << 30)) as u64,
            store,
            layout,
            telemetry,
            known: Arc::new(Mutex::new(known)),
            fleet,
        }
    }

    /// The remotes, in the order of the configuration.
    #[must_use]
    pub fn remotes(&self) -> &[Arc<dyn Remote>] {
        &self.remotes
    }

    /// Free space that the configuration asks for; 0 for no limit.
    #[must_use]
    pub fn wanted_bytes(&self) -> u64 {
        self.wanted_bytes
    }

    /// Syncs a remote once and saves its state. Copies that vanished from the remote are reported, but only
    /// sent again if the sync was requested by hand: an unmounted folder looks the same. Another sync of the
    /// remote is waited for. A `stop` ends the sync at once without counting as a failure.
    pub async fn sync(
        &self,
        remote: &Arc<dyn Remote>,
        sends_again: bool,
        stop: &CancellationToken,
    ) -> Option<Synced> {
        let (store, layout, telemetry) = (self.store.clone(), self.layout.clone(), self.telemetry.clone());
        let mirror = Mirror { store, layout, telemetry, remote: Arc::clone(remote), sends_again };
        let syncing = async {
            let turn = self.turns.get(remote.name());
            let _turn = match turn {
                Some(turn) => Some(turn.lock().await),
                None => None,
            };
            // The bucket is written by the owners of the series, each their own.
            if !self.fleet.is_bucket(&**remote) {
                let pending = |left| self.set_pending(remote.name(), left);
                return mirror.sync_telling(&pending).await;
            }
            let mut synced = self.fleet.upload_all().await;
            if synced.files == 0 && synced.failures.is_empty() {
                synced.unanswered = self.fleet.ask_bucket().await.err();
            }
            synced
        };
        let synced = tokio::select! {
            synced = syncing => synced,
            () = stop.cancelled() => return None,
        };
        self.keep(remote.name(), &synced).await;
        Some(synced)
    }

    /// How each remote stands, by name.
    pub(crate) fn known(&self) -> BTreeMap<String, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Files not verified on a remote, as last counted.
    pub(crate) fn pending(&self, remote: &str) -> Pending {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.get(remote);
        own.map(|own| Pending { files: own.pending_files, bytes: own.pending_bytes }).unwrap_or_default()
    }

    fn set_pending(&self, remote: &str, pending: Pending) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.entry(remote.to_owned()).or_default();
        (own.pending_files, own.pending_bytes) = (pending.files, pending.bytes);
    }

    async fn keep(&self, remote: &str, synced: &Synced) {
        let (at, took) = (now(), synced.took);
        let first = synced.error();
        let mut consecutive_errors = 0;
        let all = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let own = known.entry(remote.to_owned()).or_default();
            (own.pending_files, own.pending_bytes) = (synced.pending_files, synced.pending_bytes);
            own.last_error = first.map(ToString::to_string);
            if first.is_some() {
                own.consecutive_errors += 1;
                consecutive_errors = own.consecutive_errors;
            } else {
                own.consecutive_errors = 0;
                own.last_success = Some(at.0);
            }
            known.clone()
        };
        match first {
            None => {
                let (files, bytes) = (synced.files, synced.bytes);
                self.telemetry.emit(SyncSucceeded { remote, at, took, files, bytes });
            }
            Some(error) => {
                let reason = error.reason();
                self.telemetry.emit(SyncFailed { remote, error, reason, consecutive_errors, took });
            }
        }
        let own: PathBuf = self.layout.own();
        let written = tokio::task::spawn_blocking(move || write_known(&own, &all)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "how the remotes stand was not kept; after a restart they are synced anew");
        }
    }

    /// Drops files, oldest periods first, until the wanted space is free or `stop` is cancelled; with
    /// `dry_run` none.
    pub async fn purge(&self, wanted_bytes: u64, dry_run: bool, stop: &CancellationToken) -> Vec<Dropped> {
        let root = self.layout.root().to_owned();
        // Nothing is dropped if the free space is unknown.
        let free = free_bytes(&root).unwrap_or(u64::MAX);
        let is_enough = |dropped: u64| {
            let now = if dry_run { free } else { free_bytes(&root).unwrap_or(u64::MAX) };
            // File systems may report freed space late.
            now >= wanted_bytes || free.saturating_add(dropped) >= wanted_bytes
        };
        purge(&self.store, &self.layout, &self.remotes, &self.telemetry, dry_run, is_enough, stop).await
    }

    /// Syncs a remote until `stop`: at once, then at the configured interval.
    pub(crate) async fn keep_synced(self, remote: Arc<dyn Remote>, stop: CancellationToken) {
        let Some(interval) = self.interval else { return };
        loop {
            let Some(synced) = self.sync(&remote, false, &stop).await else { return };
            let wait = if synced.error().is_none() { interval } else { self.retry(&remote, interval) };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn retry(&self, remote: &Arc<dyn Remote>, interval: Duration) -> Duration {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = known.get(remote.name()).map_or(1, |own| own.consecutive_errors);
        AFTER_FAILURE.saturating_mul(1 << failed.saturating_sub(1).min(16)).min(interval)
    }

    /// Frees disk space until `stop`, whenever less than configured is available.
    pub(crate) async fn keep_room(self, stop: CancellationToken) {
        self.count().await;
        self.telemetry.emit(RoomWanted { bytes: self.wanted_bytes });
        if self.wanted_bytes == 0 {
            return;
        }
        let mut said: Option<tokio::time::Instant> = None;
        loop {
            if free_bytes(self.layout.root()).is_ok_and(|free| free < self.wanted_bytes) {
                let dropped = self.purge(self.wanted_bytes, false, &stop).await;
                if stop.is_cancelled() {
                    return;
                }
                let free_bytes = free_bytes(self.layout.root()).unwrap_or(u64::MAX);
                let is_due = said.is_none_or(|at| at.elapsed() >= SAY_AGAIN);
                if dropped.is_empty() && free_bytes < self.wanted_bytes && is_due {
                    said = Some(tokio::time::Instant::now());
                    self.telemetry.emit(NothingToDrop { free_bytes, wanted_bytes: self.wanted_bytes });
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn count(&self) {
        let layout = self.layout.clone();
        if let Ok((files, bytes)) = tokio::task::spawn_blocking(move || remote_only(&layout)).await {
            self.telemetry.emit(RemoteOnlyCounted { files, bytes });
        }
    }
}
