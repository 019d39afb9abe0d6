//! One sync of one remote: sends whatever is not verified there, several series side by side.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinSet;
use tracing::Instrument;

use crate::model::Series;
use crate::remote::RemoteError;
use crate::remote::mirror::{Mirror, Pending, pending};
use crate::remote::series::Copying;
use crate::store::{Copied, Layout, Ledger, Part, StoreError, Unaccounted, Verified, holding};
use crate::telemetry::events::{SeriesNotCopied, SyncPending};
use crate::telemetry::trace;

/// Series copied side by side to one remote.
const SERIES_AT_ONCE: usize = 4;
/// Delays before a missing ledger is looked for again.
const AGAIN: [Duration; 3] = [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(1)];

/// The result of a sync.
#[derive(Debug, Default)]
pub struct Synced {
    /// Files and ledgers sent and verified.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Files and ledgers not verified there yet.
    pub pending_files: u64,
    /// Their size in bytes.
    pub pending_bytes: u64,
    /// Series that could not be copied.
    pub failures: Vec<(Series, RemoteError)>,
    /// Why the remote did not answer, if there was nothing to copy.
    pub unanswered: Option<RemoteError>,
    /// Its duration.
    pub took: Duration,
}

impl Synced {
    /// The first error; `None` if the remote answered and everything is there.
    #[must_use]
    pub fn error(&self) -> Option<&RemoteError> {
        self.failures.first().map(|(_, error)| error).or(self.unanswered.as_ref())
    }
}

impl Mirror {
    /// Sends what is not there yet; if that is nothing, checks that the remote answers and still holds what
    /// was sent. Dropping the future stops it; copies verified by then stay recorded.
    pub async fn sync(&self) -> Synced {
        self.sync_telling(&|_| {}).await
    }

    /// The same, and calls `on` whenever the pending figures change.
    pub async fn sync_telling(&self, on: &(dyn Fn(Pending) + Sync)) -> Synced {
        let began = Instant::now();
        let mut synced = Synced::default();
        let (mut waiting, mut unread) = self.waiting().await;
        if waiting.is_empty() {
            synced.unanswered = self.look().await.err();
            (waiting, unread) = self.waiting().await;
        }
        for (series, error) in self.unaccounted(unread).await {
            self.fail(&mut synced, series, error);
        }
        let mut waiting = waiting.into_iter();
        let mut left: Pending = waiting.as_slice().iter().fold(Pending::default(), |sum, (_, own)| Pending {
            files: sum.files + own.files,
            bytes: sum.bytes + own.bytes,
        });
        self.tell(left, on);
        let mut copying = JoinSet::new();
        let mut is_lost = false;
        loop {
            while copying.len() < SERIES_AT_ONCE && !is_lost {
                let Some((series, pending)) = waiting.next() else { break };
                let own = Copying { mirror: self.clone(), series };
                let span = trace::sync_push(self.remote.name(), &own.series);
                let copied = async move {
                    let copied = own.run().await;
                    trace::pushed(copied.files, copied.bytes);
                    copied.error.iter().for_each(|error| trace::failed(error.reason().name(), error));
                    (own.series, pending, copied)
                };
                copying.spawn(copied.instrument(span));
            }
            let Some(ended) = copying.join_next().await else { break };
            let Ok((series, pending, copied)) = ended else { continue };
            synced.files += copied.files;
            synced.bytes += copied.bytes;
            left.files = left.files.saturating_sub(pending.files.saturating_sub(copied.left.files));
            left.bytes = left.bytes.saturating_sub(pending.bytes.saturating_sub(copied.left.bytes));
            if let Some(error) = copied.error {
                // An error of the remote is the same for every series.
                is_lost |= error.is_of_the_remote();
                self.fail(&mut synced, series, error);
            }
            self.tell(left, on);
        }
        (synced.pending_files, synced.pending_bytes) = (left.files, left.bytes);
        synced.took = began.elapsed();
        synced
    }

    fn fail(&self, synced: &mut Synced, series: Series, error: RemoteError) {
        self.telemetry.emit(SeriesNotCopied { remote: self.remote.name(), series: &series, error: &error });
        synced.failures.push((series, error));
    }

    /// Checks one ledger that was verified there, a different one each time, or the remote's folder if there
    /// is none.
    async fn look(&self) -> Result<(), RemoteError> {
        let verified = self.verified().await;
        let Some(one) = verified.len().checked_sub(1).map(|last| drawn() % (last + 1)) else {
            return self.remote.reach().await;
        };
        let gone = match self.is_there(&verified[one]).await {
            Err(gone @ RemoteError::Gone { .. }) => gone,
            looked => return looked,
        };
        if !self.sends_again {
            return Err(gone);
        }
        for series in &verified {
            match self.is_there(series).await {
                Err(RemoteError::Gone { .. }) => self.forget(series.clone()).await?,
                looked => looked?,
            }
        }
        Ok(())
    }

