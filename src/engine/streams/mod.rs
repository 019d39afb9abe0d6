//! Live series: which are wanted, over which connections they come, and who fetches what they miss.
//!
//! One loop owns all of it. It admits a series (ownership, then the instrument its exchange lists), gives it to a
//! connection with room, and answers what the connections' listeners need. A reload adds and removes series and leaves
//! the others alone.

mod connections;
mod entry;
mod hourly;
mod listings;
mod refill;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use connections::Connections;
use entry::{Admitted, Entry, EntryState, admit};
use hourly::Hourly;
use listings::Listings;
use refill::{Filled, Refills};

use crate::config::Config;
use crate::engine::{Engine, LiveJob};
use crate::jobs::stream::{Need, is_unlisted};
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Series;
use crate::telemetry::LiveState;
use crate::telemetry::events::{Chain, StreamRefilled, StreamRefused, StreamState, StreamUncovered};

/// How often what waits is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The first wait after a series could not be admitted; it doubles up to the longest.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
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
    admitting: JoinSet<(Arc<Series>, Result<Admitted, RunError>)>,
    refills: Refills,
    hourly: Hourly,
    saving: JoinSet<()>,
}

impl Streams {
    /// Streams of the series that `wanted` holds, now and whenever it changes.
    #[must_use]
    pub fn new(engine: Arc<Engine>, config: &Config, wanted: watch::Receiver<Arc<Vec<LiveJob>>>) -> Self {
        let (sender, needs) = mpsc::channel(NEEDS);
        Streams {
            connections: Connections::new(&engine, config, sender),
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
                Some(Ok((series, admitted))) = self.admitting.join_next() => {
                    self.admitted(&series, admitted);
                    self.admit(stop);
                }
                Some(()) = self.listings.next() => self.admit(stop),
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
            self.leave(&series);
            self.hourly.forget(&series);
            self.entries.remove(&series);
        }
        for job in wanted.iter() {
            self.entries.entry(Arc::clone(&job.series)).or_insert_with(|| {
                self.engine.telemetry().metrics().declare_stream(&job.series);
                Entry::new(job.clone())
            });
        }
        self.listings.want(&self.engine, wanted.iter(), stop);
    }

