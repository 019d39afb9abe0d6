//! Admits series: a few of each exchange at a time, and what comes of each attempt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::engine::streams::attempts::verdict_of;
use crate::engine::streams::entry::{Admitted, EntryState, Held, NotAdmitted, admit};
use crate::engine::streams::{AFTER_CANCEL, Streams};
use crate::jobs::stream::is_unlisted;
use crate::jobs::{RunError, RunErrorKind};
use crate::model::Series;
use crate::telemetry::LiveState;
use crate::telemetry::events::Chain;
use crate::tracker::Verdict;
use crate::worker::TaskLease;

/// The wait where no connection takes a series.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many series of an exchange are admitted at a time: one that does not answer holds up no other.
pub(super) const ADMITTING: usize = 8;

/// How many series there are of each exchange.
fn by_exchange<'a>(series: impl Iterator<Item = &'a Arc<Series>>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for own in series {
        *counts.entry(own.exchange().to_owned()).or_default() += 1;
    }
    counts
}

impl Streams {
    /// Begins to admit what is due, as far as there is room.
    pub(super) fn admit(&mut self, stop: &CancellationToken) {
        let at = Instant::now();
        let mut admitting = by_exchange(self.admitting.keys());
        for (series, entry) in &mut self.entries {
            if admitting.get(series.exchange()).is_some_and(|count| *count >= ADMITTING) {
                continue;
            }
            let is_due = entry.is_due(at, || self.engine.fleet().has(series));
            let is_busy = self.leaving.has(series)
                || self.attempts.is_recording(series)
                || self.listings.is_pending(series)
                || !self.books.has_room(&entry.job);
            if !is_due || is_busy || self.engine.is_paused(series) {
                continue;
            }
            entry.state = EntryState::Admitting;
            self.books.expect(&entry.job);
            let (engine, job, stop) = (Arc::clone(&self.engine), entry.job.clone(), stop.clone());
            let admission = async move { admit(&engine, &job, &stop).await };
            *admitting.entry(series.exchange().to_owned()).or_default() += 1;
            self.admitting.spawn(Arc::clone(series), admission);
        }
    }

    /// An attempt to admit a series ended; one that broke off has failed.
    pub(super) fn admitted(
        &mut self,
        series: Arc<Series>,
        ended: Result<Result<Admitted, NotAdmitted>, JoinError>,
    ) {
        let result = match ended {
            Ok(result) => result,
            Err(error) => Err(RunErrorKind::Broken { reason: error.to_string() }.of(&series).into()),
        };
        // One that was left meanwhile is admitted anew.
        let entry =
            self.entries.get_mut(&series).filter(|entry| matches!(entry.state, EntryState::Admitting));
        match (entry, result) {
            (None, result) => self.not_wanted(&series, result),
            (Some(entry), Ok(admitted)) => {
                let (held, topic) = admitted.parts();
                // Before its place: an open connection may show it live at once.
                self.engine.live_states().show(&series, LiveState::Connecting, None);
                match self.connections.place(topic) {
                    Ok(place) => entry.state = EntryState::Placed { place, held },
                    Err(words) => self.unplaced(&series, &words, held),
                }
            }
            (Some(_), Err(NotAdmitted { error, lease })) => self.not_admitted(&series, &error, lease),
        }
    }

    /// Gives back what was admitted and is no longer wanted.
    fn not_wanted(&mut self, series: &Arc<Series>, result: Result<Admitted, NotAdmitted>) {
        match result {
            Ok(admitted) => self.leaving.begin(series, None, admitted.parts().0, Verdict::GivenBack, true),
            Err(NotAdmitted { lease, .. }) => {
                lease.into_iter().for_each(|lease| self.settle(series, lease, Verdict::GivenBack));
                if !self.entries.contains_key(series) {
                    self.engine.forget_live(series);
                }
            }
        }
    }

    /// No connection takes it; it is tried again.
    fn unplaced(&mut self, series: &Arc<Series>, words: &str, held: Held) {
        let error = RunErrorKind::NotLive { words: words.to_owned() }.of(series);
        self.books.arrived(series);
        self.leaving.begin(series, None, held, verdict_of(&error, now() + LONGEST_WAIT), true);
        self.wait(series, LONGEST_WAIT);
        self.fail(series, &error);
    }

    fn not_admitted(&mut self, series: &Arc<Series>, error: &RunError, lease: Option<TaskLease>) {
        self.books.arrived(series);
        let words = || Chain(error).to_string();
        let states = self.engine.live_states().clone();
        let wait = match &error.kind {
            RunErrorKind::Stopped | RunErrorKind::NotOwner { .. } => {
                let (until, for_owner) = (Instant::now() + self.engine.fleet().again(), true);
                self.set(series, EntryState::Waiting { until, for_owner });
                states.show(series, LiveState::Off, Some(&words()));
                lease.into_iter().for_each(|lease| self.settle(series, lease, Verdict::GivenBack));
                return;
            }
            RunErrorKind::Refused(_) => {
                tracing::info!(%series, "not listened to: {}", words());
                states.show(series, LiveState::Off, Some(&words()));
                return self.wait(series, AFTER_CANCEL);
            }
            RunErrorKind::Unprepared(source) if is_unlisted(source) => {
                return self.refused(series, &words(), error, lease);
            }
            RunErrorKind::NoOffer { .. } => return self.refused(series, &words(), error, lease),
            _ => self.back_off(series),
        };
        lease.into_iter().for_each(|lease| self.settle(series, lease, verdict_of(error, now() + wait)));
        self.wait(series, wait);
        self.fail(series, error);
    }

    /// The wait after one more failure of a series.
    pub(super) fn back_off(&mut self, series: &Series) -> Duration {
        let Some(entry) = self.entries.get_mut(series) else { return LONGEST_WAIT };
        entry.failures.next(Instant::now())
    }
}
