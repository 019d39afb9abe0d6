//! Ensures that a series is written by one process: before a run begins, this process owns the series and has
//! everything the fleet's bucket holds of it.
//!
//! With SQLite there are no other writers, and none of this shows. With PostgreSQL, ownership keeps workers apart;
//! with a bucket they also take series over from one another.
//!
//! Decisions:
//!
//! * **A series is owned before anything runs for it.** With SQLite there is no other writer, so no ownership is
//!   needed. With PostgreSQL a run is allowed under its owner's lease, and stops by this process's monotonic clock
//!   before that expires; series of other owners are skipped silently and have no metrics here. Each worker takes
//!   its share, and gives up idle series beyond it; a series that stays unowned for the length of a lease goes to
//!   the first worker that sees it.
//! * **A live series is given up like any other, but asked for**: its stream ends, its rows are published and
//!   uploaded, then it is free. While it is listened to it is uploaded at most every `storage.live_sync_interval`.
//! * **A worker without a sign of life for the length of a lease has no share**: the others divide its series as soon
//!   as they are free.
//! * **Without the state store, a series that was ours is still collected on this disk.** Its lease is over, so
//!   nothing is uploaded until the store confirms the ownership. Only the last owner of a series writes its health
//!   row.
//! * **A takeover begins with the bucket's ledger, then fetches its files.** If the fences match, the last writer
//!   wrote from here, and the local files stand. Otherwise they are set aside, every object is fetched and checked
//!   against its own footer as recovery does, and rows that only this disk had come back as late rows outside what
//!   is covered, without coverage. The local ledger is removed first and written last, so an interruption is
//!   harmless.
//! * **An object in no ledger is kept before it is replaced**: it is a write that an earlier owner had in flight.
//!   Its rows are merged. Ten minutes after a takeover the bucket is checked for such a write once more, for
//!   series that nothing was written to since.
//! * **The workers of a fleet divide each exchange's limit** by how many of them are alive, since exchanges count
//!   by address; usage that an exchange reports counts in full. A worker with its own address
//!   (`worker.own_address`) uses the whole limit.
//! * **Fences may start over** with a new PostgreSQL: an owner that finds a higher one in the bucket raises its
//!   own above it.
//! * **A job that is no longer configured is forgotten by the data path that last wrote its series**, which its
//!   ownership row names: others in the store may have jobs that this one does not.

mod owned_series;
mod ownership;
mod share;
mod takeover;
mod uploads;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::db::Database;
use crate::jobs::{Outcome, RunError, RunErrorKind};
use crate::model::{Micros, Series};
use crate::remote::{Remote, S3};
use crate::store::{Layout, Ledger, Store};
use crate::telemetry::Telemetry;
use crate::worker::known::{tell_coverage, tell_known};

use owned_series::Purpose;
pub(crate) use owned_series::RunToken;
pub(crate) use ownership::{ONCE, Ownership, Ownerships};
pub(crate) use takeover::TakeoverError;

/// How long after a takeover the bucket is checked for a late write of the previous owner: longer than any request
/// lasts.
const RECHECK: Duration = Duration::from_secs(600);

/// Ownership of series, and their takeover through the bucket.
pub(crate) struct Fleet {
    owned: Arc<Ownerships>,
    bucketed: Option<Bucketed>,
    store: Store,
    layout: Layout,
    telemetry: Telemetry,
    db: Database,
    own_address: bool,
    live_sync_interval: Duration,
    bucket_states: Mutex<HashMap<Series, Arc<BucketState>>>,
    /// The series that this process collects, or would.
    known: Mutex<BTreeMap<Arc<Series>, Known>>,
}

#[derive(Clone)]
pub(crate) struct Bucketed {
    pub(crate) s3: Arc<S3>,
}

/// A series' state in the bucket; the lock allows one takeover or upload at a time.
type BucketState = tokio::sync::Mutex<Ready>;

