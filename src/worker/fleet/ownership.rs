//! Tracks the series this process owns, by its own monotonic clock.
//!
//! A run is stopped before the ownership of its series can expire. While the store is unreachable, series that
//! were ours last are still collected on this disk, but nothing of them is uploaded until the store confirms the
//! ownership.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::model::Series;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{OwnershipChange, OwnershipChanged, OwnershipSeen};
use crate::tracker::{Claimer, Owner, Tracker, TrackerError, WorkerRow, WorkerState};
use crate::worker::config::{Sharing, WorkerConfig};
use crate::worker::fleet::owned_series::{OwnedSeries, Purpose, Run, RunToken};
use crate::worker::fleet::share::{Hold, Memory, Plan, View};

/// How long a run may wait for the store before it begins without it.
const ASKS_WITHIN: Duration = Duration::from_secs(5);
/// How long after the end of another's lease its series are looked at: the store's clock decides.
const AFTER_END: Duration = Duration::from_millis(100);
/// The suffix of the names of workers that only run what was requested.
pub(crate) const ONCE: &str = ":once";

/// The series this process owns.
pub(crate) struct Ownerships {
    tracker: Tracker,
    telemetry: Telemetry,
    /// The worker's name, unique among all processes that ever ran.
    worker: String,
    config: WorkerConfig,
    state: Mutex<OwnershipState>,
    /// Serializes changes of ownership.
    turn: tokio::sync::Mutex<()>,
    /// Whether the bucket does not answer: nothing can be handed over then.
    is_bucket_away: AtomicBool,
    /// Told when a series that the fleet asked for is free.
    freed: Notify,
}

#[derive(Default)]
struct OwnershipState {
    wanted: BTreeMap<String, Arc<Series>>,
    owned: HashMap<String, OwnedSeries>,
    memory: Memory,
    /// The owners of other series, as last read.
    elsewhere: HashMap<String, String>,
    runs: u64,
    /// Live daemons, as last counted.
    daemons: usize,
    /// When the first of the others' leases ends that were last read, unless it is renewed.
    next_end: Option<Instant>,
}

/// Whether a run may begin.
pub(crate) enum Ownership {
    /// There are no other writers.
    Alone,
    /// This process owns the series.
    Ours(RunToken),
    /// Another process owns it; its name, if known.
    Elsewhere(Option<String>),
}

