//! The scheduler: runs every job at the start and then on its trigger, and serves requests beside it. There is
//! never more than one run per series. Runs of all exchanges share the slots, but each exchange may have one run anyway.

mod commands;
mod copies;
mod followers;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::daemon::Status;
use crate::daemon::command::{Command, INBOX};
use crate::daemon::requests::{Follower, Requests};
use crate::daemon::schedule::Schedule;
use crate::daemon::tables;
use crate::daemon::turns::{self, Turns};
use crate::engine::carry_out;
use crate::engine::{Done, Engine, How, Job, Report, Work};
use crate::jobs::{Order, Precedence, Progress, RunError};
use crate::model::{Micros, Series};
use crate::telemetry::events::{JobsCounted, SchedulerTicked};

/// The longest time between two rounds, so that a changed system clock is noticed.
const ROUND: Duration = Duration::from_secs(1);
/// How often the disk is measured and the job table is rebuilt.
const LOOK: Duration = Duration::from_secs(5);
/// How long runs may take to end after a stop.
pub const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// Runs jobs until it is stopped.
pub struct Scheduler {
    engine: Arc<Engine>,
    status: Arc<Status>,
    schedule: Schedule,
    /// Slots for scheduled runs, and the same number again for requested ones, so that neither delays the
    /// other.
    slots: usize,
    turns: Turns,
    runs: HashMap<Arc<Series>, Run>,
    running: JoinSet<Ran>,
    /// The request about the copies being served; returns the restores to run as work on series.
    copying: JoinSet<Vec<Work>>,
    requests: Requests,
    commands: mpsc::Sender<Command>,
    inbox: mpsc::Receiver<Command>,
    /// Whether the disk refused something at the last check.
    in_trouble: bool,
    /// When the queues were last counted.
    counted: Option<Instant>,
    /// When the disk was last checked.
    looked: Option<Instant>,
    /// The latest system time seen since the clock was last set back.
    shown: Micros,
}

struct Run {
    id: Id,
    origin: Origin,
    followers: Vec<Follower>,
    begun: Instant,
    /// Cancelled when it is to make way for another.
    turn: CancellationToken,
}

/// The reason a run was started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The series' job was due.
    Schedule,
    /// A request for a run of the series' job.
    RequestedJob,
    /// A request for other work on the series.
    RequestedWork,
}

impl Run {
    fn is_of_job(&self) -> bool {
        self.origin != Origin::RequestedWork
    }

    fn is_requested(&self) -> bool {
        self.origin != Origin::Schedule
    }

    /// Whether it may be ended for another, since no request waits for it.
    fn may_make_way(&self) -> bool {
        !self.is_requested() && self.followers.is_empty()
    }
}

/// A run that ended.
struct Ran {
    series: Arc<Series>,
    done: Done,
}

impl Ran {
    fn is_stopped(&self) -> bool {
        self.done.outcome.error.as_ref().is_some_and(RunError::is_stop)
    }
}

impl Scheduler {
    /// A scheduler whose jobs are due at once, except those on demand.
    #[must_use]
    pub fn new(engine: Arc<Engine>, status: Arc<Status>, jobs: Vec<Job>, slots: usize) -> Self {
        let (commands, inbox) = mpsc::channel(INBOX);
        Scheduler {
            schedule: Schedule::new(jobs, &engine),
            engine,
            status,
            slots: slots.max(1),
            turns: Turns::default(),
            runs: HashMap::new(),
            running: JoinSet::new(),
            copying: JoinSet::new(),
            requests: Requests::default(),
            commands,
            inbox,
            in_trouble: false,
            counted: None,
            looked: None,
            shown: now(),
        }
    }

    /// Has a run make way for a job that waited for so long once it lasted for so long, for tests that cannot wait for minutes.
    #[doc(hidden)]
    #[must_use]
    pub fn with_turns(mut self, lasts: Duration, waits: Duration) -> Self {
        self.turns = Turns { lasts, waits };
        self
    }