#[derive(Default)]
struct Ready {
    /// The ownership under which this disk holds everything the bucket does.
    fence: Option<u64>,
    /// When to check the bucket for a late write.
    recheck: Option<Instant>,
    /// The modification time and size of the ledger last uploaded.
    seen: Option<(SystemTime, u64)>,
    /// When it was last uploaded, or taken over.
    sent: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Known {
    /// How often its job runs.
    interval: Duration,
    /// Whether its metrics are shown here; only its owner shows them.
    is_shown: bool,
    /// Time of its newest stored row.
    newest_row: Option<Micros>,
}

/// The parts a fleet is built from.
pub(crate) struct Parts {
    pub(crate) owned: Arc<Ownerships>,
    pub(crate) bucketed: Option<Bucketed>,
    pub(crate) store: Store,
    pub(crate) layout: Layout,
    pub(crate) telemetry: Telemetry,
    pub(crate) db: Database,
    /// Whether this worker reaches the exchanges from an address of its own.
    pub(crate) own_address: bool,
    /// The shortest time between two uploads of a live series.
    pub(crate) live_sync_interval: Duration,
}

/// Allows a run to continue until `stop`. Dropping it ends the run.
pub(crate) struct RunPermit {
    fleet: Arc<Fleet>,
    series: Arc<Series>,
    token: Option<RunToken>,
    pub(crate) stop: CancellationToken,
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.fleet.owned.end(&self.series, token);
        }
    }
}

impl Bucketed {
    /// The bucket as a plain remote.
    pub(crate) fn remote(&self) -> Arc<dyn Remote> {
        Arc::clone(&self.s3) as Arc<dyn Remote>
    }
}