    async fn is_there(&self, series: &Series) -> Result<(), RemoteError> {
        let key = format!("{}/_series.json", Layout::key(series));
        match self.remote.head(&key).await? {
            Some(_) => Ok(()),
            None => Err(RemoteError::Gone { remote: self.remote.name().to_owned(), key }),
        }
    }

    /// Series whose ledger was verified there.
    async fn verified(&self) -> Vec<Series> {
        let (layout, remote) = (self.layout.clone(), self.remote.name().to_owned());
        let looking = tokio::task::spawn_blocking(move || {
            let is_verified = |series: &Series| {
                let ledger = Ledger::read(&layout.ledger(series), series).ok().flatten();
                ledger.is_some_and(|ledger| ledger.synced.contains_key(&remote))
            };
            layout.series().into_iter().filter(is_verified).collect()
        });
        looking.await.unwrap_or_default()
    }

    /// Marks local files as not copied. Files that are only on remotes keep their mark, since there is nothing
    /// to send.
    async fn forget(&self, series: Series) -> Result<(), RemoteError> {
        let (store, layout, remote) =
            (self.store.clone(), self.layout.clone(), self.remote.name().to_owned());
        let forgetting = tokio::task::spawn_blocking(move || {
            let ledger = Ledger::read(&layout.ledger(&series), &series)?.unwrap_or_default();
            let gone = [Part::File, Part::Open].into_iter().flat_map(|part| {
                let here = ledger.part(part).iter().filter(|(_, entry)| !entry.remote_only);
                here.map(move |(period, entry)| Verified {
                    period: period.clone(),
                    part,
                    sha256: entry.sha256.clone(),
                })
            });
            let copied = Copied {
                remote,
                files: Vec::new(),
                gone: gone.collect(),
                // No ledger has this digest, so it is sent again too.
                digest: Some(String::new()),
                renamed: Vec::new(),
            };
            store.copied(&series, copied)
        });
        match forgetting.await {
            Ok(forgotten) => Ok(forgotten?),
            Err(_) => Err(RemoteError::Stopped),
        }
    }

    fn tell(&self, left: Pending, on: &(dyn Fn(Pending) + Sync)) {
        on(left);
        let remote = self.remote.name();
        self.telemetry.emit(SyncPending { remote, files: left.files, bytes: left.bytes });
    }

    /// Series not completely there, ordered by name, and those whose ledger could not be read.
    async fn waiting(&self) -> (Vec<(Series, Pending)>, Vec<Series>) {
        let (layout, remote) = (self.layout.clone(), self.remote.name().to_owned());
        let looking = tokio::task::spawn_blocking(move || {
            let (mut waiting, mut unread) = (Vec::new(), Vec::new());
            for series in layout.series() {
                let Ok(Some(ledger)) = Ledger::read(&layout.ledger(&series), &series) else {
                    unread.push(series);
                    continue;
                };
                let pending = pending(&ledger, &series, &remote);
                if pending.files > 0 {
                    waiting.push((series, pending));
                }
            }
            (waiting, unread)
        });
        looking.await.unwrap_or_default()
    }

    /// Those of these series whose files cannot be sent because no ledger lists them. Checked a second time,
    /// since the first publish of a series takes two steps.
    async fn unaccounted(&self, unread: Vec<Series>) -> Vec<(Series, RemoteError)> {
        let mut left = unread;
        let mut found = Vec::new();
        for wait in AGAIN {
            tokio::time::sleep(wait).await;
            let layout = self.layout.clone();
            let looking = tokio::task::spawn_blocking(move || {
                left.into_iter()
                    .filter_map(|series| unaccounted(&layout, &series).map(|why| (series, why)))
                    .collect::<Vec<_>>()
            });
            found = looking.await.unwrap_or_default();
            if found.is_empty() {
                break;
            }
            left = found.iter().map(|(series, _)| series.clone()).collect();
        }
        found
    }
}

/// Why no ledger lists the files of a series; `None` if one does, or if they belong to another program.
fn unaccounted(layout: &Layout, series: &Series) -> Option<RemoteError> {
    let reason = match holding(layout, series)?.ledger {
        Ok(_) | Err(Unaccounted::Foreign) => return None,
        Err(Unaccounted::Gone(_)) => "it is not there".to_owned(),
        Err(Unaccounted::Unreadable { reason, .. }) => reason,
    };
    let path = layout.ledger(series);
    Some(StoreError::NoLedger { series: series.to_string(), path, reason }.into())
}

/// A different number on each call.
fn drawn() -> usize {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    usize::try_from(since.subsec_micros()).unwrap_or_default()
}
