//! A series is written by one process: before anything runs for it, it is this process's, and what the fleet's
//! bucket holds of it is here.
//!
//! With SQLite nobody else can write, and nothing of this is visible. With PostgreSQL ownership keeps the workers
//! apart; with a bucket beside it they also take series over from one another.
//!
//! Decisions:
//!
//! * **A series is owned before anything runs for it.** With SQLite there is no other writer, so nothing is
//!   asked. With PostgreSQL a run is let in by its owner's lease and ends by this process's monotonic clock
//!   before that does; what another owns is passed over quietly and has no metrics here. Each worker takes its
//!   share and gives idle series away down to it; a series that stays unowned for a lease goes to the first
//!   worker that sees it.
//! * **Without the state store, a series that was ours is still collected on this disk**; its lease is over, so
//!   nothing goes to the bucket until the store says that it still is ours. Only the last owner of a series
//!   writes its health row.
//! * **A takeover begins with the bucket's ledger, then with its files.** Where the fences agree, the last
//!   writer wrote from here, and the local files stand. Else they are set aside, every object is fetched and
//!   judged by its own footer as recovery judges files, and rows that only this disk had come back as late ones
//!   outside what is covered, without coverage. The local ledger leaves first and comes last, so a cut is
//!   harmless.
//! * **An object that no ledger speaks of is kept before it is replaced**: a write of an earlier owner that was
//!   on the wire. Its rows are merged; ten minutes after a takeover the bucket is asked whether one landed
//!   where nothing was written since.
//! * **The workers of a fleet divide each exchange's limit** by how many of them live, since exchanges count by
//!   address; what an exchange says was used counts whole. A worker with an address of its own
//!   (`worker.own_address`) spends all of it.
//! * **Fences may start again** with a new PostgreSQL: an owner that meets a higher one in the bucket lifts its
//!   own above it.
//! * **A job that is configured no more is forgotten by the data path that wrote its series last**, which its
//!   row of ownership names: others in the store may know jobs that this one does not.

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

pub(crate) use ownership::{ONCE, Owned, Ownership, RunToken};
pub(crate) use takeover::TakeoverError;

/// How long after a takeover the bucket is asked whether a write of the owner before landed late: longer than any
/// request lasts.
const RECHECK: Duration = Duration::from_secs(600);

/// What keeps the series of a process apart from those of others, and brings them from one to another.
pub(crate) struct Fleet {
    owned: Arc<Owned>,
    bucketed: Option<Bucketed>,
    store: Store,
    layout: Layout,
    telemetry: Telemetry,
    db: Database,
    own_address: bool,
    bucket_states: Mutex<HashMap<Series, Arc<BucketState>>>,
    /// The series that this process collects, or would.
    known: Mutex<BTreeMap<Arc<Series>, Known>>,
}

/// The bucket of a fleet.
#[derive(Clone)]
pub(crate) struct Bucketed {
    pub(crate) s3: Arc<S3>,
}

/// How a series stands in the bucket; one takes it over or publishes it at a time.
type BucketState = tokio::sync::Mutex<Ready>;

#[derive(Default)]
struct Ready {
    /// The ownership under which it is here what the bucket holds.
    fence: Option<u64>,
    /// When the bucket is to be asked whether it still holds what was found there.
    recheck: Option<Instant>,
    /// The account that was published last, by its time and size.
    seen: Option<(SystemTime, u64)>,
}

#[derive(Clone, Copy)]
struct Known {
    /// How often its job runs.
    interval: Duration,
    /// Whether its metrics are shown here: they are its owner's.
    is_shown: bool,
    /// Time of its newest stored row.
    newest_row: Option<Micros>,
}

/// What a fleet works with.
pub(crate) struct Parts {
    pub(crate) owned: Arc<Owned>,
    pub(crate) bucketed: Option<Bucketed>,
    pub(crate) store: Store,
    pub(crate) layout: Layout,
    pub(crate) telemetry: Telemetry,
    pub(crate) db: Database,
    /// Exchanges see an address that is this worker's alone.
    pub(crate) own_address: bool,
}

