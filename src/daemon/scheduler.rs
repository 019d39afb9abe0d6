//! The scheduler: every job at the start, then on its rhythm; never two runs of a series, never more than the slots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::daemon::site::now;
use crate::daemon::{Job, Site, Turn};
use crate::jobs::{Order, RunError};
use crate::model::Micros;
use crate::telemetry::events::{JobsCounted, SchedulerTicked};
use crate::telemetry::{JobCounts, JobRow, QueueView, Status};

/// The scheduler looks round at least this often, so that a changed system clock is noticed.
const ROUND: Duration = Duration::from_secs(1);
/// How often the disk is measured and the table of jobs made anew.
const LOOK: Duration = Duration::from_secs(5);
/// How long runs may take to end once the daemon is told to stop.
pub const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// Runs jobs until it is told to stop.
pub struct Scheduler {
    site: Arc<Site>,
    status: Arc<Status>,
    places: Vec<Place>,
    slots: usize,
    running: JoinSet<(usize, Turn)>,
    /// The disk refused something when it was last looked at.
    in_trouble: bool,
    /// When the queues were last counted.
    counted: Option<Instant>,
}

/// A job's place in the schedule.
struct Place {
    job: Job,
    /// By the system's clock.
    due: Option<Micros>,
    /// The task that runs it now.
    task: Option<Id>,
    failed: u32,
    /// The last run failed by the disk.
    by_storage: bool,
}

impl Scheduler {
    /// A scheduler for jobs that are due at once, but those that run on demand.
    #[must_use]
    pub fn new(site: Arc<Site>, status: Arc<Status>, jobs: Vec<Job>, slots: usize) -> Self {
        let started = now();
        let places = jobs
            .into_iter()
            .map(|job| {
                let failed =
                    site.telemetry().health().of(job.series()).map_or(0, |health| health.consecutive_errors);
                Place { due: job.rhythm.first(started), job, task: None, failed, by_storage: false }
            })
            .collect();
        Scheduler {
            site,
            status,
            places,
            slots: slots.max(1),
            running: JoinSet::new(),
            in_trouble: false,
            counted: None,
        }
    }

