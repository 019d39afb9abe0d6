//! This process as a worker of the tracker: what it holds, the loop that renews it, and its signs of life.
//!
//! A task is dropped before its lease can end, by this process's own monotonic clock, also where the store
//! does not answer: nobody else can have begun on it then.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::atomic;
use crate::daemon::census::Census;
use crate::daemon::fleet::{Manner, ONCE, Owned};
use crate::daemon::site::now;
use crate::daemon::watchdog::Rounds;
use crate::daemon::{Job, Rhythm};
use crate::model::Micros;
use crate::telemetry::Telemetry;
use crate::tracker::{
    Beat, Claim, Claimer, Held, NewTask, Refusal, Retention, Start, Tracker, TrackerError, Verdict,
};

/// The most time between two signs of life.
const BEAT: Duration = Duration::from_secs(10);
/// How often leases are looked at, and those of dead workers taken.
const ROUND: Duration = Duration::from_secs(1);
/// How often counts are folded and workers are looked at.
const COUNT: Duration = Duration::from_secs(10);
/// How often old tasks are forgotten, and every row is counted.
const TIDY: Duration = Duration::from_secs(3_600);
const RECOUNT: Duration = Duration::from_secs(86_400);
/// How long the end may wait for the store.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
/// How long a run may wait for the store before it begins without it.
pub(super) const TAKES_WITHIN: Duration = Duration::from_secs(5);
/// Ends that the store did not take; more are dropped, and their tasks then end as lost leases.
const UNSETTLED: usize = 1_000;

/// What a worker is told about itself.
pub(super) struct Terms {
    /// The configured name, if there is one.
    pub(super) id: Option<String>,
    pub(super) slots: u32,
    pub(super) lease: Duration,
    pub(super) retention: Retention,
    /// Nobody else has jobs in this store, so those that are configured no more wait for nobody.
    pub(super) is_alone: bool,
    /// Others can take its series over, so it owns its share of them.
    pub(super) is_spread: bool,
    /// It runs jobs by itself, and not only what it is told to.
    pub(super) is_daemon: bool,
}

/// This process as a worker.
pub(super) struct Worker {
    tracker: Tracker,
    terms: Terms,
    name: String,
    place: String,
    began: Micros,
    hand: Arc<Hand>,
    owned: Arc<Owned>,
    /// Series of the configuration in force whose jobs come again by themselves.
    recurring: Mutex<BTreeSet<String>>,
    /// There may be rows of jobs that are configured no more.
    is_untidy: AtomicBool,
    unsettled: Mutex<Vec<(Claim, Verdict)>>,
    census: Census,
    rounds: Rounds,
}

/// What a worker has in hand.
#[derive(Default)]
struct Hand {
    held: Mutex<HashMap<String, Holding>>,
    /// Work that broke off without an end: its leases are not renewed, and end by themselves.
    has_dropped: AtomicBool,
}

/// A task in hand, as the loops see it.
struct Holding {
    fence: i64,
    ends: Instant,
    stop: CancellationToken,
    is_cancelled: Arc<AtomicBool>,
}

/// A task in hand, as its work sees it.
pub(super) struct Hold {
    claim: Claim,
    is_cancelled: Arc<AtomicBool>,
    hand: Arc<Hand>,
    is_settled: bool,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = lock(&self.hand.held);
        if held.get(&self.claim.id).is_some_and(|holding| holding.fence == self.claim.fence) {
            held.remove(&self.claim.id);
        }
        if !self.is_settled {
            self.hand.has_dropped.store(true, Ordering::Relaxed);
        }
    }
}

impl Hold {
    /// Whether somebody asked for the work to stop.
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// The worker of a data path, whose lock this process holds: what earlier processes of the place held is
    /// taken from them at once.
    pub(super) async fn enter(
        tracker: Tracker,
        own: &Path,
        terms: Terms,
        telemetry: &Telemetry,
    ) -> Result<Arc<Self>, TrackerError> {
        let (host, began) = (host(), now());
        let name = terms.id.clone().unwrap_or_else(|| host.clone());
        let once = if terms.is_daemon { "" } else { ONCE };
        let name = format!("{name}:{}:{:x}{once}", std::process::id(), began.0);
        let manner = Manner {
            worker: name.clone(),
            lease: terms.lease,
            is_shared: !terms.is_alone,
            is_spread: terms.is_spread,
            is_daemon: terms.is_daemon,
        };
        let worker = Worker {
            owned: Arc::new(Owned::new(tracker.clone(), telemetry.clone(), manner)),
            name,
            place: format!("{host}:{}", place_id(own)),
            tracker,
            terms,
            began,
            hand: Arc::default(),
            recurring: Mutex::default(),
            is_untidy: AtomicBool::default(),
            unsettled: Mutex::default(),
            census: Census::default(),
            rounds: Rounds::default(),
        };
        worker.beat(Duration::ZERO).await?;
        worker.tracker.reap_place(&worker.place, &worker.name).await?;
        worker.tracker.disown_place(&worker.place, &worker.name).await?;
        Ok(Arc::new(worker))
    }

