//! Live series: which are wanted, over which connections they come, and who fetches what they miss.
//!
//! One loop owns all of it. It admits a series (ownership, then the instrument its exchange lists), gives it to a
//! connection with room, and answers what the connections' listeners need. A reload adds and removes series and leaves
//! the others alone.

mod admission;
mod anew;
mod attempts;
mod audits;
mod back_off;
mod books;
mod check_budget;
mod connections;
mod end;
mod entry;
mod hourly;
mod leaving;
mod listings;
mod over;
mod refill;
mod whole_books;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use attempts::{Attempts, Recorded, progress, settle, verdict_of};
use audits::Audits;
use books::Books;
#[cfg(test)]
use connections::Part;
use connections::{Connections, Place};
use entry::{Admitted, Entry, EntryState, NotAdmitted};
use hourly::Hourly;
use leaving::Leaving;
use listings::Listings;
use refill::{Asked, Filled, Refills};

use crate::clock::now;
use crate::config::Config;
use crate::engine::{Engine, EngineError, LiveJob};
use crate::jobs::stream::{Need, Tasks};
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

/// The live series of a daemon.
pub struct Streams {
    engine: Arc<Engine>,
    wanted: watch::Receiver<Arc<Vec<LiveJob>>>,
    entries: BTreeMap<Arc<Series>, Entry>,
    connections: Connections,
    needs: mpsc::Receiver<Need>,
    listings: Listings,
    admitting: Tasks<Arc<Series>, Result<Admitted, NotAdmitted>>,
    attempts: Attempts,
    leaving: Leaving,
    refills: Refills,
    books: Books,
    audits: Audits,
    hourly: Hourly,
    saving: Tasks<Arc<Series>, ()>,
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
            books: Books::new(&engine),
            audits: Audits::new(&engine),
            hourly: Hourly::new(&engine),
            engine,
            wanted,
            entries: BTreeMap::new(),
            needs,
            listings: Listings::new(),
            admitting: Tasks::new("admitting a live series"),
            saving: Tasks::new("saving the state of a live series"),
        }
    }

    /// Has quiet series doubted after so many times shorter pauses, and books compared so many times as often.
    #[doc(hidden)]
    #[must_use]
    pub fn hastened(mut self, times: u32) -> Self {
        self.connections.quiet = self.connections.quiet.hastened(times);
        self.audits.hastened(times);
        self
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
                Some((series, ended)) = self.admitting.next() => {
                    self.admitted(series, ended);
                    self.admit(stop);
                }
                Some(connection) = self.connections.next_broken() => self.broken(connection),
                Some(()) = self.listings.next() => self.admit(stop),
                Some(recorded) = self.attempts.next() => self.recorded(recorded),
                Some(series) = self.leaving.next() => self.left(&series),
                Some(filled) = self.refills.next() => self.filled(filled, stop),
                Some((series, rows)) = self.books.next(stop) => {
                    self.give_book(&series, rows);
                    self.admit(stop);
                }
                Some(answer) = self.audits.next() => {
                    self.give_audit(answer);
                    self.audit(stop);
                }
                Some(()) = self.hourly.next(|series| self.engine.now_at(series)) => {}
                Some(_) = self.saving.next() => {}
                _ = look.tick() => self.look(stop),
            }
        }
        self.end().await;
    }

    /// Begins to want what is new and leaves what is no longer wanted.
    fn adopt(&mut self, stop: &CancellationToken) {
        let wanted = Arc::clone(&self.wanted.borrow_and_update());
        // Other rows of a book are another job.
        let is_wanted = |entry: &Entry| wanted.contains(&entry.job);
        let gone = self.entries.iter().filter(|(_, entry)| !is_wanted(entry));
        let gone: Vec<Arc<Series>> = gone.map(|(series, _)| Arc::clone(series)).collect();
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
        self.want(&wanted, stop);
    }

    /// Leaves what is over or paused, records sessions, and admits what is due.
    fn look(&mut self, stop: &CancellationToken) {
        self.leave_what_is_over();
        self.leave_what_is_paused();
        self.record();
        self.admit(stop);
        for (series, until) in self.refills.left() {
            if self.place(&series).is_some_and(|place| !self.connections.is_missing(place, until)) {
                self.refills.came(&series);
            }
        }
        self.refills.look(stop);
        self.audit(stop);
        let placed = self.entries.values().filter(|entry| matches!(entry.state, EntryState::Placed { .. }));
        for entry in placed {
            self.hourly.look(&entry.job, self.engine.now_at(&entry.job.series), stop);
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
            (None, Ok(Some(lease))) => self.settle(&series, lease, Verdict::GivenBack),
            (None, _) => {}
        }
    }

    /// Answers what a listener needs.
    fn answer(&mut self, need: Need, stop: &CancellationToken) {
        match need {
            Need::Refill { series, until } => self.refills.want(&series, until, stop),
            Need::Check { series } => {
                let from = self.place(&series).map(|place| self.connections.settled_until(place));
                from.into_iter().for_each(|from| self.refills.check(&series, from, stop));
            }
            Need::Book { series, levels } => self.books.want(&series, levels, stop),
            Need::DeeperBook { series, levels } => self.audits.deepen(&series, levels),
            Need::AuditAgain { series } => self.audits.again(&series),
            Need::Audit { series } => self.audits.want(&series, Instant::now()),
            Need::BookLost { series } => self.lose_book(&series),
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

    /// Where a series is listened to.
    fn place(&self, series: &Series) -> Option<&Place> {
        match &self.entries.get(series)?.state {
            EntryState::Placed { place, .. } => Some(place),
            EntryState::Waiting { .. } | EntryState::Admitting => None,
        }
    }

    /// A refill or a check ended. A topic whose exchange had newer rows than it sent is subscribed anew.
    fn filled(&mut self, filled: Filled, stop: &CancellationToken) {
        let Filled { asked: Asked { series, until, is_check }, newest, rows, windows, is_done, .. } = filled;
        let mut is_behind = false;
        if let Some(place) = &self.place(&series).cloned() {
            match until.filter(|_| is_done) {
                // Rows so new that the exchange may still add some are not proven yet.
                Some(until) if self.connections.is_missing(place, until) => {
                    self.refills.want_later(&series, until);
                }
                Some(_) => self.refills.settled(&series),
                None => {}
            }
            is_behind = is_check && self.connections.is_behind(place, newest);
            if is_behind {
                self.begin_anew(&series, place);
            }
        }
        if windows > 0 || (rows > 0 && (until.is_some() || is_behind)) {
            self.engine.telemetry().emit(StreamRefilled { series: &series, rows, windows });
        }
        self.refills.look(stop);
    }

    /// A connection broke off: its series are listened to anew, after a wait.
    fn broken(&mut self, connection: u64) {
        let is_carried = |entry: &Entry| match &entry.state {
            EntryState::Placed { place, .. } => place.connection() == connection,
            EntryState::Waiting { .. } | EntryState::Admitting => false,
        };
        let carried = self.entries.iter().filter(|(_, entry)| is_carried(entry));
        let carried: Vec<Arc<Series>> = carried.map(|(series, _)| Arc::clone(series)).collect();
        for series in carried {
            let reason = "what carried it broke off".to_owned();
            let error = RunErrorKind::Broken { reason }.of(&series);
            let wait = self.back_off(&series);
            self.engine.live_states().show(&series, LiveState::Connecting, None);
            self.leave(&series, verdict_of(&error, now() + wait), wait);
            self.fail(&series, &error);
        }
        self.connections.close(connection);
    }

    fn refused(&mut self, series: &Arc<Series>, words: &str, error: &RunError, lease: Option<TaskLease>) {
        let entry = self.entries.get_mut(series);
        let wait = entry.map_or(Duration::ZERO, |entry| entry.refusals.next(Instant::now()));
        let verdict = verdict_of(error, now() + wait);
        self.engine.live_states().show(series, LiveState::Refused, Some(words));
        lease.into_iter().for_each(|lease| self.settle(series, lease, verdict.clone()));
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
        self.books.forget(series);
        self.audits.forget(series);
    }

    /// A series was left: its state goes with it if it is no longer wanted.
    fn left(&mut self, series: &Arc<Series>) {
        if !self.entries.contains_key(series) {
            self.engine.forget_live(series);
        }
    }

    /// Where a series is listened to.
    fn wait(&mut self, series: &Series, wait: Duration) {
        self.set(series, EntryState::waiting(wait));
    }

    fn set(&mut self, series: &Series, state: EntryState) {
        if let Some(entry) = self.entries.get_mut(series) {
            entry.state = state;
        }
    }

    fn settle(&mut self, series: &Arc<Series>, lease: TaskLease, verdict: Verdict) {
        let engine = Arc::clone(&self.engine);
        self.saving.spawn(Arc::clone(series), async move { settle(&engine, lease, verdict).await });
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
        let (engine, own) = (Arc::clone(&self.engine), Arc::clone(series));
        self.saving.spawn(Arc::clone(series), async move { engine.save_health(&own).await });
    }
}

#[cfg(test)]
mod tests;