    /// Runs jobs until `stop`, then lets those that run end: no new page is begun, what was accepted is
    /// published. Gives how many did not end in time.
    pub async fn run(mut self, stop: &CancellationToken) -> usize {
        let mut looked = None;
        while !stop.is_cancelled() {
            self.tick(&mut looked);
            self.start_due(stop);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.until_next()) => {}
                Some(ended) = self.running.join_next() => self.ended(ended),
            }
        }
        self.wind_down().await
    }

    fn tick(&mut self, looked: &mut Option<Instant>) {
        self.status.tick();
        self.site.telemetry().emit(SchedulerTicked { at: now() });
        if self.counted.is_none_or(|at| at.elapsed() >= ROUND) {
            self.counted = Some(Instant::now());
            self.status.set_queues(self.queues());
        }
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            *looked = Some(Instant::now());
            self.site.measure_disk();
            self.look_at_storage();
            self.show();
        }
    }

    /// Says whether the disk takes what it is given; once it does again, the runs that failed by it are due.
    fn look_at_storage(&mut self) {
        let trouble = self.site.storage_trouble();
        let is_over = self.in_trouble && trouble.is_none();
        self.in_trouble = trouble.is_some();
        match trouble {
            Some(why) => self.status.set_unready("storage", why),
            None => self.status.clear_unready("storage"),
        }
        if is_over {
            let waiting = self.places.iter_mut().filter(|place| place.by_storage && place.task.is_none());
            waiting.for_each(|place| place.due = Some(now()));
        }
    }

    fn start_due(&mut self, stop: &CancellationToken) {
        let at = now();
        let mut due: Vec<(Micros, usize)> = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, place)| place.task.is_none())
            .filter_map(|(index, place)| Some((place.due.filter(|due| *due <= at)?, index)))
            .collect();
        due.sort_unstable();
        let free = self.slots - self.running.len().min(self.slots);
        for (due, index) in due.into_iter().take(free) {
            let place = &mut self.places[index];
            let order = Order { spare_repairs: true, ..place.job.order.clone() };
            let (job, failed) = (Job { order, ..place.job.clone() }, place.failed);
            let (site, stop) = (Arc::clone(&self.site), stop.clone());
            let running = async move { (index, site.take_turn(&job, failed, at.since(due), &stop).await) };
            place.task = Some(self.running.spawn(running).id());
        }
    }

    /// How long until the next job is due, at most a round.
    fn until_next(&self) -> Duration {
        let at = now();
        let waiting = self.places.iter().filter(|place| place.task.is_none()).filter_map(|place| place.due);
        let full = self.running.len() >= self.slots;
        waiting.filter(|_| !full).min().map_or(ROUND, |due| due.since(at).min(ROUND))
    }

    fn ended(&mut self, ended: Result<(usize, Turn), JoinError>) {
        match ended {
            Ok((index, turn)) => self.arm(index, &turn),
            Err(error) => self.free_lost(&error),
        }
    }

    /// Says when a job whose turn is over is due again.
    fn arm(&mut self, index: usize, turn: &Turn) {
        let place = &mut self.places[index];
        (place.task, place.due) = (None, turn.due);
        let Ok(outcome) = &turn.outcome else { return };
        place.by_storage = matches!(&outcome.error, Some(RunError::Store { .. }));
        match &outcome.error {
            None => place.failed = 0,
            Some(RunError::Stopped { .. }) => {}
            Some(_) => place.failed += 1,
        }
    }

    /// Frees the place of a run that broke off; it is tried again soon.
    fn free_lost(&mut self, error: &JoinError) {
        tracing::error!(%error, "a run broke off; please report this");
        for place in self.places.iter_mut().filter(|place| place.task == Some(error.id())) {
            place.task = None;
            place.due = Some(now() + LOOK);
        }
    }

    async fn wind_down(mut self) -> usize {
        let deadline = Instant::now() + STOP_WITHIN;
        while !self.running.is_empty() {
            match tokio::time::timeout_at(deadline, self.running.join_next()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) => break,
                Err(_) => {
                    let left = self.running.len();
                    self.running.shutdown().await;
                    return left;
                }
            }
        }
        0
    }

    /// The jobs of each exchange by what they are doing.
    fn queues(&self) -> Vec<QueueView> {
        let at = now();
        let mut queues: BTreeMap<&str, QueueView> = BTreeMap::new();
        for place in &self.places {
            let name = place.job.series().exchange();
            let queue = queues
                .entry(name)
                .or_insert_with(|| QueueView { name: name.to_owned(), ..QueueView::default() });
            let is_idle = place.task.is_none();
            match place.due.filter(|_| is_idle) {
                Some(due) if due <= at => {
                    queue.depth += 1;
                    queue.oldest_due = Some(queue.oldest_due.map_or(due, |oldest| oldest.min(due)));
                }
                Some(_) => queue.scheduled += 1,
                None => queue.in_progress += u64::from(!is_idle),
            }
            queue.failed += u64::from(is_idle && place.failed > 0);
        }
        queues.into_values().collect()
    }

    /// Makes the table of jobs and their counts anew.
    fn show(&self) {
        let mut counts = JobCounts::default();
        let health = self.site.telemetry().health();
        let metrics = self.site.telemetry().metrics();
        let rows = self.places.iter().map(|place| {
            match (place.task.is_some(), place.failed) {
                (true, _) => counts.running += 1,
                (false, 0) => counts.waiting += 1,
                (false, _) => counts.retrying += 1,
            }
            let series = place.job.series();
            let known = health.of(series);
            JobRow {
                series: (**series).clone(),
                last_run_at: known.as_ref().and_then(|known| known.last_run_at),
                last_success_at: known.as_ref().and_then(|known| known.last_success_at),
                rows: known.as_ref().map_or(0, |known| known.rows),
                consecutive_errors: known.as_ref().map_or(0, |known| known.consecutive_errors),
                last_error: known.and_then(|known| known.last_error),
                newest_row: metrics.newest_row(series),
                next_run_at: place.due.filter(|_| place.task.is_none()),
            }
        });
        let rows: Vec<JobRow> = rows.collect();
        self.site.telemetry().emit(JobsCounted(counts));
        self.status.set_jobs(rows);
    }
}