    /// Admits what is due, and leaves series that are no longer ours or whose contract has expired.
    fn look(&mut self, stop: &CancellationToken) {
        let over: Vec<Arc<Series>> = {
            let over =
                self.entries.iter().filter(|(series, entry)| entry.is_over(self.engine.now_at(series)));
            over.map(|(series, _)| Arc::clone(series)).collect()
        };
        over.iter().for_each(|series| self.leave(series));
        let paused: Vec<Arc<Series>> =
            self.entries.keys().filter(|series| self.engine.is_paused(series)).cloned().collect();
        paused.iter().for_each(|series| self.leave(series));
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
            let is_waiting = self.listings.is_pending(series) || self.engine.is_paused(series);
            if is_waiting || !entry.is_due(at) {
                continue;
            }
            entry.state = EntryState::Admitting;
            // A refused one is shown as that until it has its place again.
            if !entry.refusals.were_any() {
                self.engine.telemetry().emit(StreamState { series, state: LiveState::Connecting });
            }
            let (engine, job, stop) = (Arc::clone(&self.engine), entry.job.clone(), stop.clone());
            self.admitting.spawn(async move {
                let admitted = admit(&engine, &job, &stop).await;
                (job.series, admitted)
            });
        }
    }

    fn admitted(&mut self, series: &Arc<Series>, admitted: Result<Admitted, RunError>) {
        // One that was left meanwhile is admitted anew.
        let entry = self.entries.get_mut(series).filter(|entry| matches!(entry.state, EntryState::Admitting));
        let Some(entry) = entry else { return };
        match admitted {
            Ok(admitted) => {
                entry.failed = 0;
                let (held, topic) = admitted.parts();
                entry.state = match self.connections.place(topic) {
                    Ok(place) => {
                        self.engine.telemetry().emit(StreamState { series, state: LiveState::Connecting });
                        EntryState::Placed { place, held }
                    }
                    Err(words) => {
                        self.refused(series, &words);
                        return;
                    }
                };
            }
            Err(error) if error.is_stop() || matches!(error.kind, RunErrorKind::NotOwner { .. }) => {
                entry.state = EntryState::Waiting { until: Instant::now() + self.engine.fleet().again() };
            }
            Err(error) => {
                let is_unlisted =
                    matches!(&error.kind, RunErrorKind::Unprepared(source) if is_unlisted(source));
                if is_unlisted || matches!(error.kind, RunErrorKind::NoOffer { .. }) {
                    self.refused(series, &Chain(&error).to_string());
                    return;
                }
                entry.failed += 1;
                let doubled = 2_u32.saturating_pow(entry.failed.saturating_sub(1).min(8));
                let wait = AFTER_FAILURE.saturating_mul(doubled).min(LONGEST_WAIT);
                entry.state = EntryState::Waiting { until: Instant::now() + wait };
                self.fail(series, &error);
            }
        }
    }

    /// Answers what a listener needs.
    fn answer(&mut self, need: Need, stop: &CancellationToken) {
        match need {
            Need::Refill { series, until } => self.refills.want(&series, until, stop),
            Need::Check { series } => self.refills.check(&series, stop),
            Need::Save { series } => self.save(&series),
            Need::Refused { series, words } => self.refused(&series, &words),
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
                let state = LiveState::Stale;
                self.engine.telemetry().emit(StreamState { series: &series, state });
                self.connections.subscribe_anew(place);
            }
        }
        self.refills.look(stop);
    }

    fn refused(&mut self, series: &Arc<Series>, words: &str) {
        self.leave(series);
        let Some(entry) = self.entries.get_mut(series) else { return };
        let now = Instant::now();
        entry.state = EntryState::Waiting { until: now + entry.refusals.next(now) };
        self.engine.telemetry().emit(StreamRefused { series, words });
        self.fail(series, &RunErrorKind::NotLive { words: words.to_owned() }.of(series));
    }

    /// Stops listening to a series; what was accepted of it is published like any other rows.
    fn leave(&mut self, series: &Arc<Series>) {
        let Some(entry) = self.entries.get_mut(series) else { return };
        let left = std::mem::replace(&mut entry.state, EntryState::Waiting { until: Instant::now() });
        if let EntryState::Placed { place, .. } = left {
            self.connections.leave(&place);
        }
        self.refills.forget(series);
    }

    /// Counts a failure of a series before any connection carried it.
    fn fail(&mut self, series: &Arc<Series>, error: &RunError) {
        let (reason, error) = (error.reason(), &Chain(error));
        self.engine.telemetry().emit(StreamUncovered { series, reason, error });
        self.save(series);
    }

    /// Saves the health of a series, so that it survives restarts.
    fn save(&mut self, series: &Arc<Series>) {
        let (engine, series) = (Arc::clone(&self.engine), Arc::clone(series));
        self.saving.spawn(async move { engine.save_health(&series).await });
    }

    async fn end(mut self) {
        self.listings.end().await;
        self.admitting.shutdown().await;
        let mut unsaved = BTreeSet::new();
        let mut note = |need| match need {
            Need::Save { series } => drop(unsaved.insert(series)),
            // The next start finds out what is missing.
            Need::Refill { .. } | Need::Check { .. } | Need::Refused { .. } => {}
        };
        {
            let ending = self.connections.end();
            tokio::pin!(ending);
            loop {
                tokio::select! {
                    () = &mut ending => break,
                    Some(need) = self.needs.recv() => note(need),
                }
            }
        }
        while let Ok(need) = self.needs.try_recv() {
            note(need);
        }
        self.refills.end().await;
        self.hourly.end().await;
        unsaved.iter().for_each(|series| self.save(series));
        while self.saving.join_next().await.is_some() {}
    }
}
