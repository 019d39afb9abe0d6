//! Handles the scheduler's commands: requests for work and jobs, pauses, a new configuration.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Scheduler;
use crate::clock::now;
use crate::daemon::command::Command;
use crate::daemon::refusal::Refusal;
use crate::daemon::requests::Follower;
use crate::daemon::schedule::Changes;
use crate::engine::{Job, Work};
use crate::model::{Series, select};

impl Scheduler {
    pub(super) fn obey(&mut self, command: Command, stop: &CancellationToken) {
        // The requester may have disconnected; finish the work anyway.
        match command {
            Command::Work { works, at_once, reply } => {
                let _ = reply.send(self.take_work(works, at_once, stop));
            }
            Command::Copies { asked, config, reply } => {
                let opened = self.requests.open_copies(asked, config, stop.child_token());
                let _ = reply.send(opened.ok_or(Refusal::TooMuch));
            }
            Command::RunJobs { asked, reply } => {
                let _ = reply.send(self.run_jobs(&asked, stop));
            }
            Command::Find { asked, live, reply } => {
                let _ = reply.send(self.find(&asked, &live));
            }
            Command::Pause { series, is_paused } => {
                self.schedule.pause(&series, is_paused);
                self.looked = None;
            }
            Command::TakeUp { works } => self.take_up(works, stop),
            Command::Wake { due } => self.schedule.wake(&due),
            Command::Cancel { id, reply } => {
                let _ = reply.send(self.cancel(id));
            }
            Command::Adopt { jobs, slots, reply } => {
                let _ = reply.send(self.adopt(jobs, slots));
            }
        }
    }

    fn take_work(
        &mut self,
        works: Vec<Work>,
        at_once: usize,
        stop: &CancellationToken,
    ) -> Result<Follower, Refusal> {
        let series: Vec<Arc<Series>> = works.iter().map(|work| Arc::clone(&work.order.series)).collect();
        let opened = self.requests.open(works, at_once, stop.child_token());
        self.requests.tidy();
        opened.ok_or_else(|| {
            series.iter().for_each(|series| self.release(series));
            Refusal::TooMuch
        })
    }

    /// Starts tasks that wait in the tracker: as many as there is room for, one per series at a time.
    fn take_up(&mut self, works: Vec<Work>, stop: &CancellationToken) {
        let mut taken: HashSet<Arc<Series>> = self.runs.keys().cloned().collect();
        taken.extend(self.requests.waiting().map(|work| Arc::clone(&work.order.series)));
        let room = self.slots.saturating_sub(self.under_way(true) + self.requests.waiting().count());
        let fitting = works.into_iter().filter(|work| taken.insert(Arc::clone(&work.order.series)));
        let fitting: Vec<Work> = fitting.take(room).collect();
        if !fitting.is_empty() {
            // These have no followers; the tracker records their outcome.
            let _ = self.requests.open(fitting, usize::MAX, stop.child_token());
        }
    }

    /// Resolves selectors to jobs, and live series beside them. Errors if a selector matches none.
    fn find(&self, asked: &[String], live: &[Arc<Series>]) -> Result<Vec<Series>, Refusal> {
        let known =
            self.schedule.iter().filter(|(_, entry)| !entry.is_leaving()).map(|(series, _)| &**series);
        let known: BTreeSet<&Series> = known.chain(live.iter().map(|series| &**series)).collect();
        let found = select(asked, known).map_err(Refusal::NoSuchJob)?;
        Ok(found.into_iter().cloned().collect())
    }

    /// Runs jobs now. A job that is already running is followed rather than run twice.
    fn run_jobs(&mut self, asked: &[String], stop: &CancellationToken) -> Result<Follower, Refusal> {
        let (mut works, mut runs) = (Vec::new(), Vec::new());
        for series in self.find(asked, &[])? {
            match (self.runs.get(&series), self.schedule.get(&series)) {
                (Some(run), _) if run.is_of_job() => runs.push(series),
                (_, Some(entry)) => works.push(Work::of_job(entry.job.clone(), entry.failed)),
                (_, None) => {}
            }
        }
        let opened = self.requests.open(works, usize::MAX, stop.child_token());
        let (id, feed) = opened.ok_or(Refusal::TooMuch)?;
        for series in runs {
            self.requests.follows(id);
            let run = self.runs.get_mut(&series);
            run.into_iter().for_each(|run| run.followers.push((id, Arc::clone(&feed))));
        }
        self.requests.tidy();
        Ok((id, feed))
    }

    /// Cancels a request. A job's run that has begun continues without it.
    fn cancel(&mut self, id: u64) -> bool {
        let taken_back = self.requests.cancel(id);
        for run in self.runs.values_mut().filter(|run| run.is_of_job()) {
            let before = run.followers.len();
            run.followers.retain(|(follower, _)| *follower != id);
            (run.followers.len()..before).for_each(|_| self.requests.left(id));
        }
        self.requests.tidy();
        taken_back.iter().flatten().for_each(|work| self.release(&work.order.series));
        taken_back.is_some()
    }

    /// Switches to a new configuration.
    fn adopt(&mut self, jobs: Vec<Job>, slots: usize) -> Changes {
        self.slots = slots.max(1);
        jobs.iter().for_each(|job| self.engine.declare(job.series(), job.trigger.interval(now())));
        let runs = &self.runs;
        let changes = self.schedule.adopt(jobs, |series| runs.contains_key(series), &self.engine);
        for gone in self.schedule.release(|series| runs.contains_key(series)) {
            self.engine.forget(&gone);
        }
        self.looked = None;
        changes
    }
}