impl Ownerships {
    pub(crate) fn new(tracker: Tracker, telemetry: Telemetry, worker: String, config: WorkerConfig) -> Self {
        let (state, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        let (is_bucket_away, freed) = (AtomicBool::new(false), Notify::new());
        Ownerships { tracker, telemetry, worker, config, state, turn, is_bucket_away, freed }
    }

    pub(crate) fn is_shared(&self) -> bool {
        !self.config.is_alone()
    }

    /// How soon to try again for a series of another owner.
    pub(crate) fn again(&self) -> Duration {
        (self.config.lease / 3).clamp(Duration::from_secs(1), Duration::from_secs(20))
    }

    /// Sets the series that this process wants to own.
    pub(crate) fn want(&self, series: impl Iterator<Item = Arc<Series>>) {
        self.state().wanted = series.map(|series| (series.to_string(), series)).collect();
    }

    /// Renews ownerships, takes free series and gives up those beyond its share.
    pub(crate) async fn round(&self) -> Result<(), TrackerError> {
        let _turn = self.turn.lock().await;
        let wanted = self.wanted();
        if self.config.is_alone() {
            if !wanted.is_empty() {
                self.tracker.own(self.claimer(), &wanted).await?;
            }
            self.telemetry.emit(OwnershipSeen { owned: wanted.len(), unowned: 0 });
            return Ok(());
        }
        let stray = self.renew().await?;
        let plan = self.plan(&wanted).await?;
        self.take(&plan.take).await?;
        self.ask_for_live(&plan.give);
        let giving = self.leave(plan.give);
        let given: Vec<String> = giving.into_iter().chain(stray).collect();
        if !given.is_empty() {
            self.tracker.give_up(&self.worker, &given).await?;
        }
        let (owned, unowned) = (self.state().owned.len(), plan.unowned.saturating_sub(plan.take.len()));
        self.telemetry.emit(OwnershipSeen { owned, unowned });
        Ok(())
    }

    /// Renews every lease; returns series that the store lists as ours but are not known here.
    async fn renew(&self) -> Result<Vec<String>, TrackerError> {
        let asked = Instant::now();
        let kept = self.tracker.keep_owned(&self.worker, self.config.lease).await?;
        let kept: HashSet<String> = kept.into_iter().collect();
        let lost: Vec<String> = {
            let mut state = self.state();
            let owned = &mut state.owned;
            for (series, own) in owned.iter_mut().filter(|(series, _)| kept.contains(*series)) {
                debug_assert_eq!(*series, own.series.to_string());
                own.ends = asked + self.config.lease;
            }
            owned.keys().filter(|series| !kept.contains(*series)).cloned().collect()
        };
        lost.iter().for_each(|series| self.lose(series));
        let state = self.state();
        Ok(kept.into_iter().filter(|series| !state.owned.contains_key(series)).collect())
    }

    async fn plan(&self, wanted: &[String]) -> Result<Plan, TrackerError> {
        if !self.config.is_daemon {
            return Ok(Plan::default());
        }
        let owners = self.tracker.owners(wanted).await?;
        let owners: HashMap<String, Owner> =
            owners.into_iter().map(|owner| (owner.series.clone(), owner)).collect();
        let workers = match self.config.sharing {
            Sharing::StoreAndBucket => self.workers().await?,
            Sharing::Nothing | Sharing::Store => Vec::new(),
        };
        let mut state = self.state();
        state.daemons = workers.len();
        let now = Instant::now();
        let live = || owners.values().filter(|owner| owner.is_live() && owner.worker != self.worker);
        state.next_end = live().map(|owner| now + owner.until.since(owner.as_of)).min();
        state.elsewhere = live().map(|owner| (owner.series.clone(), owner.worker.clone())).collect();
        let may_ask = !self.is_bucket_away.load(Ordering::Relaxed);
        let own: HashMap<String, Hold> =
            state.owned.iter().map(|(name, own)| (name.clone(), own.hold(may_ask))).collect();
        let patience = self.config.lease;
        let view = View { wanted, own: &own, owners: &owners, workers: &workers, patience, now };
        Ok(state.memory.plan(&view))
    }

    /// The number of daemons that share the series, as last counted; 1 outside of a fleet.
    pub(crate) fn daemons(&self) -> usize {
        self.state().daemons.max(1)
    }

    /// The names of the live daemons: one that has given no sign of life for the length of a lease has lost what it owned.
    async fn workers(&self) -> Result<Vec<String>, TrackerError> {
        let workers = self.tracker.workers().await?;
        let has_lapsed = |worker: &WorkerRow| worker.as_of.since(worker.last_seen) >= self.config.lease;
        let alive = workers.into_iter().filter(|worker| worker.state() == WorkerState::Healthy);
        let alive = alive.filter(|worker| worker.id == self.worker || !has_lapsed(worker));
        Ok(alive.map(|worker| worker.id).filter(|id| !id.ends_with(ONCE)).collect())
    }

    async fn take(&self, series: &[String]) -> Result<(), TrackerError> {
        if series.is_empty() {
            return Ok(());
        }
        let asked = Instant::now();
        for owned in self.tracker.own(self.claimer(), series).await? {
            let parsed = self.state().wanted.get(&owned.series).cloned();
            if let Some(parsed) = parsed.or_else(|| owned.series.parse().ok().map(Arc::new)) {
                self.add(parsed, u64::try_from(owned.fence).unwrap_or_default(), asked);
            }
        }
        Ok(())
    }

    fn add(&self, series: Arc<Series>, fence: u64, asked: Instant) {
        let (name, ends) = (series.to_string(), asked + self.config.lease);
        let own =
            OwnedSeries { series, fence, ends, runs: HashMap::new(), is_dirty: false, is_leaving: false };
        let is_new = self.state().owned.insert(name.clone(), own).is_none();
        if is_new {
            self.telemetry.emit(OwnershipChanged { series: &name, change: OwnershipChange::Taken });
        }
    }

    /// Asks the streams of these series to end, and no others.
    fn ask_for_live(&self, series: &[String]) {
        for (name, own) in &mut self.state().owned {
            own.is_leaving = series.contains(name);
            if own.is_leaving {
                own.runs.values().filter(|run| run.is_live).for_each(|run| run.stop.cancel());
            }
        }
    }

    /// Completes when a series that the fleet asked for is free.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Completes when the lease of another owner ends that had not renewed it when this was last looked at.
    pub(crate) async fn lapsed(&self) {
        let ends = self.state().next_end;
        let Some(ends) = ends else { return std::future::pending().await };
        tokio::time::sleep_until(ends + AFTER_END).await;
        self.state().next_end = None;
    }

    /// Gives up idle series.
    fn leave(&self, series: Vec<String>) -> Vec<String> {
        let mut left = series;
        {
            let mut state = self.state();
            left.retain(|name| state.owned.get(name).is_some_and(OwnedSeries::is_idle));
            left.iter().for_each(|name| drop(state.owned.remove(name)));
        }
        for series in &left {
            self.telemetry.emit(OwnershipChanged { series, change: OwnershipChange::GivenUp });
        }
        left
    }

    /// Records that a series was lost, and stops its runs.
    pub(crate) fn lose(&self, series: &str) {
        let Some(own) = self.state().owned.remove(series) else { return };
        own.runs.values().for_each(|run| run.stop.cancel());
        self.telemetry.emit(OwnershipChanged { series, change: OwnershipChange::Lost });
    }

    /// Decides whether a run of a series may begin; `stop` is cancelled when it must end. An unowned series is
    /// taken if the run was requested.
    pub(crate) async fn begin(
        &self,
        series: &Arc<Series>,
        stop: &CancellationToken,
        purpose: Purpose,
    ) -> Ownership {
        let is_asked = purpose == Purpose::Asked;
        if self.config.is_alone() {
            return Ownership::Alone;
        }
        let name = series.to_string();
        let lapsed = match self.state().owned.get(&name) {
            Some(own) => Instant::now() >= own.ends,
            None => is_asked || !self.config.is_daemon,
        };
        // Do not wait for an unreachable store.
        if lapsed && !self.tracker.is_store_away() {
            // If it does not answer, series that were ours stay ours.
            let _ = timeout(ASKS_WITHIN, self.ask_for(&name)).await;
        }
        match self.enter(&name, stop, purpose) {
            Some(token) => Ownership::Ours(token),
            None if is_asked => Ownership::Elsewhere(self.owner_of(&name).await),
            None => Ownership::Elsewhere(self.state().elsewhere.get(&name).cloned()),
        }
    }

    /// Renews an expired ownership, or takes an unowned series.
    async fn ask_for(&self, name: &String) -> Result<(), TrackerError> {
        let _turn = self.turn.lock().await;
        if self.state().owned.contains_key(name) {
            self.renew().await.map(drop)
        } else {
            self.take(std::slice::from_ref(name)).await
        }
    }

    fn enter(&self, name: &str, stop: &CancellationToken, purpose: Purpose) -> Option<RunToken> {
        let mut state = self.state();
        state.runs += 1;
        let number = state.runs;
        let own = state.owned.get_mut(name).filter(|own| !own.is_leaving)?;
        let (is_guarded, is_live) = (Instant::now() < own.ends, purpose == Purpose::Live);
        own.runs.insert(number, Run { stop: stop.clone(), is_live, is_guarded });
        Some(RunToken { number, fence: own.fence })
    }

    async fn owner_of(&self, name: &str) -> Option<String> {
        let asked = [name.to_owned()];
        let owners = timeout(ASKS_WITHIN, self.tracker.owners(&asked)).await.ok()?.ok()?;
        owners.into_iter().find(Owner::is_live).map(|owner| owner.worker)
    }

    /// Records the end of a run.
    pub(crate) fn end(&self, series: &Series, token: RunToken) {
        if let Some(own) = self.state().owned.get_mut(&series.to_string()) {
            own.runs.remove(&token.number);
            if own.is_leaving && own.is_idle() {
                self.freed.notify_one();
            }
        }
    }

    /// Stops runs whose ownership expires before `deadline`.
    pub(crate) fn guard(&self, deadline: Instant) {
        let state = self.state();
        let ending = state.owned.values().filter(|own| own.ends <= deadline);
        let runs = ending.flat_map(|own| own.runs.values()).filter(|run| run.is_guarded);
        runs.for_each(|run| run.stop.cancel());
    }

    /// The fence of the ownership of a series, unless it has expired.
    pub(crate) fn fence(&self, series: &Series) -> Option<u64> {
        let state = self.state();
        let own = state.owned.get(&series.to_string())?;
        (Instant::now() < own.ends).then_some(own.fence)
    }

    /// Whether this process owns a series, as far as it knows.
    pub(crate) fn has(&self, series: &Series) -> bool {
        self.config.is_alone() || self.state().owned.contains_key(&series.to_string())
    }

    /// Whether this process listens to a series.
    pub(crate) fn is_live(&self, series: &Series) -> bool {
        let state = self.state();
        state.owned.get(&series.to_string()).is_some_and(|own| own.runs.values().any(|run| run.is_live))
    }

    /// Notes whether the bucket answers.
    pub(crate) fn set_bucket_away(&self, is_away: bool) {
        self.is_bucket_away.store(is_away, Ordering::Relaxed);
    }

    /// Whether a series is among those wanted here.
    pub(crate) fn wants(&self, series: &Series) -> bool {
        self.state().wanted.contains_key(&series.to_string())
    }

    /// Whether any daemon with this configuration is to own a series.
    pub(crate) fn is_wanted(&self, series: &Series) -> bool {
        self.config.is_daemon && self.wants(series)
    }

    /// Every series this process owns.
    pub(crate) fn all(&self) -> Vec<Arc<Series>> {
        self.state().owned.values().map(|own| Arc::clone(&own.series)).collect()
    }

    /// Keeps a series from being given up while some of it is not uploaded.
    pub(crate) fn mark(&self, series: &Series, is_dirty: bool) {
        let mut state = self.state();
        state.owned.get_mut(&series.to_string()).into_iter().for_each(|own| own.is_dirty = is_dirty);
    }

    /// Raises the fence of a series above another; returns the new one, `None` if the ownership is over.
    pub(crate) async fn raise(&self, series: &Series, above: u64) -> Option<u64> {
        let (name, above) = (series.to_string(), i64::try_from(above).ok()?);
        let raising = self.tracker.raise_fence(&self.worker, &name, above);
        let raised = timeout(ASKS_WITHIN, raising).await.ok()?.ok()??;
        let fence = u64::try_from(raised).ok()?;
        self.state().owned.get_mut(&name)?.fence = fence;
        Some(fence)
    }

    /// Gives up every series.
    pub(crate) async fn disown(&self) -> Result<(), TrackerError> {
        let _turn = self.turn.lock().await;
        self.tracker.disown(&self.worker).await?;
        self.state().owned.clear();
        Ok(())
    }

    fn wanted(&self) -> Vec<String> {
        let mut wanted: Vec<String> = self.state().wanted.keys().cloned().collect();
        if !self.config.is_alone() {
            // Start workers that begin together with different series.
            let seed = crc32fast::hash(self.worker.as_bytes());
            let place = |series: &String| {
                let mut hasher = crc32fast::Hasher::new_with_initial(seed);
                hasher.update(series.as_bytes());
                hasher.finalize()
            };
            wanted.sort_by_cached_key(place);
        }
        wanted
    }

    fn claimer(&self) -> Claimer<'_> {
        Claimer { worker: &self.worker, lease: self.config.lease }
    }

    fn state(&self) -> MutexGuard<'_, OwnershipState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
