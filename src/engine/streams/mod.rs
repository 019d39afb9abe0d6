//! Live series: which are wanted, over which connections they come, and who fetches what they miss.
//!
//! One loop owns all of it. It admits a series (ownership, then the instrument its exchange lists), gives it to a
//! connection with room, and answers what the connections' listeners need. A reload adds and removes series and leaves
//! the others alone.

mod admission;
mod attempts;
mod connections;
mod end;
mod entry;
mod hourly;
mod leaving;
mod listings;
mod refill;
mod refusals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use attempts::{Attempts, Recorded, progress, settle, verdict_of};
use connections::Connections;
use entry::{Admission, Entry, EntryState, admit};
use hourly::Hourly;
use leaving::Leaving;
use listings::Listings;
use refill::{Filled, Refills};

use crate::clock::now;
use crate::config::Config;
use crate::engine::{Engine, EngineError, LiveJob};
use crate::jobs::stream::Need;
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Series;
use crate::telemetry::LiveState;
use crate::telemetry::events::{Chain, StreamRefilled, StreamRefused, StreamUncovered};
use crate::tracker::Verdict;
use crate::worker::TaskLease;

/// How often what waits is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a series is left alone whose task was cancelled, or may not be worked on.
const AFTER_CANCEL: Duration = Duration::from_secs(30);
/// How many needs may wait before listeners do.
const NEEDS: usize = 1_024;
/// How many series are admitted at a time.
const ADMITTING: usize = 8;

/// The live series of a daemon.
pub struct Streams {
    engine: Arc<Engine>,
    wanted: watch::Receiver<Arc<Vec<LiveJob>>>,
    entries: BTreeMap<Arc<Series>, Entry>,
    connections: Connections,
    needs: mpsc::Receiver<Need>,
    listings: Listings,
    admitting: JoinSet<Admission>,
    attempts: Attempts,
    leaving: Leaving,
    refills: Refills,
    hourly: Hourly,
    saving: JoinSet<()>,
}

impl Streams {
    /// Streams of everything that a configuration listens to, for a program of one's own.
    ///
    /// # Errors
    /// If an exchange's client cannot be made, or the state store cannot be read.
    pub async fn of(engine: Arc<Engine>, config: &Config) -> Result<Self, EngineError> {
        let live = LiveJob::all(config);
        engine.register(config, &LiveJob::series(&live)).await?;
        Ok(Streams::new(engine, config, watch::channel(Arc::new(live)).1))
    }

    /// Streams of the series that `wanted` holds, now and whenever it changes.
    #[must_use]
    pub fn new(engine: Arc<Engine>, config: &Config, wanted: watch::Receiver<Arc<Vec<LiveJob>>>) -> Self {
        let (sender, needs) = mpsc::channel(NEEDS);
        let connections = Connections::new(&engine, config, sender);
        Streams {
            attempts: Attempts::new(&engine),
            leaving: Leaving::new(&engine, connections.publisher()),
            connections,
            refills: Refills::new(&engine),
            hourly: Hourly::new(&engine),
            engine,
            wanted,
            entries: BTreeMap::new(),
            needs,
            listings: Listings::default(),
            admitting: JoinSet::new(),
            saving: JoinSet::new(),
        }
    }