    /// Grows while the loop goes round.
    pub(super) fn rounds(&self) -> Rounds {
        Arc::clone(&self.rounds)
    }

    /// The series that are its own.
    pub(super) fn owned(&self) -> &Arc<Owned> {
        &self.owned
    }

    /// Its name, where others work in the same store.
    pub(super) fn shared_name(&self) -> Option<&str> {
        self.owned.is_shared().then_some(self.name.as_str())
    }

    /// Where its tasks are.
    pub(super) fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What the store last said of its queues.
    pub(super) fn census(&self) -> &Census {
        &self.census
    }

    fn claimer(&self) -> Claimer<'_> {
        Claimer { worker: &self.name, lease: self.terms.lease }
    }

    /// Jobs that this process works on from now on: their series are its own as soon as nobody else owns them, and
    /// what it worked on before and does no more is anybody's once that lease has ended.
    pub(super) fn want(&self, jobs: &[Job]) {
        let recurring = jobs.iter().filter(|job| !matches!(job.rhythm, Rhythm::OnDemand));
        *lock(&self.recurring) = recurring.map(|job| job.series().to_string()).collect();
        self.owned.want(jobs.iter().map(|job| Arc::clone(job.series())));
        self.let_go();
    }

    /// The work on a job that is configured no more has ended.
    pub(super) fn let_go(&self) {
        self.is_untidy.store(true, Ordering::Relaxed);
    }

    /// Forgets the rows of jobs that nobody runs any more.
    pub(super) async fn forget_gone(&self) -> Result<(), TrackerError> {
        if !self.terms.is_alone || !self.is_untidy.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let recurring = lock(&self.recurring).clone();
        let forgotten = self.tracker.forget_jobs(&recurring).await;
        if forgotten.is_err() {
            self.let_go();
        }
        forgotten.map(|_| ())
    }

    /// Takes the one task of a recurring job in hand, planning it first where it is not known. `stop` is
    /// cancelled when the work must stop.
    pub(super) async fn take(&self, new: &NewTask, stop: &CancellationToken) -> Result<Hold, TrackerError> {
        match self.take_by_id(&new.id, stop).await {
            Err(TrackerError::Refused(Refusal::NotFound { .. })) => {
                self.tracker.enqueue(new).await?;
                self.take_by_id(&new.id, stop).await
            }
            taken => taken,
        }
    }

    /// Takes every task in hand that stands for a window, planning what no task stands for.
    pub(super) async fn take_window(
        &self,
        new: &NewTask,
        stop: &CancellationToken,
    ) -> Result<Vec<Hold>, TrackerError> {
        let planned = self.tracker.enqueue(new).await?;
        let mut taken = Vec::new();
        for id in planned.open.iter().chain(&planned.waiting) {
            match self.take_by_id(id, stop).await {
                Ok(hold) => taken.push(hold),
                Err(error) => {
                    self.settle_all(taken, &Verdict::GivenBack).await;
                    return Err(error);
                }
            }
        }
        match planned.blocked.first().filter(|_| taken.is_empty()) {
            Some(id) => self.take_by_id(id, stop).await.map(|hold| vec![hold]),
            None => Ok(taken),
        }
    }

    /// Takes a task in hand that waits; one that is done meanwhile is not done again.
    pub(super) async fn take_waiting(
        &self,
        id: &str,
        stop: &CancellationToken,
    ) -> Result<Hold, TrackerError> {
        let asked = Instant::now();
        let claim = self.tracker.claim_by_id(id, &Start::new(&self.name, self.terms.lease)).await?;
        Ok(self.hold(claim, asked, stop))
    }

    async fn take_by_id(&self, id: &str, stop: &CancellationToken) -> Result<Hold, TrackerError> {
        let start = Start { rerun: true, ..Start::new(&self.name, self.terms.lease) };
        let asked = Instant::now();
        let claim = match self.tracker.claim_by_id(id, &start).await {
            // A run that broke off left it: it is in nobody's hand.
            Err(TrackerError::Refused(Refusal::TaskLocked { worker, .. }))
                if worker == self.name && !lock(&self.hand.held).contains_key(id) =>
            {
                self.tracker.claim_by_id(id, &Start { ignore_lock: true, ..start }).await?
            }
            claimed => claimed?,
        };
        Ok(self.hold(claim, asked, stop))
    }

    fn hold(&self, claim: Claim, asked: Instant, stop: &CancellationToken) -> Hold {
        let (ends, is_cancelled) = (asked + self.terms.lease, Arc::new(AtomicBool::new(false)));
        let holding =
            Holding { fence: claim.fence, ends, stop: stop.clone(), is_cancelled: Arc::clone(&is_cancelled) };
        lock(&self.hand.held).insert(claim.id.clone(), holding);
        Hold { claim, is_cancelled, hand: Arc::clone(&self.hand), is_settled: false }
    }

    /// Ends the work on a task. What the store does not take now it is given again later.
    pub(super) async fn settle(&self, mut hold: Hold, verdict: Verdict) {
        hold.is_settled = true;
        if !self.tracker.is_store_away() {
            match self.tracker.settle(&hold.claim, &verdict, None).await {
                Ok(_) => return,
                Err(TrackerError::Refused(refusal)) => return tracing::warn!("{refusal}"),
                Err(TrackerError::Store(_)) => {}
            }
        }
        let mut unsettled = lock(&self.unsettled);
        if unsettled.len() < UNSETTLED {
            unsettled.push((hold.claim.clone(), verdict));
        }
    }

    /// Ends the work on several tasks alike.
    pub(super) async fn settle_all(&self, holds: Vec<Hold>, verdict: &Verdict) {
        for hold in holds {
            self.settle(hold, verdict.clone()).await;
        }
    }

    /// Ends work that nobody wants any more. A task that was tried before is somebody else's too, and stays.
    pub(super) async fn withdraw_all(&self, holds: Vec<Hold>) {
        for mut hold in holds {
            if hold.claim.attempts_total > 1 {
                self.settle(hold, Verdict::GivenBack).await;
                continue;
            }
            hold.is_settled = true;
            match self.tracker.withdraw(&hold.claim).await {
                Ok(()) => {}
                Err(TrackerError::Refused(refusal)) => tracing::warn!("{refusal}"),
                Err(TrackerError::Store(_)) => self.settle(hold, Verdict::GivenBack).await,
            }
        }
    }

    /// Renews, beats and tidies until `stop`.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let loops =
            async { tokio::join!(self.guard(), self.renewing(), self.housekeeping(), self.tidying()) };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = loops => {}
        }
    }

    /// Ends in good order: what it owned is free, and its row is gone. Where work broke off the row stays, so
    /// that the next process of the place finds what this one held.
    pub(super) async fn leave(&self) {
        let leaving = async {
            self.settle_late().await;
            self.owned.disown().await?;
            let is_empty = lock(&self.unsettled).is_empty() && !self.hand.has_dropped.load(Ordering::Relaxed);
            if is_empty {
                self.tracker.leave(&self.name).await?;
            }
            Ok::<(), TrackerError>(())
        };
        // What failed was told; the leases then end by themselves.
        let _ = timeout(LEAVES_WITHIN, leaving).await;
    }

    /// Drops work whose lease is about to end.
    async fn guard(&self) {
        let mut ticks = ticks(ROUND);
        loop {
            ticks.tick().await;
            self.rounds.fetch_add(1, Ordering::Relaxed);
            let deadline = Instant::now() + ROUND + self.margin();
            let held = lock(&self.hand.held);
            held.values()
                .filter(|holding| holding.ends <= deadline)
                .for_each(|holding| holding.stop.cancel());
            drop(held);
            self.owned.guard(deadline);
        }
    }

    /// Renews what it holds and owns, and shows that it lives.
    async fn renewing(&self) {
        let every = (self.terms.lease / 3).min(BEAT);
        let mut ticks = ticks(every);
        loop {
            let due = ticks.tick().await;
            let lag = Instant::now().saturating_duration_since(due);
            let round = async {
                self.renew().await?;
                self.beat(lag).await?;
                self.own().await?;
                self.settle_late().await;
                Ok::<(), TrackerError>(())
            };
            // What failed was told; a store that does not answer is asked again in the next round.
            let _ = timeout(every, round).await;
        }
    }

    async fn renew(&self) -> Result<(), TrackerError> {
        let asked = Instant::now();
        let held: Vec<Held> = lock(&self.hand.held)
            .iter()
            .map(|(id, holding)| Held { id: id.clone(), fence: holding.fence, data: None })
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let renewed = self.tracker.renew(self.claimer(), &held).await?;
        let answers: HashMap<&str, bool> =
            renewed.iter().map(|renewed| (renewed.id.as_str(), renewed.cancel_requested)).collect();
        let mut holdings = lock(&self.hand.held);
        for Held { id, fence, .. } in &held {
            let Some(holding) = holdings.get_mut(id).filter(|holding| holding.fence == *fence) else {
                continue;
            };
            match answers.get(id.as_str()) {
                Some(false) => holding.ends = asked + self.terms.lease,
                Some(true) => {
                    holding.is_cancelled.store(true, Ordering::Relaxed);
                    holding.stop.cancel();
                }
                None => holding.stop.cancel(),
            }
        }
        Ok(())
    }

    async fn beat(&self, lag: Duration) -> Result<(), TrackerError> {
        let held = u32::try_from(lock(&self.hand.held).len()).unwrap_or(u32::MAX);
        let beat = Beat {
            worker: &self.name,
            place: &self.place,
            started_at: self.began,
            slots: self.terms.slots,
            held,
            lag,
            rss_bytes: rss_bytes(),
        };
        self.tracker.beat(&beat).await
    }

    /// Renews what it owns, and owns what has become free.
    pub(super) async fn own(&self) -> Result<(), TrackerError> {
        self.owned.round().await
    }

    /// Gives the store the ends it could not take before.
    async fn settle_late(&self) {
        loop {
            let Some((claim, verdict)) = lock(&self.unsettled).pop() else { return };
            if let Err(TrackerError::Store(_)) = self.tracker.settle(&claim, &verdict, None).await {
                lock(&self.unsettled).push((claim, verdict));
                return;
            }
        }
    }

    /// Takes the tasks of dead workers, forgets jobs that are gone, and counts.
    async fn housekeeping(&self) {
        let (mut rounds, mut counted) = (ticks(ROUND), None::<Instant>);
        let mut clock = (now(), Instant::now());
        loop {
            rounds.tick().await;
            // By a clock that was set forward our own leases may be over before we could renew them by it.
            let shown = std::mem::replace(&mut clock, (now(), Instant::now()));
            let passed = clock.1.duration_since(shown.1);
            if clock.0.since(shown.0 + passed) > ROUND && self.renew().await.is_err() {
                continue;
            }
            if self.tracker.reap().await.is_err() {
                continue;
            }
            self.tracker.store_answered();
            if counted.is_none_or(|at| at.elapsed() >= COUNT) {
                counted = Some(Instant::now());
                let _ = self.forget_gone().await;
                let _ = self.tracker.fold_counts().await;
                let _ = self.tracker.workers().await;
            }
            self.census.take(&self.tracker).await;
        }
    }

    async fn tidying(&self) {
        let (mut rounds, mut recounted) = (ticks(TIDY), Instant::now());
        loop {
            rounds.tick().await;
            let _ = self.tracker.prune(&self.terms.retention).await;
            if recounted.elapsed() >= RECOUNT {
                recounted = Instant::now();
                let _ = self.tracker.recount().await;
            }
        }
    }

    fn margin(&self) -> Duration {
        (self.terms.lease / 10).min(Duration::from_secs(5))
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of this host; containers have one of their own.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

/// What tells a data path from all others: a number drawn once, in a file of its own.
fn place_id(own: &Path) -> String {
    let path = own.join("place");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if known.trim().len() == 16 {
        return known.trim().to_owned();
    }
    let mut bytes = [0_u8; 8];
    let drawn = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
    let id = if drawn.is_ok() { u64::from_ne_bytes(bytes) } else { now().0.unsigned_abs() };
    let id = format!("{id:016x}");
    if let Err(error) = atomic::replace(&path, format!("{id}\n").as_bytes()) {
        tracing::warn!(%error, "{} cannot be written: after a crash tasks wait for their leases to end", path.display());
    }
    id
}

fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * rustix::param::page_size() as u64
}