impl Fleet {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { owned, bucketed, store, layout, telemetry, db, own_address, live_sync_interval } = parts;
        let (bucket_states, known) = (Mutex::default(), Mutex::default());
        Arc::new(Fleet {
            owned,
            bucketed,
            store,
            layout,
            telemetry,
            db,
            own_address,
            live_sync_interval,
            bucket_states,
            known,
        })
    }

    /// Whether other processes may write the same series.
    pub(crate) fn is_shared(&self) -> bool {
        self.owned.is_shared()
    }

    /// Whether this process owns a series, as far as it knows.
    pub(crate) fn has(&self, series: &Series) -> bool {
        self.owned.has(series)
    }

    /// Whether this process is to own a series, as the configuration says.
    pub(crate) fn wants(&self, series: &Series) -> bool {
        self.owned.wants(series)
    }

    /// Whether this process owns a series, or may take it because no worker owns it by itself.
    pub(crate) fn may_have(&self, series: &Series) -> bool {
        self.owned.has(series) || !self.owned.is_wanted(series)
    }

    /// How soon to try again for a series of another owner.
    pub(crate) fn again(&self) -> Duration {
        self.owned.again()
    }

    /// Whether a remote is the fleet's bucket.
    pub(crate) fn is_bucket(&self, remote: &dyn Remote) -> bool {
        self.bucketed.as_ref().is_some_and(|own| own.s3.name() == remote.name())
    }

    /// How many workers share the same rate limits.
    pub(crate) fn sharers(&self) -> usize {
        if self.own_address { 1 } else { self.owned.daemons() }
    }

    /// Allows a run if this process owns the series. An unowned series is taken if the run was requested.
    ///
    /// # Errors
    /// [`RunErrorKind::NotOwner`] if another process owns it, [`RunErrorKind::NotTakenOver`] if the bucket's contents
    /// cannot be fetched.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        series: &Arc<Series>,
        stop: &CancellationToken,
        is_asked: bool,
    ) -> Result<RunPermit, RunError> {
        self.enter_for(series, stop, if is_asked { Purpose::Asked } else { Purpose::Scheduled }).await
    }

    /// The same to listen to a series for as long as the fleet leaves it to this process.
    ///
    /// # Errors
    /// The same.
    pub(crate) async fn enter_live(
        self: &Arc<Self>,
        series: &Arc<Series>,
        stop: &CancellationToken,
    ) -> Result<RunPermit, RunError> {
        self.enter_for(series, stop, Purpose::Live).await
    }

    async fn enter_for(
        self: &Arc<Self>,
        series: &Arc<Series>,
        stop: &CancellationToken,
        purpose: Purpose,
    ) -> Result<RunPermit, RunError> {
        let (own, stop) = (Arc::clone(series), stop.child_token());
        let token = match self.owned.begin(series, &stop, purpose).await {
            Ownership::Alone => None,
            Ownership::Ours(token) => Some(token),
            Ownership::Elsewhere(worker) => {
                let worker = worker.unwrap_or_else(|| "nobody yet".to_owned());
                return Err(RunErrorKind::NotOwner { worker }.of(&own));
            }
        };
        let permit = RunPermit { fleet: Arc::clone(self), series: own, token, stop };
        let Some(token) = token else { return Ok(permit) };
        self.show().await;
        let Some(bucketed) = &self.bucketed else { return Ok(permit) };
        let taken = tokio::select! {
            taken = self.take_over(bucketed, series, token.fence) => taken,
            () = permit.stop.cancelled() => {
                return Err(RunErrorKind::Stopped.of(series));
            }
        };
        taken.map(|()| permit).map_err(|source| RunErrorKind::NotTakenOver(Box::new(source)).of(series))
    }

    /// Uploads the rows a run stored. A run whose series was lost meanwhile counts as stopped.
    pub(crate) async fn finish(self: &Arc<Self>, permit: &RunPermit, mut outcome: Outcome) -> Outcome {
        if let (Some(bucketed), Some(_)) = (&self.bucketed, permit.token) {
            // Upload errors are reported there, and retried later.
            let _ = self.upload(bucketed, &permit.series, false).await;
        }
        if !self.owned.has(&permit.series) {
            outcome.error = Some(RunErrorKind::Stopped.of(&permit.series));
        }
        outcome
    }

    /// Uploads what was published of a series that is not listened to any more, before another process may take it.
    pub(crate) async fn hand_over(self: &Arc<Self>, permit: &RunPermit) {
        if let (Some(bucketed), Some(_)) = (&self.bucketed, permit.token) {
            let is_away =
                self.upload(bucketed, &permit.series, true).await.is_err_and(|e| e.is_of_the_remote());
            self.owned.set_bucket_away(is_away);
        }
    }

    /// Registers a series whose job runs at `interval`; shows its metrics if this process owns it.
    pub(crate) fn know(&self, series: &Arc<Series>, interval: Duration) {
        let is_shown = {
            let new = Known { interval, is_shown: !self.is_shared(), newest_row: None };
            let mut all = lock(&self.known);
            let own = all.entry(Arc::clone(series)).or_insert(new);
            own.interval = interval;
            own.is_shown
        };
        if is_shown {
            self.telemetry.declare_series(series, &series.to_string(), interval);
        }
    }

    /// Removes the metrics of a series.
    pub(crate) fn forget(&self, series: &Series) {
        lock(&self.known).remove(series);
    }

    /// Whether a series is registered.
    pub(crate) fn knows(&self, series: &Series) -> bool {
        lock(&self.known).contains_key(series)
    }

    /// Whether any registered series is of this exchange.
    pub(crate) fn needs(&self, exchange: &str) -> bool {
        lock(&self.known).keys().any(|series| series.exchange() == exchange)
    }

    /// Time of the newest stored row of a series, if known.
    pub(crate) fn newest_row(&self, series: &Series) -> Option<Micros> {
        lock(&self.known).get(series)?.newest_row
    }

    pub(crate) fn set_newest_row(&self, series: &Series, at: Option<Micros>) {
        lock(&self.known).get_mut(series).into_iter().for_each(|own| own.newest_row = at);
    }

    /// Shows the metrics of exactly the series this process owns: only owners report a series.
    pub(crate) async fn show(&self) {
        if !self.is_shared() {
            return;
        }
        let owned = self.owned.all();
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        {
            let mut all = lock(&self.known);
            for series in &owned {
                let own = all.entry(Arc::clone(series));
                let own =
                    own.or_insert(Known { interval: Duration::ZERO, is_shown: false, newest_row: None });
                if !std::mem::replace(&mut own.is_shown, true) {
                    new.push((Arc::clone(series), own.interval));
                }
            }
            for (series, own) in
                all.iter_mut().filter(|(series, own)| own.is_shown && !owned.contains(series))
            {
                (own.is_shown, own.newest_row) = (false, None);
                gone.push(Arc::clone(series));
            }
        }
        gone.iter().for_each(|series| self.telemetry.forget_series(series));
        if new.is_empty() {
            return;
        }
        let names: Vec<Arc<Series>> = new.iter().map(|(series, _)| Arc::clone(series)).collect();
        for (series, interval) in &new {
            self.telemetry.declare_series(series, &series.to_string(), *interval);
        }
        tell_known(&self.telemetry, &self.db, &names).await;
        let (layout, telemetry) = (self.layout.clone(), self.telemetry.clone());
        let telling = move || {
            let newest = |series: &Arc<Series>| {
                let ledger = Ledger::read(&layout.ledger(series), series).ok().flatten()?;
                tell_coverage(&telemetry, series, &ledger)
            };
            names.iter().map(|series| (Arc::clone(series), newest(series))).collect::<Vec<_>>()
        };
        match tokio::task::spawn_blocking(telling).await {
            Ok(newest) => newest.iter().for_each(|(series, at)| self.set_newest_row(series, *at)),
            Err(error) => tracing::error!(%error, "telling of the series taken over broke off"),
        }
    }

    fn bucket_state(&self, series: &Series) -> Arc<BucketState> {
        Arc::clone(lock(&self.bucket_states).entry(series.clone()).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