    /// The sending end of its command channel.
    pub(super) fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// Runs jobs until `stop`, then lets running ones end: no new page is requested, and accepted rows are
    /// published. Returns how many did not end in time.
    pub async fn run(mut self, stop: &CancellationToken) -> usize {
        while !stop.is_cancelled() {
            self.tick();
            self.start_copies();
            self.start_requested(stop);
            self.start_due(stop);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.until_next()) => {}
                Some(ended) = self.running.join_next() => self.ended(ended),
                Some(served) = self.copying.join_next() => self.copies_served(served),
                Some(command) = self.inbox.recv() => self.obey(command, stop),
            }
        }
        self.wind_down().await
    }

    fn tick(&mut self) {
        self.status.tick();
        let at = now();
        self.engine.telemetry().emit(SchedulerTicked { at });
        if at + ROUND < self.shown {
            self.schedule.clock_was_set_back(at);
        }
        self.shown = at;
        if self.counted.is_none_or(|at| at.elapsed() >= ROUND) {
            self.counted = Some(Instant::now());
            let running = self.running_series();
            self.status.set_queues(tables::queues(&self.schedule, &running, self.requests.waiting()));
        }
        self.tell_holds();
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            self.engine.measure_disk();
            self.engine.share_limits();
            self.look_at_storage();
            self.show();
        }
    }

    /// Updates whether the disk accepts writes; once it does again, runs that failed because of it are due.
    fn look_at_storage(&mut self) {
        let trouble = self.engine.storage_trouble();
        let is_over = self.in_trouble && trouble.is_none();
        self.in_trouble = trouble.is_some();
        match trouble {
            Some(why) => self.status.set_unready("storage", why),
            None => self.status.clear_unready("storage"),
        }
        if is_over {
            self.schedule.storage_is_back();
        }
    }

    /// Rebuilds the job table and the queue counts.
    fn show(&self) {
        let (rows, counts) = tables::jobs(&self.schedule, &self.running_series(), &self.engine);
        self.engine.telemetry().emit(JobsCounted(counts));
        self.status.set_jobs(rows);
    }

    fn running_series(&self) -> HashSet<&Series> {
        self.runs.keys().map(|series| &**series).collect()
    }

    fn start_due(&mut self, stop: &CancellationToken) {
        let at = now();
        let idle = self.schedule.iter().filter(|(series, _)| !self.runs.contains_key(*series));
        let mut due: Vec<(Micros, Arc<Series>)> = idle
            .filter_map(|(series, entry)| {
                Some((entry.waits_for().filter(|due| *due <= at)?, Arc::clone(series)))
            })
            .collect();
        due.sort_unstable();
        let (begun, waiting) = turns::next(due, self.runs_by_exchange(), self.slots);
        if let Some((due, series)) = waiting {
            self.make_way_for(&series, at.since(due));
        }
        for (due, series) in begun {
            let Some(entry) = self.schedule.get(&series) else { continue };
            let order = Order { precedence: Precedence::RepairsLast, ..entry.job.order.clone() };
            // Other requests that wait for this run follow it too.
            let followers = self.requests.share(&series);
            let work = Work::of_job(Job { order, ..entry.job.clone() }, entry.failed);
            let run = (work, at.since(due), stop.clone());
            self.start(run, Origin::Schedule, followers);
        }
    }

    /// How many scheduled runs of each exchange are under way.
    fn runs_by_exchange(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (series, _) in self.runs.iter().filter(|(_, run)| !run.is_requested()) {
            *counts.entry(series.exchange().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Ends the run that has lasted longest of those that would let a job begin, if it had its turn and the job has waited
    /// for so long; its own job is due again at once.
    fn make_way_for(&self, waiting: &Series, waited: Duration) {
        if self.runs.values().any(|run| run.turn.is_cancelled()) {
            return;
        }
        let running = self.runs_by_exchange();
        let helps = |own: &Series| turns::helps(own.exchange(), waiting.exchange(), &running);
        let able = self.runs.iter().filter(|(own, run)| run.may_make_way() && helps(own));
        let longest = able.min_by_key(|(_, run)| run.begun);
        if let Some((series, run)) = longest
            && self.turns.makes_way(run.begun.elapsed(), waited)
        {
            tracing::info!(%series, "its run makes way for {waiting} and goes on later");
            run.turn.cancel();
        }
    }

    fn start_requested(&mut self, stop: &CancellationToken) {
        while self.under_way(true) < self.slots {
            let runs = &self.runs;
            let Some(next) = self.requests.next(|series| !runs.contains_key(series)) else { break };
            let (origin, stop) = match next.work.is_of_job() {
                // A job's run goes on when its requester withdraws.
                true => (Origin::RequestedJob, stop.clone()),
                false => (Origin::RequestedWork, next.stop),
            };
            self.start((next.work, Duration::ZERO, stop), origin, next.followers);
        }
    }

    fn start(
        &mut self,
        (work, delay, stop): (Work, Duration, CancellationToken),
        origin: Origin,
        followers: Vec<Follower>,
    ) {
        let (engine, series) = (Arc::clone(&self.engine), Arc::clone(&work.order.series));
        let feeds: Vec<_> = followers.iter().map(|(_, feed)| Arc::clone(feed)).collect();
        let turn = stop.child_token();
        let stop = turn.clone();
        let running = async move {
            let series = Arc::clone(&work.order.series);
            let tell = |at: Progress| feeds.iter().for_each(|feed| feed.progress(&series, at));
            let done = carry_out(&engine, &work, delay, &tell, &stop).await;
            Ran { series, done }
        };
        let id = self.running.spawn(running).id();
        self.runs.insert(series, Run { id, origin, followers, begun: Instant::now(), turn });
    }

    /// The number of running scheduled, or requested, runs.
    fn under_way(&self, is_requested: bool) -> usize {
        self.runs.values().filter(|run| run.is_requested() == is_requested).count()
    }

    /// The time until the next job is due, at most one round.
    fn until_next(&self) -> Duration {
        if self.under_way(false) >= self.slots {
            return ROUND;
        }
        let idle = self.schedule.iter().filter(|(series, _)| !self.runs.contains_key(*series));
        let next = idle.filter_map(|(_, entry)| entry.waits_for()).min();
        next.map_or(ROUND, |due| due.since(now()).min(ROUND))
    }

    /// Reports a finished run to its followers and schedules the next.
    fn ended(&mut self, ended: Result<Ran, JoinError>) {
        let (series, ran) = match ended {
            Ok(ran) => (Arc::clone(&ran.series), Some(ran)),
            Err(error) => {
                tracing::error!(%error, "a run broke off; please report this");
                let lost = self.runs.iter().find(|(_, run)| run.id == error.id());
                let Some((series, _)) = lost else { return };
                (Arc::clone(series), None)
            }
        };
        let Some(run) = self.runs.remove(&series) else { return };
        if run.is_of_job() {
            self.schedule.ended(&series, ran.as_ref().map(|ran| &ran.done));
            if run.turn.is_cancelled() && ran.as_ref().is_some_and(Ran::is_stopped) {
                self.schedule.made_way(&series);
            }
        }
        let report = match &ran {
            Some(ran) => Report::of(&self.engine, &series, &ran.done),
            None => Report {
                error: Some(format!("{series}: the run broke off; please report this")),
                ..Report::new(&series, How::Failed)
            },
        };
        for (id, feed) in run.followers {
            feed.report(report.clone());
            self.requests.left(id);
        }
        self.requests.tidy();
        self.release(&series);
    }

    /// Removes jobs that are no longer configured, and series that were only requested, once they are idle.
    fn release(&mut self, series: &Series) {
        let runs = &self.runs;
        for gone in self.schedule.release(|series| runs.contains_key(series)) {
            self.engine.forget(&gone);
        }
        let is_waited_for = self.requests.waiting().any(|work| *work.order.series == *series);
        if self.schedule.get(series).is_none() && !runs.contains_key(series) && !is_waited_for {
            self.engine.forget(series);
        }
    }

    async fn wind_down(mut self) -> usize {
        let deadline = Instant::now() + STOP_WITHIN;
        self.leave_copies().await;
        let mut left = 0;
        while !self.running.is_empty() {
            match tokio::time::timeout_at(deadline, self.running.join_next()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) => break,
                Err(_) => {
                    left = self.running.len();
                    self.running.shutdown().await;
                    self.tell_ended();
                }
            }
        }
        self.requests.cut_short();
        left
    }
}
