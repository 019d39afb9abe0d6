//! Stops the process if it loses the lock on its data path, or its journal.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::{Engine, EngineError};
use crate::store::{DataLock, Layout, StoreError};
use crate::telemetry::events::OwnershipLost;

/// How often the lock is checked; every write checks it too.
const LOOK: Duration = Duration::from_millis(250);

/// How long a new owner may take to sign the lock.
const SIGNS_WITHIN: Duration = Duration::from_secs(1);

/// Why a process must stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The journal cannot be repaired.
    Journal,
    /// Another process may own the data path now; why.
    NotOwner(String),
}

impl Engine {
    /// Completes when nothing more may be accepted and the process must stop.
    #[doc(hidden)]
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Why nothing more may be accepted, if so. Waits briefly for a new owner to sign the lock.
    pub(crate) async fn why_broken(&self) -> Option<Broken> {
        let (watch, began) = (self.watch.clone(), Instant::now());
        while let Some(lost) = watch.lost() {
            if lost.winner.is_some() || began.elapsed() > SIGNS_WITHIN {
                return Some(Broken::NotOwner(lost.to_string()));
            }
            sleep(LOOK).await;
        }
        self.broken.is_cancelled().then_some(Broken::Journal)
    }

    /// Cancels `stop` once nothing more may be accepted.
    pub(crate) fn stop_when_broken(&self, stop: CancellationToken) {
        let (broken, kept) = (self.broken.clone(), self.kept.clone());
        self.keep(async move {
            tokio::select! {
                () = broken.cancelled() => stop.cancel(),
                () = kept.cancelled() => {}
            }
        });
    }

    /// Checks the lock until closing; once it is lost, nothing more is accepted.
    pub(crate) fn watch_lock(&self) {
        let (watch, telemetry) = (self.watch.clone(), self.telemetry.clone());
        let (broken, kept) = (self.broken.clone(), self.kept.clone());
        self.keep(async move {
            let mut looks = interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = kept.cancelled() => return,
                    _ = looks.tick() => {}
                }
                if let Some(lost) = watch.lost() {
                    telemetry.emit(OwnershipLost { why: &lost.to_string() });
                    return broken.cancel();
                }
            }
        });
    }
}

/// Takes the lock of a data path; may have to wait for an owner that lost it.
pub(crate) async fn take_lock(layout: &Layout, command: &str) -> Result<DataLock, EngineError> {
    let (root, layout, command) = (layout.root().to_owned(), layout.clone(), command.to_owned());
    let taken = tokio::task::spawn_blocking(move || DataLock::take(&layout, &command)).await;
    let broke_off = |error| StoreError::io("locking", &root)(std::io::Error::other(error));
    Ok(taken.map_err(broke_off)??)
}
