//! The schedule: when each job is due, how its last runs ended, and whether it is paused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::now;
use crate::engine::{Done, Engine, Job};
use crate::jobs::RunErrorKind;
use crate::model::{Micros, Series};

/// How soon a run that panicked is retried.
const AFTER_BREAK: Duration = Duration::from_secs(5);

/// A job's entry in the schedule.
pub(super) struct Entry {
    pub(super) job: Job,
    /// By the system's clock.
    pub(super) due: Option<Micros>,
    /// Consecutive failed runs.
    pub(super) failed: u32,
    /// Whether the last run failed because of the disk.
    by_storage: bool,
    /// Paused: not scheduled until it is resumed.
    pub(super) is_paused: bool,
    after_run: AfterRun,
}

/// The fate of a job after its present run, as decided by a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterRun {
    /// It is due again when its run says so.
    Rearm,
    /// Its schedule was changed meanwhile: it is due when that says so.
    Reschedule,
    /// It is no longer configured and leaves the schedule.
    Leave,
}

/// How a new configuration changed the jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Jobs that were not there before.
    pub added: usize,
    /// Jobs that are there no more.
    pub removed: usize,
    /// Jobs whose order or schedule changed.
    pub changed: usize,
}

#[derive(Default)]
pub(super) struct Schedule(BTreeMap<Arc<Series>, Entry>);

impl Entry {
    fn new(job: Job, engine: &Engine) -> Self {
        let known = engine.telemetry().health().of(job.series());
        Entry {
            due: job.trigger.first(now()),
            failed: known.map_or(0, |health| health.consecutive_errors),
            by_storage: false,
            is_paused: engine.is_paused(job.series()),
            after_run: AfterRun::Rearm,
            job,
        }
    }

    /// When it next runs by itself, if it does.
    pub(super) fn waits_for(&self) -> Option<Micros> {
        self.due.filter(|_| !self.is_paused && !self.is_leaving())
    }

    /// Records the outcome of a run and when the job is due again.
    fn arm(&mut self, done: &Done) {
        self.due = done.due;
        match done.outcome.error.as_ref().map(|error| &error.kind) {
            None => (self.failed, self.by_storage) = (0, false),
            Some(RunErrorKind::Stopped | RunErrorKind::Refused(_) | RunErrorKind::NotOwner { .. }) => {}
            Some(kind) => {
                self.failed += 1;
                self.by_storage = matches!(kind, RunErrorKind::Store(_));
            }
        }
        if self.after_run == AfterRun::Reschedule {
            self.after_run = AfterRun::Rearm;
            self.due = self.job.trigger.first(now());
        }
    }

    /// Whether it leaves the schedule when its run has ended.
    pub(super) fn is_leaving(&self) -> bool {
        self.after_run == AfterRun::Leave
    }
}

impl Schedule {
    pub(super) fn new(jobs: Vec<Job>, engine: &Engine) -> Self {
        let schedule = jobs.into_iter().map(|job| (Arc::clone(job.series()), Entry::new(job, engine)));
        Schedule(schedule.collect())
    }

    /// All entries, ordered by series.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Series>, &Entry)> {
        self.0.iter()
    }

    pub(super) fn get(&self, series: &Series) -> Option<&Entry> {
        self.0.get(series)
    }

    /// Records that a run ended; `done` is `None` if it panicked.
    pub(super) fn ended(&mut self, series: &Series, done: Option<&Done>) {
        let Some(entry) = self.0.get_mut(series) else { return };
        match done {
            Some(done) => entry.arm(done),
            None => entry.due = Some(now() + AFTER_BREAK),
        }
    }

    /// Its run was ended for another: it is due behind those that wait.
    pub(super) fn made_way(&mut self, series: &Series) {
        let entry = self.0.get_mut(series).filter(|entry| entry.due.is_some());
        entry.into_iter().for_each(|entry| entry.due = Some(now()));
    }

    /// The disk accepts writes again: runs that failed because of it are due now.
    pub(super) fn storage_is_back(&mut self) {
        let waiting = self.0.values_mut().filter(|entry| entry.by_storage);
        waiting.for_each(|entry| entry.due = Some(now()));
    }

    /// Pauses or resumes jobs. Runs missed during a pause are made up for by one.
    pub(super) fn pause(&mut self, series: &[Series], is_paused: bool) {
        for one in series {
            self.0.get_mut(one).into_iter().for_each(|entry| entry.is_paused = is_paused);
        }
    }

    /// The system's clock was set back: jobs due by the earlier clock would run too late.
    pub(super) fn clock_was_set_back(&mut self, at: Micros) {
        for entry in self.0.values_mut() {
            entry.due = entry.due.map(|due| due.min(entry.job.next_after(at).unwrap_or(at)));
        }
    }

    /// Brings jobs forward whose tracker rows are due earlier, because they were retried.
    pub(super) fn wake(&mut self, due: &[(Series, Micros)]) {
        for (series, since) in due {
            let entry =
                self.0.get_mut(series).filter(|entry| entry.waits_for().is_some_and(|at| *since < at));
            entry.into_iter().for_each(|entry| entry.due = Some(now().min(entry.due.unwrap_or(*since))));
        }
    }

    /// Switches to the jobs of a new configuration. Runs under way are not affected.
    pub(super) fn adopt(
        &mut self,
        jobs: Vec<Job>,
        is_running: impl Fn(&Series) -> bool,
        engine: &Engine,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut wanted: BTreeMap<Arc<Series>, Job> =
            jobs.into_iter().map(|job| (Arc::clone(job.series()), job)).collect();
        for (series, entry) in &mut self.0 {
            let Some(job) = wanted.remove(series) else {
                changes.removed += usize::from(!entry.is_leaving());
                entry.after_run = AfterRun::Leave;
                continue;
            };
            if entry.is_leaving() {
                changes.added += 1;
                entry.after_run = AfterRun::Reschedule;
            }
            if job == entry.job {
                continue;
            }
            changes.changed += 1;
            entry.after_run = if is_running(series) { AfterRun::Reschedule } else { AfterRun::Rearm };
            entry.due = job.trigger.first(now());
            entry.job = job;
        }
        changes.added += wanted.len();
        self.0.extend(wanted.into_iter().map(|(series, job)| (series, Entry::new(job, engine))));
        changes
    }

    /// Removes entries that are no longer configured and not running.
    pub(super) fn release(&mut self, is_running: impl Fn(&Series) -> bool) -> Vec<Arc<Series>> {
        let mut gone = Vec::new();
        self.0.retain(|series, entry| {
            let stays = !entry.is_leaving() || is_running(series);
            if !stays {
                gone.push(Arc::clone(series));
            }
            stays
        });
        gone
    }
}