/// A run that may go on until `stop`. Dropping it ends it.
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
    /// The bucket as any other remote.
    pub(crate) fn remote(&self) -> Arc<dyn Remote> {
        Arc::clone(&self.s3) as Arc<dyn Remote>
    }
}

impl Fleet {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { owned, bucketed, store, layout, telemetry, db, own_address } = parts;
        let (bucket_states, known) = (Mutex::default(), Mutex::default());
        Arc::new(Fleet { owned, bucketed, store, layout, telemetry, db, own_address, bucket_states, known })
    }

    /// Whether others may write what this process writes.
    pub(crate) fn is_shared(&self) -> bool {
        self.owned.is_shared()
    }

    /// Whether a series is this process's, as far as it knows.
    pub(crate) fn has(&self, series: &Series) -> bool {
        self.owned.has(series)
    }

    /// Whether a series is this process's, or may be taken as nobody is to own it by itself.
    pub(crate) fn may_have(&self, series: &Series) -> bool {
        self.owned.has(series) || !self.owned.is_wanted(series)
    }

    /// How soon what is another's is looked at again.
    pub(crate) fn again(&self) -> Duration {
        self.owned.again()
    }

    /// Whether a remote is the bucket that the fleet shares.
    pub(crate) fn is_bucket(&self, remote: &dyn Remote) -> bool {
        self.bucketed.as_ref().is_some_and(|own| own.s3.name() == remote.name())
    }

    /// How many workers spend the same rate limits together.
    pub(crate) fn sharers(&self) -> usize {
        if self.own_address { 1 } else { self.owned.daemons() }
    }

    /// Lets a run of a series begin where it is this process's. One that is nobody's is taken if somebody asked
    /// for the run.
    ///
    /// # Errors
    /// [`RunErrorKind::NotOwner`] where it is another's, [`RunErrorKind::NotTakenOver`] where what the bucket holds cannot
    /// be had.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        series: &Arc<Series>,
        stop: &CancellationToken,
        is_asked: bool,
    ) -> Result<RunPermit, RunError> {
        let (own, stop) = (Arc::clone(series), stop.child_token());
        let token = match self.owned.begin(series, &stop, is_asked).await {
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

    /// Publishes what a run stored. One whose series became another's meanwhile counts as stopped.
    pub(crate) async fn finish(self: &Arc<Self>, permit: &RunPermit, mut outcome: Outcome) -> Outcome {
        if let (Some(bucketed), Some(_)) = (&self.bucketed, permit.token) {
            // What cannot be sent now was told, and is sent as soon as that works.
            let _ = self.upload(bucketed, &permit.series).await;
        }
        if !self.owned.has(&permit.series) {
            outcome.error = Some(RunErrorKind::Stopped.of(&permit.series));
        }
        outcome
    }

    /// Makes a series' metrics those of a job that runs so often, where it is this process's.
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

    /// The metrics of a series end.
    pub(crate) fn forget(&self, series: &Series) {
        lock(&self.known).remove(series);
    }

    /// Whether a series was made known and not forgotten since.
    pub(crate) fn knows(&self, series: &Series) -> bool {
        lock(&self.known).contains_key(series)
    }

    /// Whether a series of an exchange is known.
    pub(crate) fn needs(&self, exchange: &str) -> bool {
        lock(&self.known).keys().any(|series| series.exchange() == exchange)
    }

    /// Time of the newest stored row of a series, where one is known.
    pub(crate) fn newest_row(&self, series: &Series) -> Option<Micros> {
        lock(&self.known).get(series)?.newest_row
    }

    pub(crate) fn set_newest_row(&self, series: &Series, at: Option<Micros>) {
        lock(&self.known).get_mut(series).into_iter().for_each(|own| own.newest_row = at);
    }

    /// Shows the metrics of the series that are this process's, and no others: a series is told of by its owner.
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