    /// Listens until `stop`; then everything that was received is accepted.
    pub async fn run(mut self, stop: &CancellationToken) {
        self.adopt(stop);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut may_change = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.wanted.changed(), if may_change => match changed {
                    Ok(()) => self.adopt(stop),
                    Err(_) => may_change = false,
                },
                Some(need) = self.needs.recv() => self.answer(need, stop),
                Some(Ok(admission)) = self.admitting.join_next() => {
                    self.admitted(admission);
                    self.admit(stop);
                }
                Some(()) = self.listings.next() => self.admit(stop),
                Some(recorded) = self.attempts.next() => self.recorded(recorded),
                Some(series) = self.leaving.next() => self.left(&series),
                Some(filled) = self.refills.next() => self.filled(filled, stop),
                Some(()) = self.hourly.next(|series| self.engine.now_at(series)) => {}
                Some(_) = self.saving.join_next() => {}
                _ = look.tick() => self.look(stop),
            }
        }
        self.end().await;
    }

    /// Begins to want what is new and leaves what is no longer wanted.
    fn adopt(&mut self, stop: &CancellationToken) {
        let wanted = Arc::clone(&self.wanted.borrow_and_update());
        let is_wanted = |series: &Arc<Series>| wanted.iter().any(|job| job.series == *series);
        let gone: Vec<Arc<Series>> = self.entries.keys().filter(|own| !is_wanted(own)).cloned().collect();
        for series in gone {
            self.leave(&series, Verdict::GivenBack, Duration::ZERO);
            self.hourly.forget(&series);
            self.entries.remove(&series);
            if !self.leaving.has(&series) {
                self.engine.forget_live(&series);
            }
        }
        for job in wanted.iter() {
            self.entries.entry(Arc::clone(&job.series)).or_insert_with(|| {
                self.engine.live_states().want(&job.series);
                Entry::new(job.clone())
            });
        }
        self.listings.want(&self.engine, wanted.iter(), stop);
    }

    /// Leaves what is over or paused, records sessions, and admits what is due.
    fn look(&mut self, stop: &CancellationToken) {
        self.leave_what_is_over();
        self.leave_what_is_paused();
        self.record();
        self.admit(stop);
        self.refills.look(stop);
        let placed = self.entries.values().filter(|entry| matches!(entry.state, EntryState::Placed { .. }));
        for entry in placed {
            self.hourly.look(&entry.job, self.engine.now_at(&entry.job.series), stop);
        }
    }

    /// Begins to admit what is due, as far as there is room.
    fn admit(&mut self, stop: &CancellationToken) {
        let at = Instant::now();
        for (series, entry) in &mut self.entries {
            if self.admitting.len() >= ADMITTING {
                break;
            }
            let is_due = entry.is_due(at, || self.engine.fleet().has(series));
            let is_busy = self.leaving.has(series)
                || self.attempts.is_recording(series)
                || self.listings.is_pending(series);
            if !is_due || is_busy || self.engine.is_paused(series) {
                continue;
            }
            entry.state = EntryState::Admitting;
            let (engine, job, stop) = (Arc::clone(&self.engine), entry.job.clone(), stop.clone());
            self.admitting.spawn(async move {
                let result = admit(&engine, &job, &stop).await;
                Admission { series: job.series, result }
            });
        }
    }

    /// Leaves series that are no longer ours, whose task was cancelled, or whose contract has expired.
    fn leave_what_is_over(&mut self) {
        let is_over = |(series, entry): &(&Arc<Series>, &Entry)| entry.is_over(self.engine.now_at(series));
        let over = self.entries.iter().filter(is_over);
        let over: Vec<_> = over.map(|(series, entry)| (Arc::clone(series), entry.is_cancelled())).collect();
        for (series, is_cancelled) in over {
            let (verdict, wait) = match is_cancelled {
                true => (Verdict::Cancelled { again_at: Some(now() + AFTER_CANCEL) }, AFTER_CANCEL),
                false => (Verdict::GivenBack, Duration::ZERO),
            };
            let why = if is_cancelled { "cancelled for now" } else { "ended" };
            self.engine.live_states().show(&series, LiveState::Off, Some(why));
            self.leave(&series, verdict, wait);
        }
    }

    fn leave_what_is_paused(&mut self) {
        let paused = self.entries.keys().filter(|series| self.engine.is_paused(series));
        let paused: Vec<Arc<Series>> = paused.cloned().collect();
        for series in paused {
            self.engine.live_states().show(&series, LiveState::Off, Some("paused"));
            if self.entries.get(&series).is_some_and(Entry::is_placed) {
                self.leave(&series, Verdict::GivenBack, Duration::ZERO);
            }
        }
    }

    /// Has tasks tell how their series stand, and records sessions that ended.
    fn record(&mut self) {
        for (series, entry) in &mut self.entries {
            let EntryState::Placed { held, .. } = &mut entry.state else { continue };
            if let Some((lease, status)) = held.lease.as_ref().zip(self.engine.live_states().of(series)) {
                lease.report(progress(&status));
            }
            let is_unclaimed = held.lease.is_none() && !self.engine.database().is_away();
            let is_due = !held.is_recording && (self.attempts.is_due(series) || is_unclaimed);
            if is_due && self.attempts.has_room() {
                held.is_recording = true;
                self.attempts.record(series, held.lease.take(), &held.permit.stop);
            }
        }
    }

    fn recorded(&mut self, Recorded { series, begun }: Recorded) {
        let held = self.entries.get_mut(&series).and_then(Entry::held).filter(|held| held.is_recording);
        match (held, begun) {
            (Some(held), Ok(lease)) => (held.lease, held.is_recording) = (lease, false),
            (Some(_), Err(refusal)) => {
                let error = RunErrorKind::Refused(refusal).of(&series);
                self.engine.live_states().show(&series, LiveState::Off, Some(&Chain(&error).to_string()));
                self.leave(&series, Verdict::GivenBack, AFTER_CANCEL);
            }
            (None, Ok(Some(lease))) => self.settle(lease, Verdict::GivenBack),
            (None, _) => {}
        }
    }

    /// Answers what a listener needs.
    fn answer(&mut self, need: Need, stop: &CancellationToken) {
        match need {
            Need::Refill { series, until } => self.refills.want(&series, until, stop),
            Need::Check { series } => self.refills.check(&series, stop),
            Need::Save { series } => self.save(&series),
            Need::Refused { series, words } => {
                let error = RunErrorKind::NotLive { words: words.clone() }.of(&series);
                self.refused(&series, &words, &error, None);
            }
            Need::Ended { series, fault } => {
                self.attempts.ended(&series, fault);
                self.save(&series);
            }
        }
    }

    /// A refill or a check ended. A topic whose exchange had newer rows than it sent is subscribed anew.
    fn filled(&mut self, filled: Filled, stop: &CancellationToken) {
        let Filled { series, until, newest, rows, is_check, is_done } = filled;
        if is_done && !is_check {
            self.engine.telemetry().emit(StreamRefilled { series: &series, rows, windows: 1 });
        }
        let entry = self.entries.get(&series);
        if let Some(EntryState::Placed { place, .. }) = entry.map(|entry| &entry.state) {
            if is_done && self.connections.is_missing(place, until) && !is_check {
                // Rows so new that the exchange may still add some are not proven yet.
                self.refills.want_later(&series, until);
            } else if is_done {
                self.refills.settled(&series);
            }
            if is_check && self.connections.is_behind(place, newest) {
                let why = Some("the exchange has newer rows than it sends");
                self.engine.live_states().show(&series, LiveState::Stale, why);
                self.connections.subscribe_anew(place);
            }
        }
        self.refills.look(stop);
    }

    fn refused(&mut self, series: &Arc<Series>, words: &str, error: &RunError, lease: Option<TaskLease>) {
        let entry = self.entries.get_mut(series);
        let wait = entry.map_or(Duration::ZERO, |entry| entry.refusals.next(Instant::now()));
        let verdict = verdict_of(error, now() + wait);
        self.engine.live_states().show(series, LiveState::Refused, Some(words));
        lease.into_iter().for_each(|lease| self.settle(lease, verdict.clone()));
        self.leave(series, verdict, wait);
        self.engine.telemetry().emit(StreamRefused { series, words });
        self.fail(series, error);
    }

    /// Stops listening to a series; what was accepted of it is published, and handed over in a fleet.
    fn leave(&mut self, series: &Arc<Series>, verdict: Verdict, wait: Duration) {
        let Some(entry) = self.entries.get_mut(series) else { return };
        if let EntryState::Placed { place, held } =
            std::mem::replace(&mut entry.state, EntryState::waiting(wait))
        {
            let topic = self.connections.leave(&place);
            self.leaving.begin(series, topic, held, verdict, true);
        }
        self.attempts.forget(series);
        self.refills.forget(series);
    }

    /// A series was left: its state goes with it if it is no longer wanted.
    fn left(&mut self, series: &Arc<Series>) {
        if !self.entries.contains_key(series) {
            self.engine.forget_live(series);
        }
    }

    fn wait(&mut self, series: &Series, wait: Duration) {
        self.set(series, EntryState::waiting(wait));
    }

    fn set(&mut self, series: &Series, state: EntryState) {
        if let Some(entry) = self.entries.get_mut(series) {
            entry.state = state;
        }
    }

    fn settle(&mut self, lease: TaskLease, verdict: Verdict) {
        let engine = Arc::clone(&self.engine);
        self.saving.spawn(async move { settle(&engine, lease, verdict).await });
    }

    /// Counts a failure of a series before any connection carried it.
    fn fail(&mut self, series: &Arc<Series>, error: &RunError) {
        let (reason, words) = (error.reason(), Chain(error).to_string());
        self.engine.live_states().explain(series, &words);
        self.engine.telemetry().emit(StreamUncovered { series, reason, error: &words });
        self.save(series);
    }

    /// Saves the health of a series, so that it survives restarts.
    fn save(&mut self, series: &Arc<Series>) {
        let (engine, series) = (Arc::clone(&self.engine), Arc::clone(series));
        self.saving.spawn(async move { engine.save_health(&series).await });
    }
}
